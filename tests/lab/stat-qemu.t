#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# `exitcheck stat` of two Linux guests in unmodified QEMUs, a q35 and a pc, by both sources at once: with the guests
# stopped, the exits by reason are the same by eBPF, by KVM's own account and as QEMU lists that, exactly; so they are in
# the textfile of `export`, of each guest, and on the screen of `top`.  With MICROVM=yes the second is a microvm, which
# has no clock but KVM's: the lab's kernel, without KVM_GUEST, would stand still there, and Debian's does not.
# One CPU: where two take turns of 100 ms, a Linux guest now and then stands still or panics.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
[ "$isa" = svm ] || skip_all "a Linux guest needs minutes to boot in Bochs"

linux_guest <<'END'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox dd if=/dev/zero of=/dev/null bs=64k count=64
/bin/busybox sleep 1
echo at rest
/bin/busybox sleep 10000
END
bring_terminal
second='pc /guest/kernel'
if [ "${MICROVM:-}" = yes ]; then
	debian=$("$here/lab" debian)
	second='microvm /guest/debian' microvm=/usr/share/seabios/bios-microvm.bin
	bring+=(--bring "$debian/kernel:/guest/debian" --bring "$microvm:$microvm")
fi
{ echo "second='$second'"; cat <<'EOT'; } |
# First, since each that starts asks KVM for the TSC's rate, by a vCPU that the kernel as the source would list.
exitcheck export --source ebpf --textfile /tmp/exits.prom --interval 1 2>/tmp/export.err &
until grep -q 'Ctrl-C ends it' /tmp/export.err; do
	usleep 50000
done
# Whoever sits at it waits for the guests.
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
TERM=xterm LANG=C.UTF-8 terminal 120x50 exitcheck top >/tmp/top <<'SCRIPT' &
await INCOMPLETE: no VM ran meanwhile
run touch /tmp/watched; until [ -e /tmp/rested ]; do usleep 50000; done
type t
await since the start
show /tmp/top.vms
type \t\t
await ^0x72 CPUID
show /tmp/top.reasons
type q
end
SCRIPT
top=$!
until [ -e /tmp/watched ]; do
	usleep 50000
done
for source in ebpf kernel; do
	exitcheck stat --source $source --csv /tmp/$source.csv --json /tmp/$source.json >/tmp/$source 2>/tmp/$source.err &
	until grep -q 'Ctrl-C ends it' /tmp/$source.err; do
		usleep 50000
	done
done
# vm NAME MACHINE KERNEL: the guest in a QEMU of that name.
vm()
{
	mkfifo /tmp/$1.in /tmp/$1.out
	cat /tmp/$1.out >/tmp/$1.qmp &
	timeout 400 qemu-system-x86_64 -name guest=$1,debug-threads=on -M $2 -L /usr/share/seabios -L /usr/share/qemu -accel kvm \
		-cpu host -m 256M -nodefaults -display none -no-reboot -serial file:/tmp/$1.serial -kernel $3 \
		-initrd /guest/initramfs -chardev pipe,id=qmp,path=/tmp/$1 -mon chardev=qmp,mode=control \
		-append "$guest_append" &
}

vm web1 q35 /guest/kernel
vm web2 $second
exec 4>/tmp/web1.in 5>/tmp/web2.in
for qmp in 4 5; do
	echo '{ "execute": "qmp_capabilities" }' >&$qmp
done
for name in web1 web2; do
	ok "$name has done its work" until_said 'at rest' /tmp/$name.serial
	grep -q 'at rest' /tmp/$name.serial && continue
	tap_note "$(cat /tmp/$name.serial)"
	# What still runs holds the job's output, for whose end the host waits.
	touch /tmp/rested
	kill -KILL $(pidof qemu-system-x86_64 exitcheck terminal)
	exit 1
done
for qmp in 4 5; do
	echo '{ "execute": "stop" }' >&$qmp
	echo '{ "execute": "query-stats", "arguments": { "target": "vcpu" } }' >&$qmp
done
for name in web1 web2; do
	ok "$name is stopped" until_said '"STOP"' /tmp/$name.qmp
	ok "QEMU has its statistics" until_said exits_by_number /tmp/$name.qmp
done
sleep 4
cp /tmp/exits.prom /tmp/exported
touch /tmp/rested
wait $top
is "top: ends" "$(cat /tmp/top)" 'status 0, the terminal is as it was'
kill -INT $(pidof exitcheck)
for source in ebpf kernel; do
	until grep -qE '^(complete|INCOMPLETE)' /tmp/$source; do
		usleep 50000
	done
done
for qmp in 4 5; do
	echo '{ "execute": "quit" }' >&$qmp
done
wait

# listed NAME: the exits of that VM as QEMU lists them, by the number of the reason: from the last to the first; up to
# 0xa6 the index of a number is the number itself.
listed()
{
	grep -o '{[^{}]*"exits_by_number"[^{}]*}' /tmp/$1.qmp | sed 's/.*\[\(.*\)\].*/\1/' | tr -d ' ' | tr ',' '\n' | tac |
		awk '$1 { number = NR - 1; print number < 167 ? number : number - 167 + 1024, $1 }'
}

for name in web1 web2; do
	listed $name >/tmp/$name.listed
	ok "$name: there are several reasons" test "$(wc -l </tmp/$name.listed)" -ge 5
	# The reasons by their names.
	awk -F , 'FNR == NR { if ($3 == "all") name[$8] = $9; next } { split($0, pair, " "); print name[pair[1]], pair[2] }' \
		/tmp/ebpf.csv /tmp/$name.listed | sort >/tmp/$name.named
	like "top: as many of $name in all" "$(tr -d , </tmp/top.vms)" \
		"^$name .* $(awk '{ sum += $2 } END { print sum }' /tmp/$name.listed) "
	is "export: $name's exits are those that QEMU lists, by reason" \
		"$(sed -n "s/^kvm_exits_total{vm=\"$name\",reason=\"\(.*\)\"} /\1 /p" /tmp/exported | sort)" "$(cat /tmp/$name.named)"
done
sed 's/^/# |/' /tmp/top.vms /tmp/top.reasons
is "top: by reason, the exits of both" \
	"$(tr -d , </tmp/top.reasons | awk '/^0x/ { print $2, $3 }' | sort)" \
	"$(awk '{ sum[$1] += $2 } END { for (name in sum) print name, sum[name] }' /tmp/web?.named | sort)"
is "export: complete" "$(grep '^exitcheck_complete' /tmp/exported)" 'exitcheck_complete 1'
for source in ebpf kernel; do
	awk -F , '$3 == "all" { print $8, $10 }' /tmp/$source.csv | sort -n >/tmp/counted
	is "$source: by reason, the exits that QEMU lists of both" "$(cat /tmp/counted)" \
		"$(awk '{ sum[$1] += $2 } END { for (number in sum) print number, sum[number] }' /tmp/web?.listed | sort -n)"
	like "$source: all of them" "$(tail -n 1 /tmp/$source)" "^complete: every exit of 2 vCPUs; KVM's statistic ha[ds] the same [0-9,]* on 2 vCPUs\$"
	for name in web1 web2; do
		like "$source: $name has its name" "$(cat /tmp/$source.json)" "\"vm_name\":\"$name\""
	done
	sed 's/^/# /' /tmp/$source
done
ok "the guests were halted at some time" grep -q ',HLT,' /tmp/ebpf.csv
done_testing
EOT
linux_host --patch series --kvm-params exit_leaves=host --timeout 500
