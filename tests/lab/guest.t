#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The walk-through of kernel-patch/README.md: a Linux guest in an unmodified QEMU reads the leaves with
# Debian's cpuid(1), for every exit number from 0 to 255, while the eBPF program watches. Every value
# that the guest reads equals the program's at that instant.
# One CPU: with two that take turns of 100 ms, a Linux guest sometimes hangs or panics.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"

linux_guest <<'END'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
cpuid -1 -r -l 0x4ffffffb -s 0
n=0
while [ $n -le 255 ]; do
	cpuid -1 -r -l 0x4ffffffd -s $n
	n=$((n + 1))
done
cpuid -1 -r -l 0x4fffffff
# As for a numbering that has the cycles of one number there.
n=0
while [ $n -le 20 ]; do
	cpuid -1 -r -l 0x4ffffffe -s $n
	n=$((n + 1))
done
/bin/busybox reboot -f
END
linux_host --patch series --kvm-params exit_leaves=all <<'EOT'
# -L: QEMU looks for its firmware beside itself where it is not at home.
timeout 200 exitcheck watch -- qemu-system-x86_64 -L /usr/share/seabios -L /usr/share/qemu \
	-accel kvm -cpu host -m 256M -nodefaults -display none -no-reboot -serial file:/tmp/serial -kernel /guest/kernel -initrd /guest/initramfs \
	-append "$guest_append" >/tmp/watch 2>&1 && status=0 || status=$?
reads=$(tr -d '\r' </tmp/serial | grep -c '^ *0x4ffffffd 0x')
cpuids=$(tr -d '\r' </tmp/serial | sed -n 's/^ *0x4ffffffd 0x72: eax=0x\([0-9a-f]*\).*/\1/p')

is "watch ends with PASS" "$status" 0
is "the guest has read 256 exit numbers" "$reads" 256
like "the signature is there" "$(tr -d '\r' </tmp/serial)" 'ebx=0x454d564b ecx=0x53746978 edx=0x73746174'
ok "CPUID exits are counted" test "$((0x${cpuids:-0}))" -gt 256
is "all of them were compared in place, and none differed" \
	"$(awk '$1 == "0x4ffffffd" { print $(NF - 1), $NF }' /tmp/watch)" '256 0'
like "a reader that asks by another numbering is named" "$(cat /tmp/watch)" \
	'leaf 0x4ffffffe, a total, was read with exit numbers, 20 times with one more than before, up to 20:'
like "and its last line says so" "$(tail -n 1 /tmp/watch)" '^PASS: .* 0 different$'
sed 's/^/# /' /tmp/watch
[ "$reads" = 256 ] || tap_note "$(tail -n 25 /tmp/serial)"
done_testing
EOT
