#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A Debian of this machine's release, with its own kernel and systemd, in an unmodified QEMU, on 1 and 4 vCPUs: from its
# first exit on the audit has compared them all, and what exitcheck-guest shows there, as root, as nobody and in a container of
# nobody's, is what the host's trace of kvm_exit has between the same reads, exactly.
# One CPU, as exitcheck-guest.t has it.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
# shellcheck source=tests/lab/guest-tables.sh
. "$here/guest-tables.sh"
[ "$isa" = svm ] || skip_all "a Linux guest needs minutes to boot in Bochs"

mkdir "$out/second"
cat >"$out/second/init" <<'END'
#!/bin/sh
grep ^VERSION_CODENAME= /etc/os-release
./exitcheck-guest --json
su nobody -s /bin/sh -c './exitcheck-guest --json -- sh -c "dd if=/dev/zero of=/tmp/file bs=64k count=16 2>/dev/null; sleep 1"'
mkdir -p /opt/jail/bin
cp exitcheck-guest busybox /opt/jail/bin
su nobody -s /bin/sh -c 'unshare --user --map-root-user --mount --pid --net --uts --ipc --cgroup --fork --root=/opt/jail \
	/bin/exitcheck-guest --json -- /bin/busybox sh -c "sleep 1; echo pid \$\$"'
echo the end
poweroff -f
END
chmod +x "$out/second/init"
cp "$here/../../exitcheck-guest" "$(command -v busybox)" "$out/second"
tar -cf "$out/second.tar" -C "$out/second" .
debian=$("$here/lab" debian)

bring_qemu
bring+=(--bring "$out/second.tar:/guest/second")
for vcpus in 1 4; do
	for file in watch serial trace; do
		bring+=(--get "/tmp/$file.$vcpus:$out/$file.$vcpus")
	done
done
for file in kernel initrd disk; do
	bring+=(--bring "$debian/$file:/guest/$file")
done
linux_host --patch series --kvm-params exit_leaves=all --mem 3G --timeout 1800 <<'EOT' || fatal "the host ends well"
# What a guest writes to its disk goes there.
mkdir -p /var/tmp
cd /sys/kernel/tracing
echo 200000 >buffer_size_kb
[ ! -e options/fields ] || echo 1 >options/fields
for vcpus in 1 4; do
	echo >trace
	for event in exit cpuid; do
		echo 1 >events/kvm/kvm_$event/enable
	done
	timeout 800 exitcheck audit -- qemu-system-x86_64 -L /usr/share/seabios -L /usr/share/qemu -accel kvm -cpu host \
		-smp $vcpus -m 512M -nodefaults -display none -no-reboot -serial file:/tmp/serial.$vcpus \
		-kernel /guest/kernel -initrd /guest/initrd -drive file=/guest/disk,if=virtio,format=raw,snapshot=on \
		-drive file=/guest/second,if=virtio,format=raw,readonly=on \
		-append 'console=ttyS0 quiet root=/dev/vda rw systemd.run=/usr/local/sbin/second-disk' >/tmp/watch.$vcpus 2>&1 || true
	[ ! -e options/fields ] || cat trace >/tmp/trace.$vcpus
done
EOT

for vcpus in 1 4; do
	documents $vcpus
	serial=$(tr -d '\r' <"$out/serial.$vcpus")
	like "-smp $vcpus: a Debian came to its end" "$serial" '^the end$'
	like "-smp $vcpus: of this machine's release" "$serial" \
		"VERSION_CODENAME=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)"
	like "-smp $vcpus: from its first exit on, each was compared in place" "$(tail -n 1 "$out/watch.$vcpus")" \
		'^PASS: ([1-9][0-9,]*) of \1 exits compared in place, and [1-9][0-9,]* leaf reads, 0 different$'
	like "-smp $vcpus: the container has processes of its own" "$serial" '^pid 2$'
	true_tables "-smp $vcpus: since birth, as nobody, in a container: each is true" $vcpus 0+1 1-2 3-4
done
done_testing
