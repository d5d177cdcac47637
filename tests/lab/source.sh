# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # what is set here is its callers'
# Kernel source trees: the user's own (KERNEL_SRC), or Debian's source package from whatever mirror
# this machine's apt is set up with.

# The kernels that the lab knows, and the Debian suites that carry the source of each.
declare -A suites=(
	[5.10]="bullseye-security bullseye"
	[6.1]="bookworm bookworm-security"
	[6.12]="bookworm-security bookworm-backports trixie trixie-security"
	[7.2]="sid forky trixie-backports"
	[7.3]="trixie-backports sid"
)

# source_known: those that the lab is tested with.
source_known()
{
	printf '%s\n' "${!suites[@]}" | sort -V | paste -sd ' '
}

# source_check VERSION: ends the run unless that can be a kernel's.
source_check()
{
	[[ $1 =~ ^[0-9]+\.[0-9]+$ ]] || die 2 "no kernel '$1': KERNEL is one of $(source_known)"
}

# source_get VERSION: sets $source_dir to a pristine tree and $source_id to what tells it from
# any other.
source_get()
{
	local version=$1

	if [ -n "${KERNEL_SRC:-}" ]; then
		source_own "$version"
		return
	fi
	source_find "$version" || locked "source/$version" source_fetch "$version"
}

# The user's tree is told by its files' names, sizes and times.
source_own()
{
	local have

	[ -f "$KERNEL_SRC/Kbuild" ] || die 2 "KERNEL_SRC=$KERNEL_SRC is not a kernel source tree"
	[ ! -e "$KERNEL_SRC/.config" ] ||
		die 2 "KERNEL_SRC=$KERNEL_SRC has been built in: run 'make mrproper' there first"
	source_dir=$(realpath "$KERNEL_SRC")
	have=$(sed -n 's/^VERSION = //p; s/^PATCHLEVEL = /./p; s/^SUBLEVEL = /./p; s/^EXTRAVERSION = //p' \
		"$source_dir/Makefile" 2>/dev/null | tr -d '\n')
	[[ $have =~ ^[0-9]+\.[0-9]+\.[0-9]+ ]] ||
		die 2 "KERNEL_SRC=$KERNEL_SRC does not know its version: is the tree complete?"
	[[ $have == "$1" || $have == "$1".* || $have == "$1"-* ]] ||
		die 2 "KERNEL_SRC is Linux $have, and KERNEL=$1 was asked for"
	source_id=$have-$({ echo "$source_dir"; find "$source_dir" -name .git -prune -o \
		-type f -printf '%P %s %T@\n' | sort; } | hash_of)
}

# The newest one in the cache serves: `rm -r` it to have a newer one fetched.
source_find()
{
	local newest

	newest=$(find "$cache/source/$1" -mindepth 1 -maxdepth 1 -type d ! -name '*.part' \
		-printf '%f\n' 2>/dev/null | sort -V | tail -n 1)
	[ -n "$newest" ] || return 1
	source_dir=$cache/source/$1/$newest
	source_id=$newest
}

source_fetch()
{
	local version=$1 package=linux-source-$1 deb apt=()

	# Another run may have fetched it while this one waited for the lock.
	! source_find "$version" || return 0
	command -v apt-get >/dev/null || die 3 \
		"there is no apt here to fetch $package with: give a source tree, KERNEL_SRC=DIR"
	cache_room 4000
	mkdir -p "$scratch/download"
	if ! apt-get --print-uris download "$package" >/dev/null 2>&1; then
		source_lists "$version"
		apt-get "${apt[@]}" --print-uris download "$package" >/dev/null 2>&1 || die 3 \
			"the mirror has no $package: KERNEL is one of $(source_known), or give a source tree, KERNEL_SRC=DIR"
	fi
	task "fetching $package" detail_size source_download "$package" "${apt[@]}"
	deb=$(find "$scratch/download" -name '*.deb')
	cache_make "$cache/source/$version/$(dpkg-deb -f "$deb" Version)" \
		task "unpacking $package" detail_files source_unpack "$deb" "$version"
	rm -f "$deb"
	source_find "$version"
}

# source_download PACKAGE [OPTION...]
source_download()
{
	local package=$1

	shift
	cd "$scratch/download" || return
	apt-get -q -o APT::Sandbox::User=root "$@" download "$package"
}

# source_suites VERSION: the suites to look in, all for any other word: of this machine's own release, if it has that kernel,
# so that its compiler is the one that the kernel's headers were made for.  For "all", every suite.
source_suites()
{
	if [ -z "${suites[$1]:-}" ]; then
		printf '%s\n' "${suites[@]}" | tr ' ' '\n' | sort -u
		return
	fi
	source_ours "$1" || tr ' ' '\n' <<<"${suites[$1]}"
}

# source_ours VERSION: those suites of this machine's own release that have it; fails where there is none.
source_ours()
{
	local codename

	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null || true)
	tr ' ' '\n' <<<"${suites[$1]:-}" | grep -E "^${codename:-none}(-|$)"
}

# debian_sites: what this machine's apt is set up with, less what is known not to be Debian's, as lines
# "SITE RELEASE".  An origin is known only once the lists have been read, and without it a site is not
# even named by default.
debian_sites()
{
	{
		apt-get indextargets --format "origin \$(SITE) \$(ORIGIN)" 'Created-By: Packages'
		apt-get indextargets --no-release-info --format "site \$(SITE) \$(RELEASE)" \
			'Created-By: Packages'
	} | awk '$1 == "origin" && $3 != "Debian" { other[$2] }
		 $1 == "site" && !($2 in other) { print $2, $3 }' |
		sort -u
}

# source_lists VERSION: suite_lists of those that carry this kernel.
source_lists()
{
	local found

	mapfile -t found < <(source_suites "$1")
	suite_lists "${found[@]}"
}

# suite_lists SUITE...: reads them from this machine's own mirror; sets apt to options with which apt-get looks
# there, and writes nothing of the machine's.
suite_lists()
{
	local dir=$scratch/apt ring=/usr/share/keyrings/debian-archive-keyring.gpg
	local suite site release signed=

	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	[ ! -e "$ring" ] || signed="[signed-by=$ring]"
	debian_sites |
		while read -r site release; do
			for suite; do
				case $release:$suite in
				*-security:*-security) ;;
				*-security:* | *:*-security) continue ;;
				esac
				echo "deb $signed $site $suite main"
			done
		done | sort -u >"$dir/sources.list"
	[ -s "$dir/sources.list" ] || die 3 "apt names no Debian mirror here: give KERNEL_SRC=DIR"
	apt=(-o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=-
		-o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir/cache"
		-o Acquire::Languages=none -o APT::Sandbox::User=root)
	task "reading the package lists of $*" detail_size source_update "${apt[@]}"
}

# source_update OPTION...: a mirror need not carry every suite; those that it has are read.
source_update()
{
	apt-get -q "$@" update || true
}

# source_unpack DEB VERSION DIR: a line on stdout for every thousand files.
source_unpack()
{
	set -o pipefail
	dpkg-deb --fsys-tarfile "$1" |
		tar -xO "./usr/src/linux-source-$2.tar.xz" |
		tar -xJv --strip-components=1 -C "$3" |
		awk 'NR % 1000 == 0 { print NR; fflush() }'
}
