#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# `exitcheck top` on a terminal, of VMs under load: what its screen has, what keys do, exact numbers by each source; VMs that
# go; and that, however it ends, the terminal is as it was and nothing stays behind.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
${CC:-cc} -O2 -Wall -Wextra -Werror -o "$out/vmm" "$here/vmm.c"
bring=()
bring_terminal

{ echo "cpuid='$([ "$isa" = svm ] && echo 0x72 || echo 10) CPUID' io='$([ "$isa" = svm ] && echo 0x7b IOIO || echo 30 IO_INSTRUCTION)'"; cat <<'END'; } |
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
export TERM=xterm LANG=C.UTF-8

# top SIZE [OPTION...]: on a terminal, with the script on stdin; what the terminal says is in $said.
top()
{
	size=$1
	shift
	said=$(terminal $size exitcheck top "$@")
	echo "$said" | sed 's/^/# /'
}

# shown FILE: a screen, as a comment.
shown()
{
	sed 's/^/# |/' /tmp/$1
}

# detached: no program, map or process of exitcheck is there any more.
detached()
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		remains | grep -q '^0 0 [0-9]* 0$' && return
		usleep 200000
	done
	remains
	return 1
}

cp "$(command -v vmm)" /tmp/firecracker
/tmp/firecracker forever --id a-name-that-is-longer-than-there-is-room-for &
first=$!
vmm forever &
second=$!
until_true has_exits $first
until_true has_exits $second

top 80x24 <<SCRIPT
await ^a-name-that-is-lon.* [1-9][0-9,]* +[0-9.]+ .s +[1-9]
await ^vmm  .* [1-9][0-9,]* +[0-9.]+ .s +[1-9]
show /tmp/vms
colors /tmp/colors
type /vmm\n
type \n
await ^exitcheck top: vmm .process $second.
await ^$cpuid
show /tmp/vm
type \n
await ^exitcheck top: vmm .process $second. > $cpuid
await %  #
show /tmp/reason
type \L\L
type \b\t
await ^vmm vCPU 0 .*s
resize 120x40
await ^a-name-that-is.*… vCPU 0 .*s
show /tmp/wide
type ?
await ^  Space
type x
type q
end
SCRIPT
is "q ends it" "$said" 'status 0, the terminal is as it was'
shown vms
like "the keys are in the last line" "$(tail -n 1 /tmp/vms)" '^Enter open .* q quit$'
like "the total above it" "$(tail -n 2 /tmp/vms)" '^total  .* [1-9]'
like "says which source counts" "$(cat /tmp/vms)" 'source: eBPF by tp_btf; .*, Linux [0-9]'
like "and that all exits are in it" "$(cat /tmp/vms)" "complete: every exit of 2 vCPUs"
like "a long name is cut" "$(cat /tmp/vms)" 'a-name-that-is-lon[a-z-]*…'
like "there are colours, and a cursor over the whole line" "$(cat /tmp/colors)" '^[1-9][0-9]* 160$'
shown vm
like "a VM has its reasons" "$(cat /tmp/vm)" "$cpuid +[1-9][0-9,]* .*"
shown reason
like "a reason has a histogram" "$(cat /tmp/reason)" 'from        to       exits    share    up to'
shown wide
like "a larger terminal has more columns" "$(cat /tmp/wide)" 'TID +exits +exits/s +time +share +mean +p50 +p99 +max'

for term in vt100 screen; do
	TERM=$term LANG=C NO_COLOR=1 top 80x24 --interval 1 --count 2 <<SCRIPT
await ^vmm .* us
colors /tmp/colors
end
SCRIPT
	is "on $term, without UTF-8; ends after --count" "$said" 'status 0, the terminal is as it was'
	is "and without colours" "$(cut -d ' ' -f 1 /tmp/colors)" 0
done
top 80x24 --source kernel --vm vmm <<SCRIPT
await ^source: KVM.s own account
await ^vmm .* [1-9]
type \n\n
await KVM.s own account has no histogram
type q
end
SCRIPT
is "by the kernel" "$said" 'status 0, the terminal is as it was'

# 9 leaves and an exit to user space a round; 20 rounds of a VM.
for source in ebpf kernel both; do
	top 80x24 --source $source <<SCRIPT
await ^vmm
run vmm vms 30; sleep 1
type tr\t\t
await sorted by time, reversed
await ^complete: every exit of 32 vCPUs; KVM.s statistic ha[ds] the same [0-9,]*
type q
end
SCRIPT
	is "$source: all exits of VMs that run, come and go" "$said" 'status 0, the terminal is as it was'
done
kill $second
wait $second || true

# Of VMs that went the numbers are exact.
for source in ebpf kernel; do
	top 80x24 --source $source --vm a-name-that-is-longer-than-there-is-room-for <<SCRIPT
await ^a-name
type q
end
SCRIPT
	is "$source: a VM by its name" "$said" 'status 0, the terminal is as it was'
done
kill $first
wait $first || true
for source in ebpf kernel; do
	top 80x24 --source $source <<SCRIPT
await INCOMPLETE: no VM ran meanwhile
await ^No VM has exited
run vmm vms 10
await ^(vmm|process [0-9]+) .gone. 
await ^total +0 .* 0 ns 
show /tmp/gone
await ^No VM has exited
type t\t\t
await ^$cpuid +1,800 
await ^$io +200 
show /tmp/totals
type q
end
SCRIPT
	is "$source: VMs that went are shown as gone, then no more; their exits are exact" "$said" 'status 0, the terminal is as it was'
	shown gone
	like "$source: and have no numbers" "$(grep -c '(gone).* -   .* -$' /tmp/gone)" '^[1-9]'
	is "$source: none of them has" "$(grep -c '(gone).*[0-9] .s' /tmp/gone)" 0
	shown totals
done

vmm forever &
second=$!
until_true has_exits $second
for signal in 1 2 15; do
	top 80x24 <<SCRIPT
await ^vmm .* [1-9]
signal $signal
end
SCRIPT
	is "signal $signal ends it" "$said" 'status 0, the terminal is as it was'
done
top 80x24 <<SCRIPT
await ^vmm .* [1-9]
signal 9
end
SCRIPT
like "kill -9" "$said" '^status 137'
ok "nothing remains" detached
terminal 80x24 exitcheck top <<SCRIPT &
await ^vmm .* [1-9]
run touch /tmp/up
await ^never
SCRIPT
until [ -e /tmp/up ]; do
	usleep 50000
done
kill -9 $!
wait $! || true
ok "nothing remains when the terminal goes" detached
rm /tmp/up
terminal 80x24 exitcheck top -p $second >/tmp/ended <<SCRIPT &
await ^vmm .* [1-9]
run touch /tmp/up
end
SCRIPT
until [ -e /tmp/up ]; do
	usleep 50000
done
kill $second
wait $second || true
wait $!
is "ends with the process" "$(cat /tmp/ended)" 'status 0, the terminal is as it was'

top 80x24 <<SCRIPT
await INCOMPLETE: no VM ran meanwhile
type q
end
SCRIPT
is "no VM at all: status 4" "$said" 'status 4, the terminal is as it was'
TERM=nonsense top 120x24 <<SCRIPT
await ^exitcheck: the terminal "nonsense" cannot show a screen: set TERM to what it is, or use exitcheck stat
end
SCRIPT
is "a terminal that nobody knows: status 3" "$said" 'status 3, the terminal is as it was'
top 80x24 --vm nobody <<SCRIPT
await ^exitcheck: no VM "nobody" runs here
end
SCRIPT
is "no VM of that name: status 2" "$said" 'status 2, the terminal is as it was'

vmm forever &
second=$!
until_true has_exits $second
timeout 60 exitcheck top --count 2 </dev/null >/tmp/plain 2>/tmp/plain.err && status=0 || status=$?
is "without a terminal: a table each interval, and the last" \
	"$status $(grep -c '^total ' /tmp/plain) $(grep -c '^vmm ' /tmp/plain)" '0 3 3'
like "with the source" "$(cat /tmp/plain)" 'source: eBPF by tp_btf$'
like "and the proof" "$(tail -n 1 /tmp/plain)" '^complete: every exit of 1 vCPU'
kill $second
ok "nothing remains" settled
is "the kernel has nothing to complain about" "$(kernel_complaints)" ''
done_testing
END
"$here/lab" run --kernel "$kernel" --isa "$isa" --patch series --bring "$out/vmm" "${bring[@]}" \
	--bring "$(command -v bpftool)" --timeout 600 --job -
