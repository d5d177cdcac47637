# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # $scratch and $cache are lib.sh's
# A Debian of this machine's release, with its own kernel, initramfs and systemd: a guest, or a host.

# debian_get: sets $debian_dir to where its kernel, initrd and disk (ext4) are. Once it has booted, it runs the program
# "init" of the archive that is its second disk: systemd.run=/usr/local/sbin/second-disk.
debian_get()
{
	local id mirror

	read -r mirror debian_release < <(debian_sites | awk '$2 !~ /-/')
	[ -n "$mirror" ] || die 3 "apt names no Debian mirror here"
	id=$(apt-cache show --no-all-versions linux-image-cloud-amd64 2>/dev/null | sed -n 's/^Version: //p')
	[ -n "$id" ] || die 3 "the mirror has no linux-image-cloud-amd64"
	debian_dir=$cache/debian/$debian_release-$id-$(declare -f debian_make | hash_of)
	cache_make "$debian_dir" debian_make "$mirror"
}

# debian_make MIRROR DIR
debian_make()
{
	local root=$scratch/debian

	cache_room 1500
	task "making a Debian $debian_release" detail_last_line unshare --mount debootstrap --variant=minbase \
		--include=systemd-sysv,linux-image-cloud-amd64,initramfs-tools "$debian_release" "$root" "$1"
	cp -L "$root/vmlinuz" "$2/kernel"
	cp -L "$root/initrd.img" "$2/initrd"
	# It has to fit into the memory of an emulated host.
	rm -rf "$root"/var/{cache/apt/archives,lib/apt/lists}/* "${root:?}"/boot/* "$root"/usr/share/{doc,info,locale,man}/*
	cat >"$root/usr/local/sbin/second-disk" <<-'END'
		#!/bin/sh
		mkdir -m 755 /opt/second
		tar -xf /dev/vdb -C /opt/second && exec /opt/second/init >/dev/console 2>&1
	END
	chmod +x "$root/usr/local/sbin/second-disk"
	truncate -s "$(($(du -sm "$root" | cut -f 1) * 5 / 4 + 32))M" "$2/disk"
	mke2fs -q -t ext4 -O ^has_journal -d "$root" "$2/disk"
	rm -rf "$root"
}
