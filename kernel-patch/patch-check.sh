#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # what task and cache_make call
# Holds the series against every version of their kernels that the mirror has: each applies without fuzz.
# On the newest version checkpatch.pl --strict has nothing to say and every patch compiles on its own, the
# warnings of KVM being errors, and so does the selftest; on the oldest the series compiles as a whole.
set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab=$here/../tests/lab
# shellcheck source=tests/lab/lib.sh
. "$lab/lib.sh"
# shellcheck source=tests/lab/source.sh
. "$lab/source.sh"
# shellcheck source=kernel-patch/kvm-build.sh
. "$here/kvm-build.sh"

usage()
{
	cat <<'END'
usage: patch-check.sh [--apply] KERNEL...

Checks the series of each KERNEL, a directory here, and prints a line for every version of it that the
mirror has; with --apply no more than whether it applies.
END
}

# What is kept of a version, besides what the patches touch elsewhere.
kept=(arch/x86/kvm arch/x86/include virt/kvm Documentation/virt/kvm tools/testing/selftests/kvm)

# result TEXT: a line of the list that this is about.
result()
{
	printf '%-4s %-20s %s\n' "$kernel" "$version" "$*"
}

# check WHAT COMMAND...: COMMAND, as a task; its output is shown only if it fails.
check()
{
	task "$kernel $version: $1" detail_compiled "${@:2}"
}

# versions_of KERNEL: the versions of its source package that the mirror has, oldest first.
versions_of()
{
	apt-cache "${apt[@]}" madison "linux-source-$1" | awk '{ print $3 }' | sort -uV
}

# paths: what is kept of a version.
paths()
{
	printf '%s\n' "${kept[@]}"
	# shellcheck disable=SC2046 # a list of paths without blanks
	series_touched $(series_patches "$here/$kernel") | grep -vE "^($(IFS='|'; echo "${kept[*]}"))/" || true
}

# fetch: $version's package, as the only one in $scratch/download; none is there if the mirror no longer has it.
fetch()
{
	rm -rf "$scratch/download"
	mkdir -p "$scratch/download"
	task "fetching linux-source-$kernel $version" detail_size download
}

# download: a mirror may list for a while what it has dropped.
download()
{
	source_download "linux-source-$kernel=$version" "${apt[@]}" 2>&1 | tee "$scratch/said"
	[ "${PIPESTATUS[0]}" = 0 ] || grep -q '404  *Not Found' "$scratch/said"
}

fetched()
{
	compgen -G "$scratch/download/*.deb" >/dev/null
}

# unpack DIR: what is kept of it.  What a patch adds is in no version.
unpack()
{
	dpkg-deb --fsys-tarfile "$scratch"/download/*.deb |
		tar -xO "./usr/src/linux-source-$kernel.tar.xz" |
		tar -xJ --strip-components=1 -C "$1" -T <(paths | sed "s|^|linux-source-$kernel/|") || true
	[ -d "$1/arch/x86/kvm" ]
}

# applies: whether the series applies to $version, which becomes one of $present.
applies()
{
	local dir broken

	dir=$cache/versions/$version-$(paths | hash_of)
	if [ ! -d "$dir" ]; then
		fetch
		if ! fetched; then
			result "not checked: the mirror lists it, and does not have it"
			return
		fi
	fi
	cache_make "$dir" task "unpacking what KVM is made of" detail_size unpack
	present+=("$version")
	if broken=$(series_fits "$here/$kernel" "$dir"); then
		result "${#patches[@]} patches apply"
	else
		result "$broken does not apply"
		failed=1
	fi
}

# ---- the oldest and the newest ----

# tree_get: $tree, a copy of $version that can be built in.
tree_get()
{
	rm -rf "$scratch/tree" "$scratch/build"
	mkdir "$scratch/tree"
	if [ -d "$cache/source/$kernel/$version" ]; then
		# patch and git write a new file for each that they change, so the links are safe.
		cp -al "$cache/source/$kernel/$version/." "$tree" 2>/dev/null ||
			cp -a "$cache/source/$kernel/$version/." "$tree"
		return
	fi
	fetch
	fetched || die 3 "the mirror no longer has linux-source-$kernel $version: delete $cache/versions"
	task "unpacking linux-source-$kernel" detail_files \
		source_unpack "$scratch"/download/*.deb "$kernel" "$tree"
	rm -rf "$scratch/download"
}

prepare()
{
	kbuild -C "$tree" O="$scratch/build" tinyconfig
	cat "$lab/kernel.config" - >>"$scratch/build/.config" <<<CONFIG_KVM_WERROR=y
	kbuild -C "$tree" O="$scratch/build" olddefconfig
	for option in KVM_INTEL=m KVM_AMD=m KVM_WERROR=y; do
		grep -x "CONFIG_$option" "$scratch/build/.config"
	done
	kbuild -C "$tree" O="$scratch/build" prepare modules_prepare
}

# compile PATCH...: with these applied, without a warning.
compile()
{
	local patch

	cd "$tree"
	for patch; do
		GIT_CEILING_DIRECTORIES=$scratch git apply "$here/$kernel/$patch"
	done
	unwarned O="$scratch/build" arch/x86/kvm/
}

# unwarned ARG...: kbuild, which succeeds without a warning.
unwarned()
{
	kbuild "$@" 2>&1 | tee "$scratch/warnings"
	[ "${PIPESTATUS[0]}" = 0 ] || return 1
	if grep -q warning: "$scratch/warnings"; then
		return 1
	fi
}

# mail: a git repository of just the files that the series touches shows that git am takes it.
mail()
{
	local file repository=$scratch/am

	rm -rf "$repository"
	git init -q "$repository"
	# shellcheck disable=SC2046 # a list of paths without blanks
	series_touched $(series_patches "$here/$kernel") | while read -r file; do
		[ ! -e "$tree/$file" ] || echo "$file"
	done | tar -C "$tree" -cf - -T - | tar -C "$repository" -xf -
	cd "$repository"
	git config user.name patch-check
	git config user.email patch-check@localhost
	git add -Af .
	git commit -q -m "Linux $version"
	git am -q "${patches[@]/#/$here/$kernel/}"
}

# MAINTAINERS has whole directories for all that the series adds files to, and checkpatch.pl takes an export
# behind DEFINE_STATIC_KEY_DEFERRED_FALSE(), which has two arguments, for one of something else.
style()
{
	local said

	cd "$tree"
	said=$(env PATH="/usr/bin:/bin:$PATH" perl scripts/checkpatch.pl --strict --quiet \
		--ignore FILE_PATH_CHANGES,EXPORT_SYMBOL "${patches[@]/#/$here/$kernel/}") || true
	echo "$said"
	[ -z "$said" ]
}

selftest()
{
	local name

	kbuild -C "$tree" O="$scratch/build" headers_install INSTALL_HDR_PATH="$scratch/headers"
	cd "$tree/tools/testing/selftests/kvm"
	name=$(sed -n 's|^TEST_GEN_PROGS_x86\(_64\)\? += \(.*exit_leaves_test\)$|\2|p' Makefile*)
	unwarned OUTPUT="$scratch/selftests" KHDR_INCLUDES="-isystem $scratch/headers/include" \
		"$scratch/selftests/${name:-missing}"
	rm -rf "$scratch/selftests" "$scratch/headers"
}

check_oldest()
{
	tree_get
	check "preparing a build" prepare
	check "compiling the series" compile "${patches[@]}"
	result "the series compiles"
}

check_newest()
{
	local patch number=0

	tree_get
	check "git am" mail
	check "checkpatch.pl --strict" style
	check "preparing a build" prepare
	for patch in "${patches[@]}"; do
		number=$((number + 1))
		check "compiling $number of ${#patches[@]}" compile "$patch"
	done
	check "compiling the selftest" selftest
	result "git am, checkpatch.pl --strict, every patch compiles, the selftest compiles"
}

apply_only=
case ${1:-} in
--apply) apply_only=1; shift ;;
-h | --help) usage; exit 0 ;;
esac
[ $# -gt 0 ] || { usage >&2; exit 2; }
for kernel; do
	[ -f "$here/$kernel/series" ] || die 2 "there is no series for Linux $kernel in kernel-patch/"
	mapfile -t patches < <(grep '\.patch$' "$here/$kernel/series")
	for file in "$here/$kernel"/*.patch; do
		grep -qxF "${file##*/}" "$here/$kernel/series" || [[ ${file##*/} == 0000-* ]] ||
			die 1 "$kernel/${file##*/} is not in the series"
	done
done
"$lab/packages" check lab patch || exit 3
command -v apt-cache >/dev/null || die 3 "there is no apt here to ask for kernels"
scratch_open
tree=$scratch/tree failed=0 apt=()
source_lists all

for kernel; do
	mapfile -t patches < <(grep '\.patch$' "$here/$kernel/series")
	mapfile -t versions < <(versions_of "$kernel")
	present=()
	for version in "${versions[@]}"; do
		applies
	done
	[ "${#present[@]}" -gt 0 ] || die 3 "the mirror has no linux-source-$kernel"
	[ "$failed$apply_only" = 0 ] || continue
	version=${present[-1]}
	check_newest
	version=${present[0]}
	[ "${#present[@]}" = 1 ] || check_oldest
done
exit "$failed"
