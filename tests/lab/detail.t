#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# `exitcheck stat --by detail` of guests whose exits are known by leaf, MSR, port, page and hypercall: exact, and summing
# up to each reason whatever comes and goes; beyond the bound, other. Where it cannot be had, one line says so.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
${CC:-cc} -O2 -Wall -Wextra -Werror -o "$out/vmm" "$here/vmm.c"

{ echo "isa=$isa"; cat <<'END'; } |
# stat NAME OPTION...: into /tmp/NAME, its CSV into /tmp/NAME.csv, and its status into $status.
stat()
{
	name=$1
	shift
	timeout 120 exitcheck stat --by detail --csv /tmp/$name.csv "$@" >/tmp/$name 2>/tmp/$name.err && status=0 || status=$?
	closing=$(tail -n 1 /tmp/$name)
	echo "# $name: status $status, $closing"
}

# exits NAME DETAIL [OF]: that have it, of all or of all intervals.
exits()
{
	awk -F '"' -v detail="$2" -v of="${3:-all}" '{ split($1, column, ",") }
		$(NF - 1) == detail && column[3] == of { sum += column[10] } END { print sum + 0 }' /tmp/$1.csv
}

# A round makes each once, and reads 300 leaves; its last exit is the OUT to port 0x10, and the last of all never ends.
rounds=20
# truth NAME: of these exits; a VMX exit that is under way has no detail yet.
truth()
{
	read_msr='RDMSR 0x0000008b' write_msr='WRMSR 0x00000079' open=0
	[ $isa = svm ] || read_msr=0x0000008b write_msr=0x00000079 open=1
	is "$1: MSRs" "$(exits $1 "$read_msr") $(exits $1 "$write_msr")" "$rounds $rounds"
	is "$1: ports" \
		"$(exits $1 'IN 0x1234, 2 bytes') $(exits $1 'OUT 0x1234, 4 bytes') $(exits $1 'OUT 0x10, 1 byte')" \
		"$rounds $rounds $((rounds - open))"
	is "$1: a hypercall" "$(exits $1 'number 77')" $rounds
	# The first access finds no page.
	is "$1: a page of MMIO" "$(exits $1 'MMIO page 0xb0000')" $((rounds - 1))
	is "$1: leaves of CPUID" "$(exits $1 'leaf 0x0') $(exits $1 'leaf 0xff')" "$rounds $rounds"
	is "$1: and those beyond the bound" "$(exits $1 'leaf 0x100') $(exits $1 other)" "0 $((44 * rounds + open))"
}

for clock in monotonic tsc; do
	stat $clock --clock $clock -- vmm details $rounds
	like "by $clock: complete" "$status $closing" '^0 complete: .*; details sum up to each reason$'
	truth $clock
done
is "no row without exits" "$(awk -F , '$10 == 0' /tmp/tsc.csv)" ''
if [ $isa = svm ]; then
	stat turns --interval 1 -- sh -c "for i in 1 2 3; do vmm vcpus 500; usleep 300000; done"
	like "more vCPUs than are kept apart" "$status $closing" '^0 complete: .*; details sum up to each reason'
	is "their leaves" "$(exits turns 'leaf 0x4ffffffb') $(exits turns 'leaf 0x4ffffff7')" '3000 3000'
	is "and the sum of all intervals" "$(exits turns 'leaf 0x4ffffffb' interval)" 3000
	# A vCPU whose slot is given to another one leaves no detail behind.
	stat slots -- vmm vms 600
	is "600 VMs in turn" "$status $(exits slots 'leaf 0x4ffffffb')" '0 12000'
fi
vmm forever &
forever=$!
stat busy --source both --interval 1 --count 3
# Where reading is slow, as in Bochs or on a busy machine, this guest makes an exit meanwhile each time.
sums='details sum up to each reason|the details of 1 vCPU that never rested were not held against their reasons'
like "while it runs" "$status $closing" "^0 complete: .*; KVM.s own account had the same .*; ($sums)"
is "intervals sum up" "$(exits busy 'leaf 0x4ffffffa' interval)" "$(exits busy 'leaf 0x4ffffffa')"
kill $forever

stat classic --path classic --seconds 1
is "not by the classic tracepoints: status 3" "$status $(cat /tmp/classic.err)" \
	"3 exitcheck: details need KVM's type information: leave out --path classic"
stat kernel --source kernel --seconds 1
is "not by the kernel: status 2" "$status $(head -n 1 /tmp/kernel.err)" \
	"2 exitcheck: --by detail is of eBPF: leave out --source kernel"
ok "nothing remains" settled
done_testing
END
"$here/lab" run --kernel "$kernel" --isa "$isa" --patch series --bring "$out/vmm" --bring "$(command -v bpftool)" \
	--timeout 1800 --job -
