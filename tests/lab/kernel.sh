# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The lab's kernels and their KVM modules.  A kernel is built once; a variant of KVM (unpatched,
# patched) is three modules that are built against it from a copy of the few files concerned.

# kernel_get VERSION: sets $kernel_dir to a finished build (bzImage, and what modules need); with
# --image, to Debian's.
kernel_get()
{
	local key

	[ "$image" != try ] || image_try "$1"
	if [ "$image" = yes ]; then
		image_get "$1"
		return
	fi
	source_get "$1"
	# Before 5.15 the kernel took it from the compiler, whose directory kvm_make leaves out.
	if [ ! -e "$source_dir/include/linux/stdarg.h" ]; then
		KCPPFLAGS="-isystem $(gcc -print-file-name=include)"
		export KCPPFLAGS
	fi
	kernel_name=$1$(kernel_configs | sed 's|.*/\(.*\)\.config|-\1|' | tail -n +2 | tr -d '\n')
	key=$({ echo "$source_id"; kernel_config; kernel_tools; } | hash_of)
	kernel_dir=$cache/kernel/$kernel_name-$key
	cache_make "$kernel_dir" kernel_make "$1"
}

# What a build depends on besides its source and configuration.
kernel_tools()
{
	gcc --version | head -n 1
	ld --version | head -n 1
	pahole --version
	declare -f kbuild kernel_build
}

# kernel_configs: the files of which the configuration is made.
kernel_configs()
{
	echo "$here/kernel.config"
	[ "$root" != 9p ] || echo "$here/root-9p.config"
	[ -z "$config" ] || echo "$here/$config.config"
}

# What goes on top of tinyconfig; a later file adds to those before it, or has a line otherwise.
kernel_config()
{
	kernel_configs | xargs cat | awk -F = '
		/^CONFIG_/ {
			if (!($1 in line))
				name[++n] = $1
			line[$1] = $0
		}
		END {
			for (i = 1; i <= n; i++)
				print line[name[i]]
		}' |
		kernel_words
}

# kernel_words: the configuration on stdin, in the words that this version has for it.
kernel_words()
{
	local script=()

	# 7.3 made one option of the two.
	grep -qsx 'config PROC_SYSCTL' "$source_dir/fs/proc/Kconfig" ||
		script+=(-e 's/^CONFIG_PROC_SYSCTL=/CONFIG_SYSCTL=/')
	# Since 5.18 that is what a choice of the format makes it.
	grep -qsx 'config DEBUG_INFO_NONE' "$source_dir/lib/Kconfig.debug" ||
		script+=(-e '/^CONFIG_DEBUG_INFO_DWARF5=/i CONFIG_DEBUG_INFO=y')
	# Since 5.12, and at first not with BTF.
	sed -n '/^config DEBUG_INFO_DWARF5$/,/^config /p' "$source_dir/lib/Kconfig.debug" 2>/dev/null | awk '
		/depends on !DEBUG_INFO_BTF$/ { without = 1 }
		END { exit !NR || without }' ||
		script+=(-e 's/^CONFIG_DEBUG_INFO_DWARF5=/CONFIG_DEBUG_INFO_DWARF4=/')
	# Since 5.11.
	grep -qsx 'config DEBUG_INFO_BTF_MODULES' "$source_dir/lib/Kconfig.debug" ||
		script+=(-e '/^CONFIG_DEBUG_INFO_BTF_MODULES=/d')
	sed -e '' "${script[@]}"
}

# kernel_make VERSION DIR
kernel_make()
{
	variants_check "$1"
	cache_room 2000
	task "building Linux $kernel_name (once; about 3 minutes on 2 CPUs)" detail_compiled kernel_build "$2"
	# 7.2 notes down where it was built, which is not where it will be.
	sed -i "s|$2|$kernel_dir|" "$2/Makefile"
}

# kernel_build DIR
kernel_build()
{
	kbuild -C "$source_dir" O="$1" tinyconfig
	kernel_config >>"$1/.config"
	kbuild -C "$source_dir" O="$1" olddefconfig
	kernel_config_check "$1/.config"
	# KVM's modules are a variant's; of what they need, this one alone is a module, too.
	kbuild -C "$source_dir" O="$1" bzImage
	kbuild -C "$source_dir" O="$1" virt/lib/irqbypass.ko

	# Modules to be built later need the headers, the tools and the symbols' names and types.
	strip --strip-debug "$1/vmlinux"
	find "$1" -path "$1/scripts" -prune -o -path "$1/tools" -prune -o -type f \
		\( -name '*.o' -o -name '*.a' -o -name 'vmlinux.*' ! -name '*.symvers' \) \
		-exec rm -f {} +
}

# Kconfig drops without a word what it cannot satisfy.
kernel_config_check()
{
	local line lost=0

	while read -r line; do
		case $line in
		CONFIG_*=n) ! grep -q "^${line%n}" "$1" || lost=1 ;;
		*) grep -qxF "$line" "$1" || lost=1 ;;
		esac
		[ "$lost" = 0 ] || { echo "$line did not take effect"; return 1; }
	done < <(kernel_config)
}

# What patches there are to a variant that is somebody's own, by its name.
declare -A own_patches

# variant_find WORD: sets $variant to the name of that variant, and ends the run unless there is such a one.
variant_find()
{
	variant=$1
	case $1 in
	none | none-nobtf) ;;
	series | series-nobtf) ;;
	mutant-*)
		[ -f "$top/tests/mutants/${1#mutant-}.patch" ] ||
			die 2 "there is no mutant '${1#mutant-}': see tests/mutants/" ;;
	*) own_name "$1" ;;
	esac
}

# own_name PATH: the same for a patch, or a directory of them, that PATH is.
own_name()
{
	local path patches

	[ -e "$1" ] || die 2 "no KVM variant or patch '$1': PATCH is none, series, mutant-NAME, or the path of a \
patch or of a directory of patches"
	path=$(realpath "$1")
	[[ $path != *[[:space:]]* ]] || die 2 "$path: a patch's path may have no blanks"
	if [ -f "$path/series" ]; then
		patches=$(series_patches "$path")
	elif [ -d "$path" ]; then
		patches=$(find "$path" -maxdepth 1 -name '*.patch' | sort)
	else
		patches=$path
	fi
	# shellcheck disable=SC2086 # a list of paths without blanks
	[ -n "$(series_touched $patches)" ] || die 2 "$1: there is no patch in it, as diff -u or git diff write one"
	variant=${path##*/}
	variant=${variant%.patch}
	own_patches[$variant]=$patches
}

# variants_check VERSION: ends the run, before anything is built, unless all variants' patches apply.
variants_check()
{
	local variant

	for variant in $variants; do
		case $variant in
		none | none-nobtf) ;;
		*) variant_check "$1" "$variant" ;;
		esac
	done
}

# variant_check VERSION VARIANT: the same for one.
variant_check()
{
	local broken

	if [ -z "${own_patches[$2]:-}" ]; then
		series_check "$1"
		return
	fi
	# shellcheck disable=SC2086 # a list of paths without blanks
	broken=$(patches_fit "$source_dir" ${own_patches[$2]}) || die 3 \
		"$broken does not apply to Linux $source_id without fuzz: rebase it, or take the tree that it was \
made on (KERNEL_SRC=DIR), or that tree with it applied (KERNEL_SRC=DIR PATCH=none)"
}

# series_of VERSION: the series for it, or the nearest.
series_of()
{
	series_nearest "$top/kernel-patch" "$1"
}

# series_check VERSION: ends the run, before anything is built, unless there is a series for $source_dir.
series_check()
{
	local series broken

	series=$(series_of "$1")
	[ "$series" = "$1" ] || say "there is no series for Linux $1: trying that for $series"
	broken=$(series_fits "$top/kernel-patch/$series" "$source_dir") || die 3 \
		"the series for Linux $series does not apply to $source_dir: $broken fails; take another kernel \
(KERNEL is one of $(source_known)) or another tree (KERNEL_SRC=DIR), or PATCH=none"
}

# variant_get VERSION VARIANT: sets $variant_dir to the directory that holds the variant's modules;
# kernel_get comes first.  "-nobtf" after a variant's name is the same without its type information.
variant_get()
{
	local key variant_name=$2

	if [ "$2" != "${2%-nobtf}" ]; then
		variant_get "$1" "${2%-nobtf}"
		cache_make "$variant_dir-nobtf" variant_strip "$variant_dir"
		variant_dir=$variant_dir-nobtf
		return
	fi
	key=$({ variant_patches "$@" | xargs -r cat; declare -f variant_build kvm_build kvm_make
		[ "$image" = no ] || cat "$top/kernel-patch/kvm-modules"
		[ -z "${own_patches[$2]:-}" ] || declare -f own_build; } | hash_of)
	variant_dir=$kernel_dir.kvm/$2-$key
	if [ ! -d "$variant_dir" ] && [ "$2" != none ]; then
		variant_check "$@"
		[ "$image" = yes ] || tree_get "$1" "$2"
	fi
	cache_make "$variant_dir" variant_make "$@"
}

# tree_get VERSION VARIANT: sets $tree_dir to a copy of KVM with the series, built, with all that make left: the
# series' modules are taken from it, and a mutant's made of it; for a patch that is somebody's own, without.
tree_get()
{
	local base=series

	[ -z "${own_patches[$2]:-}" ] || base=none
	tree_dir=$kernel_dir.kvm/tree-$({ variant_patches "$1" "$base" | xargs -r cat
		declare -f kvm_build kvm_make; } | hash_of)
	cache_make "$tree_dir" tree_make "$1" "$base"
}

# tree_make VERSION BASE DIR
tree_make()
{
	task "building the KVM modules of Linux $1 ($2)" detail_compiled \
		kvm_build "$source_dir" "$kernel_dir" "$3" "$(variant_patches "$1" "$2")"
}

# tree_copy DIR: a copy of $tree_dir, in which make finds that all is built; with what $variant_name builds on.
tree_copy()
{
	local file

	cp -a "$tree_dir/." "$1"
	# The commands that make has noted down have the paths where they were called.
	grep -rlZ --include='.*.cmd' --include='*.mod' --include=modules.order \
		"$tree_dir.part" "$1" | while IFS= read -r -d '' file; do
		sed "s|$tree_dir.part|$1|g" "$file" >"$1/moved"
		touch -r "$file" "$1/moved"
		mv "$1/moved" "$file"
	done
	for file in $(mutant_with "$variant_name"); do
		patch -d "$1" -p1 --no-backup-if-mismatch <"$file"
	done
}

# mutant_with VARIANT: the path of the patch that comes before that mutant's own, if it names one.
mutant_with()
{
	[ "$1" = "${1#mutant-}" ] ||
		sed -n -e '/^---$/q' -e "s|^With: \(.*\)|$top/tests/mutants/\1.patch|p" \
			"$top/tests/mutants/${1#mutant-}.patch"
}

# variant_strip FROM DIR: the modules in FROM, without their type information.
variant_strip()
{
	local module

	for module in "$1"/*.ko; do
		objcopy --remove-section=.BTF "$module" "$2/${module##*/}"
	done
}

# variant_patches VERSION VARIANT: the paths of its patches, in order; a mutant is the series and what
# breaks it.
variant_patches()
{
	[ "$2" != none ] || return 0
	if [ -n "${own_patches[$2]:-}" ]; then
		echo "${own_patches[$2]}"
		return
	fi
	series_patches "$top/kernel-patch/$(series_of "$1")"
	mutant_with "$2"
	[ "$2" = "${2#mutant-}" ] || echo "$top/tests/mutants/${2#mutant-}.patch"
}

# variant_make VERSION VARIANT DIR
variant_make()
{
	local detail=detail_compiled

	[ "$image" = no ] || detail=detail_image
	if [ -n "${own_patches[$2]:-}" ]; then
		task "building the KVM modules of Linux $1 with $2" "$detail" own_build "$@"
	else
		task "building the KVM modules of Linux $1 ($2)" "$detail" variant_build "$@"
	fi
}

# own_build VERSION VARIANT DIR: what changes KVM alone is built on top of KVM without it.
own_build()
{
	local patches=${own_patches[$2]} built=$3/src/arch/x86/kvm patch module

	# shellcheck disable=SC2086 # a list of paths without blanks
	if series_touched $patches | grep -qvE '^(arch/x86|virt)/kvm/'; then
		kvm_build "$source_dir" "$kernel_dir" "$3/src" "$patches"
	else
		mkdir "$3/src"
		tree_copy "$3/src"
		for patch in $patches; do
			patch -d "$3/src" -p1 -F0 --no-backup-if-mismatch <"$patch"
		done
		kvm_make "$kernel_dir" "$3/src"
	fi
	for module in kvm kvm-amd kvm-intel; do
		strip --strip-debug -o "$3/$module.ko" "$built/$module.ko"
	done
	cp "$kernel_dir/virt/lib/irqbypass.ko" "$3"
	rm -rf "$3/src"
}

# variant_build VERSION VARIANT DIR
variant_build()
{
	local built=$3/src/arch/x86/kvm module

	case $image:$2 in
	yes:none)
		built=$kernel_dir/arch/x86/kvm ;;
	yes:*)
		built=$3/src
		image_kvm "$built" ;;
	no:none)
		kvm_build "$source_dir" "$kernel_dir" "$3/src" '' ;;
	no:series)
		built=$tree_dir/arch/x86/kvm ;;
	no:mutant-*)
		mkdir "$3/src"
		tree_copy "$3/src"
		patch -d "$3/src" -p1 --no-backup-if-mismatch <"$top/tests/mutants/${2#mutant-}.patch"
		kvm_make "$kernel_dir" "$3/src" ;;
	esac
	for module in kvm kvm-amd kvm-intel; do
		strip --strip-debug -o "$3/$module.ko" "$built/$module.ko"
	done
	cp "$kernel_dir/virt/lib/irqbypass.ko" "$3"
	# Debian's kvm-amd knows SEV, and asks for this.
	[ "$image" = no ] || cp "$kernel_dir"/lib/modules/*/kernel/drivers/crypto/ccp/ccp.ko "$3"
	rm -rf "$3/src"
}
