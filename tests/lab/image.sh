# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # the options and $here, $top are lab's
# Debian's own kernels, with their headers: unpacked into the cache, not installed.

# image_get VERSION: sets $kernel_dir to Debian's kernel and headers of the very package version that
# the lab's source is of; laid out as a build of our own is, as far as the lab looks at it.
image_get()
{
	[ -z "${KERNEL_SRC:-}" ] || die 2 "--image goes with Debian's own source, not with KERNEL_SRC"
	image_find "$1" || die 3 "the mirror has no Linux $1 of the source's version, $source_id: \
remove $cache/source/$1 to have a newer one fetched"
	cache_make "$kernel_dir" image_make
}

# image_try VERSION: decides for --try-image; sets $image.  The headers want the compiler of their release.
image_try()
{
	image=no
	[ -z "${KERNEL_SRC:-}" ] && [[ "$variants" =~ ^((none|series)(-nobtf)?\ ?)+$ ]] && source_ours "$1" >/dev/null || return 0
	! image_find "$1" || image=yes
}

# image_find VERSION: sets $kernel_dir, and unless it is there already $image_release; fails where the
# mirror does not have it.
image_find()
{
	source_get "$1"
	kernel_dir=$cache/image/$source_id-$(declare -f image_make image_arrange | hash_of)
	[ ! -d "$kernel_dir" ] || return 0
	image_release "$1"
	if [ -z "$image_release" ]; then
		source_lists "$1"
		image_release "$1"
	fi
	[ -n "$image_release" ]
}

# image_make DIR
image_make()
{
	cache_room 1000
	mkdir -p "$scratch/download"
	task "fetching Debian's kernel $image_release" detail_size image_download "$image_release" "${apt[@]}"
	task "unpacking it" detail_size image_arrange "$image_release" "$1"
	rm -f "$scratch"/download/*.deb
}

# image_release VERSION: sets $image_release to the release (as in uname -r) of the kernel that is made from
# the source.
image_release()
{
	image_release=$(apt-cache "${apt[@]}" search --names-only "^linux-headers-${1/./\\.}\\..*-amd64\$" |
		awk '$1 !~ /-(cloud|rt)-amd64$/ { print $1 }' |
		xargs -r apt-cache "${apt[@]}" madison |
		awk -v source="$source_id" '$3 == source { sub("linux-headers-", "", $1); print $1; exit }')
}

# image_download RELEASE [OPTION...]
image_download()
{
	local release=$1 name package

	shift
	for name in image headers; do
		source_download "linux-$name-$release=$source_id" "$@"
		# The headers are in three packages, and since 7.2 the kernel is, too.
		dpkg-deb -f "linux-$name-$release"_*.deb Depends | tr ',' '\n' |
			sed -n 's/^ *\(linux-\(headers\|kbuild\|base\|binary\|modules\)-[0-9][^ ]*\).*/\1/p' |
			while read -r package; do
				source_download "$package=$source_id" "$@"
			done
	done
}

# image_arrange RELEASE DIR
image_arrange()
{
	local deb modules=$2/lib/modules/$1 headers=usr/src/linux-headers-$1

	for deb in "$scratch"/download/linux-{headers,kbuild}-*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -xf - -C "$2" --exclude './*/modules'
	done
	# The headers' makefile has the path that they are installed at, since 7.2 as where they were built, too.
	sed -i -e "s|^include /|include \$(dir \$(lastword \$(MAKEFILE_LIST)))../../../|" \
		-e "s|^KBUILD_OUTPUT=/.*|KBUILD_OUTPUT := \$(abspath \$(dir \$(lastword \$(MAKEFILE_LIST))))|" "$2/$headers/Makefile"
	ln -s "$headers" "$2/headers"

	mkdir -p "$modules/kernel" "$2/arch/x86/boot"
	# As one archive, as not all of this is in any one of them.
	for deb in "$scratch"/download/linux-{image,base,binary,modules}-*.deb; do
		[ ! -e "$deb" ] || dpkg-deb --fsys-tarfile "$deb"
	done | tar -xif - -C "$2" --transform 's|^\./usr/lib/|./lib/|' --wildcards '*/vmlinuz*' \
		'*/modules.builtin*' '*/modules.order' '*/kvm/kvm*.ko*' '*/irqbypass.ko*' '*/ccp.ko*'
	find "$2" -name 'vmlinuz*' -exec mv {} "$2/arch/x86/boot/bzImage" \;
	find "$modules" -name '*.ko.xz' -exec xz -d {} +
	PATH=$PATH:/sbin depmod -b "$2" "$1"
	ln -s "../../lib/modules/$1/kernel/arch/x86/kvm" "$2/arch/x86/kvm"
	ln -s "lib/modules/$1/kernel/virt" "$2/virt"
}

# detail_image LOG: how much kvm-modules has compiled, by a log of its own.
detail_image()
{
	cat "$scratch"/exitcheck-kvm.*/log >"$scratch/kvm.log" 2>/dev/null || true
	detail_compiled "$scratch/kvm.log"
}

# image_kvm DIR: the patched modules for it, in DIR, as its user would build them.
image_kvm()
{
	local release

	release=$(basename "$kernel_dir"/lib/modules/*)
	TMPDIR=$scratch KERNEL_SRC=$source_dir "$top/kernel-patch/kvm-modules" build --headers "$kernel_dir/headers" \
		--vmlinuz "$kernel_dir/arch/x86/boot/bzImage" "$release" "$1"
}
