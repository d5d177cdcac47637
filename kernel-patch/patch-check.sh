#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# patch-check.sh VERSION SOURCE: holds the series of VERSION against the pristine kernel tree SOURCE:
# every patch applies without fuzz, checkpatch.pl --strict has nothing to say, and every patch compiles
# on its own, with the warnings of KVM being errors.  The selftest is compiled, too.
set -eu

version=$1 source=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
series=$here/$version
config=$here/../tests/lab/kernel.config

scratch=$(mktemp -d "${TMPDIR:-/tmp}/exitcheck-patch-check.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
tree=$scratch/tree build=$scratch/build

say()
{
	printf 'patch-check: %s: %s\n' "$version" "$*" >&2
}

fail()
{
	tail -n 30 "$scratch/log" >&2
	say "$*"
	exit 1
}

# quietly COMMAND...: its output is shown only if the check fails.
quietly()
{
	"$@" >"$scratch/log" 2>&1 </dev/null
}

kbuild()
{
	quietly env -u MAKEFLAGS -u MAKELEVEL make -C "$tree" O="$build" -j"$(nproc)" "$@"
}

mapfile -t patches < <(grep '\.patch$' "$series/series")
[ "${#patches[@]}" -gt 0 ] || { say "$series/series names no patch"; exit 1; }
for file in "$series"/*.patch; do
	grep -qxF "${file##*/}" "$series/series" || { say "${file##*/} is not in the series"; exit 1; }
done

# A git repository of just the files that the series touches shows that git am takes it.
say "git am"
git init -q "$scratch/am"
cd "$scratch/am"
git config user.name patch-check
git config user.email patch-check@localhost
(cd "$series" && sed -n 's|^--- a/\([^[:space:]]*\).*|\1|p' "${patches[@]}") | sort -u |
	while read -r file; do
		# A file that an earlier patch of the series adds is not in the pristine tree.
		[ ! -e "$source/$file" ] || echo "$file"
	done | tar -C "$source" -cf - -T - | tar -xf -
git add -Af .
git commit -q -m "Linux $version"
for patch in "${patches[@]}"; do
	quietly git am -q "$series/$patch" || fail "$patch does not apply"
done

# MAINTAINERS has whole directories for all that the series adds files to.
say "checkpatch.pl --strict"
cd "$source"
quietly env PATH="/usr/bin:/bin:$PATH" perl scripts/checkpatch.pl --strict --quiet \
	--ignore FILE_PATH_CHANGES "${patches[@]/#/$series/}" || fail "checkpatch.pl has something to say"
[ ! -s "$scratch/log" ] || fail "checkpatch.pl has something to say"

say "preparing a build"
cp -al "$source" "$tree" 2>/dev/null || { rm -rf "$tree" && cp -a "$source" "$tree"; }
kbuild tinyconfig || fail "make tinyconfig failed"
cat "$config" - >>"$build/.config" <<<CONFIG_KVM_WERROR=y
kbuild olddefconfig || fail "make olddefconfig failed"
for option in KVM_INTEL=m KVM_AMD=m KVM_WERROR=y; do
	grep -qx "CONFIG_$option" "$build/.config" || fail "CONFIG_$option did not take effect"
done
kbuild prepare modules_prepare || fail "make prepare failed"

cd "$tree"
number=0
for patch in "${patches[@]}"; do
	number=$((number + 1))
	say "compiling $number of ${#patches[@]}: $patch"
	# patch and git write a new file for each that they change, so the links to SOURCE are safe.
	GIT_CEILING_DIRECTORIES=$scratch quietly git apply "$series/$patch" || fail "$patch does not apply"
	kbuild arch/x86/kvm/ || fail "$patch does not compile"
	if grep -q 'warning:' "$scratch/log"; then
		fail "$patch compiles with warnings"
	fi
done

say "compiling the selftest"
kbuild headers_install INSTALL_HDR_PATH="$scratch/usr" || fail "make headers_install failed"
cd tools/testing/selftests/kvm
selftest=$(sed -n 's|^TEST_GEN_PROGS_x86\(_64\)\? += \(.*exit_leaves_test\)$|\2|p' Makefile*)
quietly env -u MAKEFLAGS -u MAKELEVEL make -j"$(nproc)" OUTPUT="$scratch/selftests" \
	KHDR_INCLUDES="-isystem $scratch/usr/include" "$scratch/selftests/${selftest:-missing}" ||
	fail "the selftest does not compile"
if grep -q 'warning:' "$scratch/log"; then
	fail "the selftest compiles with warnings"
fi
say "${#patches[@]} patches hold"
