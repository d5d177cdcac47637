#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The loop of the assignment in a Linux guest, on two implementations that are right there: what Debian's
# cpuid(1) reads by exit number is what the eBPF program has counted of that guest, and what exitcheck-guest,
# between two such loops, shows.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
patches=$(cd "$here/../published" && pwd)

linux_guest <<'END'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for round in 1 2; do
	n=0
	while [ $n -le 127 ]; do
		cpuid -1 -r -l 0x4ffffffd -s $n
		n=$((n + 1))
	done
	[ $round = 2 ] || exitcheck-guest --json --leaves=published
done
/bin/busybox reboot -f
END
linux_host --patch "$patches/atomic64.patch,$patches/per-cpu.patch" --no-modules <<'EOT'
# held NAME: what the guest read against what eBPF counted.  A number whose count was the same in both loops has
# to be eBPF's, which counts to the end; of another the guest saw part of that.
held()
{
	tr -d '\r' <"/tmp/$1.serial" | sed -n 's/^ *0x4ffffffd 0x\(..\): eax=0x\(........\).*/\1 \2/p' >"/tmp/$1.read"
	awk '$1 ~ /^0x/ && NF == 7 { gsub(",", "", $3); print $1, $3 }' "/tmp/$1.txt" >"/tmp/$1.counted"
	is "$1: the guest has read 128 numbers twice" "$(wc -l <"/tmp/$1.read")" 256
	sort -n "/tmp/$1.read" | uniq -c | while read -r times number value; do
		counted=$(sed -n "s/^0x$number //p" "/tmp/$1.counted")
		value=$((0x$value))
		if [ "$value" -gt "${counted:-0}" ] || { [ "$times" = 2 ] && [ "$value" != "${counted:-0}" ]; }; then
			echo "0x$number: the guest read $value, eBPF counted ${counted:-0}"
		fi
	done >"/tmp/$1.differs"
	is "$1: no number differs" "$(cat "/tmp/$1.differs")" ''
	ok "$1: 5 numbers or more are not 0" test "$(grep -vc ' 00000000$' "/tmp/$1.read")" -ge 10
	shown "$1" <"/tmp/$1.serial"
	cpuids=$(sed -n 's/^72 //p' "/tmp/$1.read" | tail -n 1)
	ok "$1: CPUID exits are counted" test "$((0x${cpuids:-0}))" -gt 200
}

# shown NAME: what exitcheck-guest said, its own CPUIDs put in again, against the loops before and after it.
shown()
{
	sed -n '/^{"schema_version"/{s/{"number":/\n&/g;p}' >"/tmp/$1.json"
	sed -n 's/.*"own_exits":\([0-9]*\),.*/own \1/p; s/^{"number":\([0-9]*\),.*"exits":\([0-9]*\),.*/\1 \2/p' \
		"/tmp/$1.json" >"/tmp/$1.shown"
	while read -r number value; do
		exits=$(sed -n "s/^$((0x$number)) //p" "/tmp/$1.shown")
		[ "$number" != 72 ] || exits=$((exits + $(sed -n 's/^own //p' "/tmp/$1.shown")))
		echo "$number $((0x$value)) ${exits:-0}"
	done <"/tmp/$1.read" >"/tmp/$1.beside"
	is "$1: exitcheck-guest shows what stands between two loops" "$(awk 'NR <= 128 ? $3 < $2 : $3 > $2' "/tmp/$1.beside")" ''
	ok "$1: at least 5 of its numbers are not 0" test "$(awk 'NR <= 128 && $3' "/tmp/$1.beside" | wc -l)" -ge 5
}

for name in atomic64 per-cpu; do
	load_kvm "$name"
	# -L: QEMU looks for its firmware beside itself where it is not at home.
	timeout 200 exitcheck audit -- qemu-system-x86_64 -L /usr/share/seabios -L /usr/share/qemu \
		-accel kvm -cpu host -m 256M -nodefaults -display none -no-reboot -serial "file:/tmp/$name.serial" \
		-kernel /guest/kernel -initrd /guest/initramfs \
		-append "$guest_append" >"/tmp/$name.txt" 2>&1 && status=0 || status=$?
	is "$name: nothing of this is KVM's own account: status 4" "$status" 4
	held "$name"
	unload_kvm
done
done_testing
EOT
