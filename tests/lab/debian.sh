# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # $scratch and $cache are lib.sh's
# A Debian of this machine's release, with its own kernel, initramfs and systemd: a guest, or a host.

# debian_get: sets $debian_dir to where one is made (see debian_pack).
debian_get()
{
	local id mirror

	read -r mirror debian_release < <(debian_sites | awk '$2 !~ /-/')
	[ -n "$mirror" ] || die 3 "apt names no Debian mirror here"
	id=$(apt-cache show --no-all-versions linux-image-cloud-amd64 2>/dev/null | sed -n 's/^Version: //p')
	[ -n "$id" ] || die 3 "the mirror has no linux-image-cloud-amd64"
	debian_dir=$cache/debian/$debian_release-$id-$(declare -f debian_make debian_pack | hash_of)
	cache_make "$debian_dir" debian_make "$mirror"
}

# debian_make MIRROR DIR
debian_make()
{
	local root=$scratch/debian

	cache_room 1500
	task "making a Debian $debian_release" detail_last_line own_mounts debootstrap --variant=minbase \
		--include=systemd-sysv,linux-image-cloud-amd64,initramfs-tools "$debian_release" "$root" "$1"
	# It has to fit into the memory of an emulated host.
	rm -rf "$root"/var/{cache/apt/archives,lib/apt/lists}/* "$root"/usr/share/{doc,info,locale,man}/*
	debian_pack "$root" "$2"
	rm -rf "$root"
}

# debian_pack ROOT DIR: puts the kernel, the initrd and the disk (ext4) of the Debian in ROOT into DIR.  Once it has booted,
# it runs the program "init" of the archive that is its second disk: systemd.run="/usr/local/sbin/second-disk [host]".
# A guest writes to its console; a host of the lab, lines to the second serial port (see tests/lab/init).
debian_pack()
{
	cp -L "$1/vmlinuz" "$2/kernel"
	cp -L "$1/initrd.img" "$2/initrd"
	rm -rf "${1:?}"/boot/*
	cat >"$1/usr/local/sbin/second-disk" <<-'END'
		#!/bin/bash
		mkdir -m 755 /opt/second
		cd /opt/second && tar -xf /dev/vdb || exit
		[ "${1:-}" = host ] || exec ./init >/dev/console 2>&1
		stty -F /dev/ttyS1 raw -echo
		./init > >(sed -u 's/^/o/' >/dev/ttyS1) 2> >(sed -u 's/^/e/' >/dev/ttyS1)
		status=$?
		# Last, once all is said.
		sleep 1
		echo "s$status" >/dev/ttyS1
		poweroff -f
	END
	chmod +x "$1/usr/local/sbin/second-disk"
	truncate -s "$(($(du -sm "$1" | cut -f 1) * 5 / 4 + 32))M" "$2/disk"
	mke2fs -q -t ext4 -O ^has_journal -d "$1" "$2/disk"
}
