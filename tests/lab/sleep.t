#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# `exitcheck stat --split`: a vCPU that sleeps is blocked for as long as its guest sees, and one that shares its CPU waits
# for as long as the scheduler says. Every instruction takes a nanosecond: an emulator takes 80 us to go to sleep and to wake.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
[ "$isa" = svm ] || skip_all "Bochs has no --icount"
# shellcheck source=tests/lab/split.sh
. "$here/split.sh"

{ functions; cat <<'END'; } |
for clock in monotonic tsc; do
	stat sleeps --clock $clock -- vmm halts 1000 1000
	like "by $clock: complete" "$status $closing" '^0 complete: .*; parts sum up to the time$'
	near "by $clock: blocked, of what the guest slept" "$(column sleeps $hlt 22)" "$(printed sleeps 2)" 2
	beside stat waits --clock $clock -- taskset 1 vmm waits 1000
	near "by $clock: waiting for a CPU, as the scheduler says" "$(column waits "" 23)" "$(printed waits 2)" 5
done
done_testing
END
"$here/lab" run --kernel "$kernel" --isa svm --icount --patch series "${bring[@]}" --timeout 600 --job -
