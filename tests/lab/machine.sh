# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # $here, $top, $cache and $scratch are others'
# Bare Debian machines in chroots, made by debootstrap from this machine's own mirror.
#   RELEASE   bookworm, trixie (default), forky, or any other that the mirror has
#   SUITES    what its apt is set up with: "main updates security" (default), as Debian's installer
#             does, or "main" alone, as debootstrap does; backports, too

release=${RELEASE:-trixie}
archives=${SUITES:-main updates security}

# machine_alone VARIABLES ARG...: has the script go on in namespaces of its own, with these variables: all that it
# started goes with it, however it ends.
machine_alone()
{
	local as_root=()

	[ "${2:-}" != inside ] || return 0
	"$top/tests/lab/packages" install newcomer || exit
	[ "$(id -u)" = 0 ] || as_root=(sudo --preserve-env="$1,XDG_CACHE_HOME,HOME")
	exec "${as_root[@]}" unshare --mount --pid --fork --kill-child --mount-proc "$0" inside
}

# site KIND: the mirror that this machine's apt has for "security", or for all else.
site()
{
	debian_sites | awk -v kind="$1" '($2 ~ /-security$/) == (kind == "security") { print $1; exit }'
}

# apt_sources: the lines of sources.list for $archives.
apt_sources()
{
	local suite mirror

	for suite in $archives; do
		case $suite in
		main) echo "deb $mirror_main $release main" ;;
		updates | backports) echo "deb $mirror_main $release-$suite main" ;;
		security)
			mirror=$(site security)
			[ -n "$mirror" ] || die 3 "apt names no mirror of Debian's security archive here: give SUITES=main"
			echo "deb $mirror $release-security main" ;;
		*) die 2 "no suite '$suite': SUITES has main, updates, security, backports" ;;
		esac
	done
}

# machine_make DIR: the bare Debian.
machine_make()
{
	local script=/usr/share/debootstrap/scripts/$release file

	# A release that is younger than this machine's debootstrap is made as unstable is.
	[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
	task "making a bare Debian $release" detail_last_line own_mounts debootstrap --variant=minbase \
		--include=git,make,ca-certificates "$release" "$1" "$mirror_main" "$script"
	apt_sources >"$1/etc/apt/sources.list"
	# What decides how this machine reaches its mirror; a package's own file would make apt ask which to keep.
	for file in /etc/apt/apt.conf.d/*; do
		dpkg-query -S "$file" >/dev/null 2>&1 || cp -nL "$file" "$1/etc/apt/apt.conf.d"
	done
	for file in /etc/apt/apt.conf /etc/resolv.conf /etc/hosts; do
		[ ! -e "$file" ] || cp -L --remove-destination "$file" "$1$file"
	done
	git clone -q --no-hardlinks "$top" "$1/root/exitcheck"
}

# machine_run DIR COMMAND...: in the bare Debian, whose mounts are the command's alone.
machine_run()
{
	local dir=$1

	shift
	# shellcheck disable=SC2016 # the inner shell's
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb CI="${CI:-}" \
		unshare --mount sh -c 'dir=$1 && shift && mount -t proc proc "$dir/proc" &&
			mount --rbind /sys "$dir/sys" && mount --rbind /dev "$dir/dev" && exec chroot "$dir" "$@"' \
		sh "$dir" "$@"
}

# machine_end: ends all that runs in this namespace, then removes what is there.
machine_end()
{
	[ $$ != 1 ] || kill -KILL -1 2>/dev/null || true
	wait
	scratch_close
}

# machine_begin: sets $root to the directory of a machine to be made, and what else is asked of one.
machine_begin()
{
	[[ $release =~ ^[a-z]+$ ]] || die 2 "no release '$release': RELEASE is a name such as bookworm, trixie, forky"
	scratch_open
	trap machine_end EXIT
	machine="$release (${archives// /, })"
	mirror_main=$(site main)
	[ -n "$mirror_main" ] || die 3 "apt names no Debian mirror here"
	apt_sources >/dev/null
	cache_room 12000
	# Below the cache, as /tmp may be small: gone with this run, or, if that was killed, with the next.
	mkdir -p "$cache/newcomer"
	for root in "$cache/newcomer"/*/; do
		[ ! -e "$root" ] || flock -n "$root" rm -rf --one-file-system "$root" || true
	done
	root=$(mktemp -d "$cache/newcomer/$release.XXXXXX")
	part=$root
	exec {lock}<"$root"
	flock "$lock"
}
