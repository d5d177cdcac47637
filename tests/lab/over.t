#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# `exitcheck stat --over`: each exit that takes longer is there once, with its parts and who had its CPU meanwhile, or it is
# said how many are not.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
# shellcheck source=tests/lab/split.sh
. "$here/split.sh"

{ functions; cat <<'END'; } |
for clock in monotonic tsc; do
	# Nothing that an emulator does takes 20 ms, but a halt of 50 ms.
	stat halts --clock $clock --over 20ms -- vmm halts 20 50000
	like "halts, by $clock: complete" "$status $closing" '^0 complete: .*; parts sum up to the time$'
	halts=$(grep -c '^vmm vCPU 0 .* HLT  ' /tmp/halts) || :
	ok "by $clock: each halt is shown" test "$halts" -ge 19 -a "$halts" -le 20
	like "and counted" "$(cat /tmp/halts)" '^[0-9]+ exits over 20.0 ms$'
	is "in the order of time" "$(awk '/^vmm vCPU/ { sub(/.* HLT +/, ""); print $1 }' /tmp/halts | sort -n -c 2>&1)" ""
	stat all --clock $clock --over 1us -- vmm vms 100
	like "all, by $clock: complete" "$status $closing" '^0 complete: '
	# The last exit of each VM is under way.
	set -- $(sed -n 's/,//g; s/^\([0-9]*\) exits over 1.00 .*; \([0-9]*\) more were dropped.*/\1 \2/p' /tmp/all)
	exits=$(awk -F , '$3 == "all" { sum += $10 } END { print sum - 100 }' /tmp/all.csv)
	is "by $clock: shown and dropped are all exits" "$(($1 + $2))" "$exits"
done
beside stat shared --over 1ms -- taskset 1 vmm waits 300
like "who had the CPU is named" "$(cat /tmp/shared)" ' (sh|busybox|greedy|ash|bash|dash) \([0-9]+\)$'
stat intervals --over 1us --interval 1 --seconds 2 -- vmm forever
ok "each interval has its own, all together none" test "$(grep -c 'exits over' /tmp/intervals)" -ge 2 -a \
	"$(sed -n '/^VM exits/,$p' /tmp/intervals | grep -c 'exits over')" = 0
stat kernel --source kernel --over 1ms --seconds 1
is "not by the kernel: status 2" "$status $(head -n 1 /tmp/kernel.err)" "2 exitcheck: --over is of eBPF: leave out --source kernel"
ok "nothing remains" settled
done_testing
END
"$here/lab" run --kernel "$kernel" --isa "$isa" --patch series "${bring[@]}" --timeout 600 --job -
