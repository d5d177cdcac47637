# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # $top, $source_dir and $source_id are lab's
# KVM's selftests from the kernel's tree, with the one that comes with the series.

# selftests_get VERSION: sets $selftests_dir to the directory that holds them, built.
selftests_get()
{
	local key

	source_get "$1"
	key=$({ echo "$source_id"; series_patches "$top/kernel-patch/$(series_of "$1")" | xargs cat; gcc --version
		declare -f selftests_build; } | hash_of)
	selftests_dir=$cache/selftests/$1-$key
	cache_make "$selftests_dir" selftests_make "$1"
}

# selftests_make VERSION DIR
selftests_make()
{
	cache_room 1000
	task "building KVM's selftests of Linux $1" detail_compiled selftests_build "$@"
}

# selftests_build VERSION DIR: from a copy of what they need, as they use the series' headers.
selftests_build()
{
	local tree=$2/src file patches

	patches=$(series_patches "$top/kernel-patch/$(series_of "$1")")
	mkdir -p "$tree" "$2/bin"
	{
		printf '%s\n' Makefile Kbuild arch/x86 include scripts tools
		# shellcheck disable=SC2086 # a list of paths without blanks
		sed -n 's|^--- a/\([^[:space:]]*\).*|\1|p' $patches | sort -u |
			grep -vE '^(arch/x86|include|tools)/' | while read -r file; do
			[ ! -e "$source_dir/$file" ] || echo "$file"
		done
	} | tar -C "$source_dir" -cf - -T - | tar -C "$tree" -xf -
	for file in $patches; do
		patch -d "$tree" -p1 --no-backup-if-mismatch <"$file"
	done
	kbuild -C "$tree" headers_install
	# Without those that measure instead of testing.
	kbuild -C "$tree/tools/testing/selftests/kvm" OUTPUT="$2/bin" TEST_GEN_PROGS_EXTENDED= all
	find "$2/bin" -type f ! -perm -100 -delete
	rm -rf "$tree"
}
