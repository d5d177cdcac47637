#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# `exitcheck stat` of a Linux guest in an unmodified QEMU, by both sources at once: with the guest stopped, the exits by
# reason are the same by eBPF, by KVM's own account and as QEMU lists that, exactly; and in the textfile of `export`.
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
linux_host --patch series --kvm-params exit_leaves=host --timeout 500 <<'EOT'
# First, since each that starts asks KVM for the TSC's rate, by a vCPU that the kernel as the source would list.
exitcheck export --source ebpf --textfile /tmp/exits.prom --interval 1 2>/tmp/export.err &
until grep -q 'Ctrl-C ends it' /tmp/export.err; do
	usleep 50000
done
for source in ebpf kernel; do
	exitcheck stat --source $source --csv /tmp/$source.csv --json /tmp/$source.json >/tmp/$source 2>/tmp/$source.err &
	until grep -q 'Ctrl-C ends it' /tmp/$source.err; do
		usleep 50000
	done
done
mkfifo /tmp/qmp.in /tmp/qmp.out
cat /tmp/qmp.out >/tmp/qmp &
timeout 400 qemu-system-x86_64 -name guest=web1,debug-threads=on -L /usr/share/seabios -L /usr/share/qemu -accel kvm \
	-cpu host -m 256M -nodefaults -display none -no-reboot -serial file:/tmp/serial -kernel /guest/kernel \
	-initrd /guest/initramfs -chardev pipe,id=qmp,path=/tmp/qmp -mon chardev=qmp,mode=control \
	-append 'console=ttyS0 quiet panic=-1' &
qemu=$!
exec 4>/tmp/qmp.in
echo '{ "execute": "qmp_capabilities" }' >&4

ok "the guest has done its work" until_said 'at rest' /tmp/serial
echo '{ "execute": "stop" }' >&4
ok "it is stopped" until_said '"STOP"' /tmp/qmp
echo '{ "execute": "query-stats", "arguments": { "target": "vcpu" } }' >&4
ok "QEMU has the statistics" until_said exits_by_number /tmp/qmp
sleep 4
cp /tmp/exits.prom /tmp/exported
kill -INT $(pidof exitcheck)
for source in ebpf kernel; do
	until grep -qE '^(complete|INCOMPLETE)' /tmp/$source; do
		usleep 50000
	done
done
echo '{ "execute": "quit" }' >&4
wait $qemu || true

# QEMU lists them from the last to the first; up to 0xa6 the index of a number is the number itself.
grep -o '{[^{}]*"exits_by_number"[^{}]*}' /tmp/qmp | sed 's/.*\[\(.*\)\].*/\1/' | tr -d ' ' | tr ',' '\n' | tac |
	awk '$1 { print NR - 1, $1 }' >/tmp/listed
for source in ebpf kernel; do
	awk -F , '$3 == "all" { print $8 < 1024 ? $8 : $8 - 1024 + 167, $10 }' /tmp/$source.csv | sort -n >/tmp/counted
	is "$source: by reason, the exits that QEMU lists" "$(cat /tmp/counted)" "$(cat /tmp/listed)"
	like "$source: all of them" "$(tail -n 1 /tmp/$source)" "^complete: every exit of 1 vCPU; KVM's statistic ha[ds] the same [0-9,]* on 1 vCPU\$"
	like "$source: the VM has its name" "$(cat /tmp/$source.json)" '"vm_name":"web1"'
	sed 's/^/# /' /tmp/$source
done
is "export: the same exits, by reason" \
	"$(sed -n 's/^kvm_exits_total{vm="web1",reason="\(.*\)"} /\1 /p' /tmp/exported | sort)" \
	"$(awk -F , '$3 == "all" { print $9, $10 }' /tmp/ebpf.csv | sort)"
is "export: complete" "$(grep '^exitcheck_complete' /tmp/exported)" 'exitcheck_complete 1'
ok "there are several reasons" test "$(wc -l </tmp/listed)" -ge 5
ok "the guest was halted at some time" grep -q ',HLT,' /tmp/ebpf.csv
done_testing
EOT
