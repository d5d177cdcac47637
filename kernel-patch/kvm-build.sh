# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# How KVM's modules are built from a copy of the few files concerned, against a kernel that is built
# already: the lab's, or a distribution's.

# kbuild ARG...: nothing of this machine or of the caller's make gets into the result.  Where ccache is
# installed, what was compiled before is not compiled again, whatever directory it was built in.
kbuild()
{
	local compiler=()

	! command -v ccache >/dev/null || compiler=(CC="ccache gcc")
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u KERNEL_SRC -u V CCACHE_NOHASHDIR=1 \
		make "${compiler[@]}" -j"$(nproc)" KBUILD_BUILD_USER=exitcheck KBUILD_BUILD_HOST=lab \
		KBUILD_BUILD_TIMESTAMP=1970-01-01 "$@"
}

# series_patches DIR: the paths of the patches that DIR's file "series" names, in order.
series_patches()
{
	sed -e 's/[[:space:]]*#.*//' -e '/^$/d' -e "s|^|$1/|" "$1/series"
}

# series_nearest DIR VERSION: of the series in DIR, the one for Linux VERSION, as in 6.12; where there is
# none, the next older one, or else the oldest.  Whether it applies, series_fits tells.
series_nearest()
{
	# shellcheck disable=SC2012 # names of directories that are versions
	(cd "$1" && ls -d [0-9]*/) | tr -d / | sort -V | awk -v wanted="$2" '
		{ split($0, have, "."); split(wanted, want, ".") }
		NR == 1 || have[1] + 0 < want[1] + 0 ||
		have[1] == want[1] && have[2] + 0 <= want[2] + 0 { nearest = $0 }
		END { print nearest }'
}

# series_touched PATCH...: the files that these patches change or add.
series_touched()
{
	cat /dev/null "$@" | sed -n 's|^+++ b/\([^[:space:]]*\).*|\1|p' | sort -u
}

# series_fits DIR SOURCE: patches_fit of DIR's series.
series_fits()
{
	# shellcheck disable=SC2046 # a list of paths without blanks
	patches_fit "$2" $(series_patches "$1")
}

# patches_fit SOURCE PATCH...: tells within a second whether these patches apply to the tree SOURCE, one
# after the other and without fuzz, on copies of the files that they touch.  Prints the first that does not
# (its file's name), and fails; prints nothing if all do.
patches_fit()
(
	source=$1
	shift
	copy=$(mktemp -d "${TMPDIR:-/tmp}/exitcheck-fits.XXXXXX") || exit
	trap 'rm -rf "$copy"' EXIT
	series_touched "$@" | while read -r file; do
		[ ! -e "$source/$file" ] || echo "$file"
	done | tar -C "$source" -chf - -T - | tar -C "$copy" -xf -
	for patch; do
		patch -d "$copy" -p1 -F0 -s -f --no-backup-if-mismatch <"$patch" >/dev/null 2>&1 && continue
		echo "${patch##*/}"
		exit 1
	done
)

# kvm_build SOURCE BUILD DIR PATCHES: copies what KVM is made of, and what the patches touch, from the
# pristine tree SOURCE to DIR, applies the patches and builds the modules there, out of tree, against
# the kernel built in BUILD.  DIR's headers come before the kernel's own.
kvm_build()
{
	local source=$1 build=$2 dir=$3 patches=$4 file

	mkdir -p "$dir"
	{
		# define_trace.h finds KVM's own trace.h by a path relative to itself.
		printf '%s\n' arch/x86/kvm virt/kvm include/trace/define_trace.h
		# shellcheck disable=SC2086 # a list of paths without blanks
		series_touched $patches | while read -r file; do
			case $file in arch/x86/kvm/* | virt/kvm/*) continue ;; esac
			[ ! -e "$source/$file" ] || echo "$file"
			# What includes a header's kernel half must not find its user half first.
			[ ! -e "$source/${file/include\/uapi/include}" ] ||
				echo "${file/include\/uapi/include}"
		done
	} | tar -C "$source" -chf - -T - | tar -C "$dir" -xf -
	for file in $patches; do
		patch -d "$dir" -p1 -F0 --no-backup-if-mismatch <"$file"
	done
	# Distributions' headers come without virt/kvm.
	# shellcheck disable=SC2016 # make's variables
	sed -i 's|$(srctree)/virt/kvm|$(src)/../../../virt/kvm|' "$dir/arch/x86/kvm/Makefile"
	kvm_make "$build" "$dir"
}

# kvm_make BUILD DIR: the last step of kvm_build, for sources that are in DIR already.
kvm_make()
{
	local build=$1 dir=$2

	kbuild -C "$build" M="$dir/arch/x86/kvm" NOSTDINC_FLAGS="-nostdinc -I$dir/arch/x86/kvm \
		-I$dir/arch/x86/include -I$dir/arch/x86/include/uapi -I$dir/include -I$dir/include/uapi" \
		modules
}
