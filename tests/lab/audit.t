#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# `exitcheck audit` of VMs that are not exitcheck's: nothing is lost where VMs, vCPUs and threads come and go; a VM
# is followed from the middle of its life; what cannot be compared is said, and is no failure; a KVM that charges no
# cycles fails.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
${CC:-cc} -O2 -Wall -Wextra -Werror -o "$out/vmm" "$here/vmm.c"

{ cat "$here/../tap.sh"; cat <<'END'; } |
# audit NAME COMMAND...: into /tmp/NAME, and its status into $status.
audit()
{
	name=$1
	shift
	timeout 120 exitcheck audit "$@" >/tmp/$name 2>/tmp/$name.err && status=0 || status=$?
	closing=$(tail -n 1 /tmp/$name)
	echo "# $name: $closing"
}

# begun NAME: waits until an audit in the background says that it watches.
begun()
{
	until grep -q '; Ctrl-C ends it' /tmp/$1.err 2>/dev/null; do
		usleep 50000
	done
}

for what in "vms 300" "vcpus 300" "threads 3000"; do
	audit "${what% *}" -- vmm $what
	is "vmm $what: PASS" $status 0
	like "vmm $what: every exit and every read" "$closing" '^PASS: ([0-9,]+) of \1 exits compared in place, and [0-9,]+ leaf reads, 0 different$'
done
# 8 leaves and the exit to user space, 2 rounds of each vCPU; the last exit of each does not end.
like "300 vCPUs: as many reads as there were" "$(tail -n 1 /tmp/vcpus)" ' 4,800 leaf reads'
like "3,000 threads: likewise" "$(tail -n 1 /tmp/threads)" ' 24,000 leaf reads'

audit supplied -- vmm supply
is "the VMM's own entries: PASS" $status 0
like "and said" "$closing" '; 40 leaf reads that a CPUID entry of the VMM.s answers$'

vmm idle &
until [ -e /tmp/ran ]; do
	usleep 50000
done
audit idle --seconds 5 &
begun idle
touch /tmp/go
wait $!
audit=$(tail -n 1 /tmp/idle)
like "a vCPU that has been idle since before: its VM's sums are not compared" "$audit" \
	'^INCONCLUSIVE: .* 0 different; 80 leaf reads of sums over vCPUs of which some may have run before$'

vmm forever &
running=$!
until_true has_exits $running
audit late --seconds 2
is "a VM that runs already: PASS" $status 0
like "from the first exit of each reason on" "$closing" '^PASS: .*; with [0-9]+ the comparison of a vCPU that had run before began$'
audit process -p $running --seconds 1
is "its process alone: PASS" $status 0
audit other -p $$ --seconds 1
is "another process: INCONCLUSIVE" $status 4
like "none of its VMs" "$closing" ': no VM ran meanwhile$'
audit lines --interval 1 --seconds 3
is "a line every second" "$(grep -c ' s  1 VM, 1 vCPU: ' /tmp/lines)" 2
audit json --json - --seconds 3
is "and a line of JSON each, the last with the verdict" "$(wc -l </tmp/json) $(grep -c '"status":0}$' /tmp/json)" '3 1'
audit tsc --clock tsc --seconds 1
is "by the TSC: PASS" $status 0
audit ended -p $running &
begun ended
kill $running
wait $! || true
like "ends with the process" "$(tail -n 1 /tmp/ended)" '^PASS: '
audit gone -p $running
is "a process that is gone: status 2" $status 2
like "and one line" "$(cat /tmp/gone.err)" "^exitcheck: there is no process $running\$"

audit background -- sh -c '(sleep 2; vmm vms 1) >/dev/null 2>&1 </dev/null & exit 0'
like "a command that goes into the background: said" "$closing" ': sh: it ended, and no VM ran meanwhile; of a VMM that goes into the background, give -p PID$'

unload_kvm
load_kvm mutant-not-timed
audit untimed -- vmm vms 2
is "a KVM that charges no cycles: FAIL" $status 1
like "and why" "$closing" '^FAIL: KVM.s account of exits is wrong: .* were charged no cycles'
done_testing
END
"$here/lab" run --kernel "$kernel" --isa "$isa" --patch series,mutant-not-timed --bring "$out/vmm" --timeout 600 --job -
