#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# `exitcheck stat --split`: the parts sum up to the time, whatever the clock and whoever runs the vCPU; where it cannot be
# had, one line says so.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
# shellcheck source=tests/lab/split.sh
. "$here/split.sh"

{ functions; cat <<'END'; } |
for clock in monotonic tsc; do
	stat $clock --clock $clock -- vmm halts 200 1000
	like "halts, by $clock: complete" "$status $closing" '^0 complete: .*; parts sum up to the time$'
	ok "by $clock: blocked for some time" test "$(column $clock $hlt 22)" -gt 1000000
	stat threads --clock $clock --by detail -- vmm threads 20
	like "one vCPU, many threads, by $clock: complete" "$status $closing" \
		'^0 complete: .*; details sum up to each reason; parts sum up to the time$'
	stat vcpus --clock $clock -- vmm vcpus 20
	like "one thread, many vCPUs, by $clock: complete" "$status $closing" '^0 complete: .*; parts sum up to the time$'
	ok "those that do not run are in user space" test "$(column vcpus $io 20)" -gt $(($(column vcpus $io 19) * 2))
done
stat user -- vmm vms 20
ok "exits to user space have some time there" test "$(column user $io 20)" -gt 0
is "and are not blocked, nor does another reason go there" \
	"$(column user $io 21) $(column user $hlt 22) $(($(column user "" 20) - $(column user $io 20)))" '0 0 0'
beside stat shared -- taskset 1 vmm vms 10
like "beside a busy loop: complete" "$status $closing" '^0 complete: .*; parts sum up to the time$'
ok "who shares its CPU waits" test "$(column shared "" 23)" -gt 1000000
stat classic --path classic --seconds 1
is "not by the classic tracepoints: status 3" "$status $(cat /tmp/classic.err)" \
	"3 exitcheck: the parts of the time need KVM's type information: leave out --path classic"
stat kernel --source kernel --seconds 1
is "not by the kernel: status 2" "$status $(head -n 1 /tmp/kernel.err)" "2 exitcheck: --split is of eBPF: leave out --source kernel"
ok "nothing remains" settled
done_testing
END
"$here/lab" run --kernel "$kernel" --isa "$isa" --patch series "${bring[@]}" --timeout 600 --job -
