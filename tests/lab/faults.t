#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Disturbances of the host during a validation: the verdict stays right, or is INCONCLUSIVE, but a
# correct kernel never FAILs; and nothing stays behind.
set -eu

"${0%/*}/lab" run --kernel "${KERNEL:-6.12}" --isa "${ISA:-svm}" --patch series --timeout 300 \
	--bring "$(command -v bpftool)" --job - <<'EOT'
# start NAME COMMAND...: runs COMMAND in the background, as $pid.
start()
{
	name=$1
	shift
	"$@" >"/tmp/$name" 2>&1 &
	pid=$!
}

# work NAME: a validation of a few seconds, in the background; its first vCPU is there when this returns.
work()
{
	start "$1" exitcheck run -w cpuid -w out -w rdmsr -n 2003
	while running && [ "$(ls /proc/$pid/task | wc -l)" -lt 2 ]; do
		usleep 50000
	done
	usleep 200000
}

# ends WHAT STATUS REGEX: the command of the last start ends so, and its last line matches.
ends()
{
	wait "$pid" 2>/dev/null && status=0 || status=$?
	like "$1: status $2" "$status" "^$2\$"
	like "$1: says so" "$(tail -n 1 "/tmp/$name")" "$3"
	printf '%s\n' "$status" | grep -q "^$2\$" || tap_note "$(cat "/tmp/$name")"
}

# running: whether the command of the last start is.
running()
{
	grep -q '^State:.[RSD]' "/proc/$pid/status" 2>/dev/null
}

# newest MAP: the number of the youngest of the eBPF maps of that name.
newest()
{
	bpftool map show | sed -n "s/^\([0-9]*\): .* name $1 .*/\1/p" | tail -n 1
}

# fill MAP KEY NR: puts NR values of others, a u32 each, under keys that begin with KEY into it.
fill()
{
	id=$(newest "$1") i=0
	while [ "$i" -lt "$3" ]; do
		echo "map update id $id key $2 $((i / 256)) $((i % 256)) value 0 0 0 0"
		i=$((i + 1))
	done >/tmp/batch
	! bpftool batch file /tmp/batch >/tmp/filled 2>&1 && grep -q 'Argument list too long' /tmp/filled
}

clock=/sys/devices/system/clocksource/clocksource0/current_clocksource
cpu=/sys/devices/system/cpu/cpu1/online

is "nothing is there before" "$(remains)" '0 0 0 0'

# Stopped for ten seconds, while the following tests run.
work stopped
stopped=$pid since=$(cut -d. -f1 /proc/uptime)
kill -STOP $pid

work full
ok "a map can be filled up" fill by_key '255 255 255 255 255 255' 100
ends "a map full" 4 '^INCONCLUSIVE: COUNT.*MIGRATE'
like "a map full: how much was lost" "$(cat /tmp/full)" 'eBPF lost [0-9,]* events'

start watch exitcheck watch -- sh -c 'touch /tmp/up; until [ -e /tmp/go ]; do usleep 50000; done
	exitcheck run --vcpus 1 -w cpuid -n 53'
while running && [ ! -e /tmp/up ]; do
	usleep 50000
done
ok "a map of watch can be filled up" fill by_key '255 255 255 255 255 255' 600
touch /tmp/go
ends "watch, a map full" 4 '^INCONCLUSIVE: .*lost: .* for which a map was full'
like "watch, a map full: the VM watched does not mind" "$(cat /tmp/watch)" '^PASS: '

work signals
while running; do
	for thread in $(ls /proc/$pid/task); do
		kill -34 $thread
	done
	usleep 50000
done 2>/dev/null
ends "signals to vCPU threads" 0 '^PASS: '

work time
date -s 2035-01-01 >/dev/null
usleep 300000
date -s 1999-01-01 >/dev/null
ends "the time set, forward and back" 0 '^PASS: '

work modules
tries=0 gone=0
while running; do
	tries=$((tries + 1))
	! unload_kvm 2>/dev/null || gone=$((gone + 1))
done
is "none of $tries attempts to unload KVM's modules succeeds" "$gone" 0
ends "modules unloaded" 0 '^PASS: '

while [ $(($(cut -d. -f1 /proc/uptime) - since)) -lt 10 ]; do
	usleep 100000
done
kill -CONT $stopped
pid=$stopped name=stopped
ends "stopped for 10 s and continued" 0 '^PASS: '

work source
echo acpi_pm >$clock
ends "another clock source" 4 '^INCONCLUSIVE: AUDIT, TIME;'
like "another clock source: which" "$(cat /tmp/source)" 'was changed from tsc to acpi_pm'
echo tsc >$clock

work slewed
busybox adjtimex -q -t 10900
usleep 500000
busybox adjtimex -q -t 10000
ends "the clock slewed" 4 '^INCONCLUSIVE: AUDIT, TIME;'

start unplugged exitcheck run --vcpus 1 -w cpuid -n 211
while running && ! grep -qs '^Cpus_allowed_list:.[01]$' /proc/$pid/task/*/status; do :; done
echo 0 >$cpu
ends "a CPU unplugged that a thread is to move to" 4 '^INCONCLUSIVE: MIGRATE;'
like "a CPU unplugged: why" "$(cat /tmp/unplugged)" 'only one CPU was left'
echo 1 >$cpu

work plugged
while running; do
	echo 0 >$cpu
	usleep 50000
	echo 1 >$cpu
	usleep 100000
done
ends "a CPU unplugged and plugged all the time" '[04]' '^PASS: |^INCONCLUSIVE: MIGRATE;'

work killed
kill -9 "$(ls /proc/$pid/task | tail -n 1)"
ends "a vCPU thread killed" 137 ''

(ulimit -n 20 && exec exitcheck) >/tmp/files 2>&1 && status=0 || status=$?
is "no more files: status 3, in one line" "$status $(grep -c . /tmp/files)" '3 1'

ok "nothing remains of all that" settled
ok "the next run passes" exitcheck run -w cpuid -w out

# Tracepoints with an unexpected format.
trace=/sys/kernel/tracing
for event in kvm_entry kvm_exit kvm_cpuid; do
	mkdir -p /tmp/kvm/$event
	cat $trace/events/kvm/$event/format >/tmp/kvm/$event/format
done
mount -t tmpfs tmpfs $trace
mkdir $trace/events
for change in renamed moved missing; do
	cp -r /tmp/kvm $trace/events
	case $change in
	renamed) sed -i 's/ exit_reason;/ reason;/' $trace/events/kvm/kvm_exit/format ;;
	moved) sed -i 's/ vcpu_id;.offset:[0-9]*/ vcpu_id;	offset:4093/' $trace/events/kvm/kvm_exit/format ;;
	missing) rm -r $trace/events/kvm/kvm_cpuid ;;
	esac
	exitcheck run --path classic >/tmp/text 2>&1 && status=0 || status=$?
	is "a tracepoint's field $change: status 3, in one line" "$status $(grep -c . /tmp/text)" '3 1'
	like "a tracepoint's field $change: which" "$(cat /tmp/text)" \
		'kvm/kvm_exit has no usable field (exit_reason|vcpu_id)|no tracepoint kvm/kvm_cpuid'
	rm -r $trace/events/kvm
done
umount $trace

is "the kernel has nothing to complain about" "$(kernel_complaints)" ''
done_testing
EOT
