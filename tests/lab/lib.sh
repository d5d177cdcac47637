# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What every part of the lab shares: messages, progress, the cache, clean-up.

# Where kernels are kept between runs.  Everything in it can be deleted at any time.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/exitcheck

# This run's own files; gone when it ends, however it ends.
scratch=
# The job in the background, the leader of its own process group, if there is one, and what ends it.
child=
child_signal=TERM
# What is being made in the cache, if something is; it gets its name when it is complete.
part=

# say TEXT: one line of progress.
say()
{
	printf 'lab: %s\n' "$*" >&2
}

# die STATUS TEXT: one line that says what is wrong and what to do.
die()
{
	local status=$1

	shift
	say "$*"
	exit "$status"
}

# scratch_open: makes $scratch and sees to it that nothing of this run is left behind.
scratch_open()
{
	trap scratch_close EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/exitcheck-lab.XXXXXX")
}

scratch_close()
{
	child_kill
	rm -rf --one-file-system "$scratch" ${part:+"$part"}
}

child_kill()
{
	[ -n "$child" ] || return 0
	kill -"$child_signal" -- "-$child" 2>/dev/null || true
	wait "$child" 2>/dev/null || true
	child=
}

# spawn COMMAND...: starts COMMAND in the background as $child, in a process group of its own, so
# that it can be ended with all that it started.  It goes when this shell is killed, too.
spawn()
{
	set -m
	"$@" &
	child=$!
	set +m
}

# own_mounts COMMAND...: what it mounts is there for it alone.  In a chroot / need not be a mount, and is then nobody
# else's already.
own_mounts()
{
	unshare --mount --propagation unchanged sh -c 'mount --make-rprivate / 2>/dev/null; exec "$@"' sh "$@"
}

# task WHAT DETAIL COMMAND...: runs COMMAND with a line of progress every second on a terminal,
# every five elsewhere.  DETAIL is a command that prints how far it is, given the log's path.
# If COMMAND fails that is the end of the run, after the end of its output: so what is called here is
# never part of a condition, where the shell would go on after an error.
task()
{
	local what=$1 detail=$2 log=$scratch/task.log
	local start=$SECONDS every=5 last=0 status=0 now

	shift 2
	[ ! -t 2 ] || every=1
	say_progress "$what ..."
	spawn "$@" >"$log" 2>&1 </dev/null
	while kill -0 "$child" 2>/dev/null; do
		sleep 0.2
		now=$((SECONDS - start))
		[ $((now - last)) -ge "$every" ] || continue
		last=$now
		say_progress "$what ... $("$detail" "$log"), $now s"
	done
	wait "$child" || status=$?
	child=
	now=$((SECONDS - start))
	[ ! -t 2 ] || printf '\r\033[K' >&2
	if [ "$status" != 0 ]; then
		tail -n 25 "$log" >&2
		die 3 "$what: failed after $now s, see above (status $status)"
	fi
	say "$what: $now s"
}

# On a terminal one line that changes in place; elsewhere a line each time.
say_progress()
{
	if [ -t 2 ]; then
		printf '\r\033[Klab: %s' "$*" >&2
	else
		say "$*"
	fi
}

# detail_last_line LOG: the beginning of its last line.
detail_last_line()
{
	tail -n 1 "$1" | cut -c 1-60
}

# detail_size LOG: how much has arrived in this run's download directory.
detail_size()
{
	printf '%s MB' "$(du -sm "$scratch/download" 2>/dev/null | cut -f1)"
}

# detail_compiled LOG: how many files kbuild has compiled, or the selftests' make.
detail_compiled()
{
	printf '%s files compiled' "$(grep -cE '^  (CC|AS|HOSTCC) |^gcc .* -c ' "$1" || true)"
}

# detail_files LOG: how many files have been unpacked (the log holds a line for every thousand).
detail_files()
{
	printf '%s,000 files' "$(grep -c . "$1" || true)"
}

# locked NAME COMMAND...: runs COMMAND while no other lab does the same.
locked()
{
	local lock=$cache/locks/${1//\//-} fd

	shift
	mkdir -p "$cache/locks"
	exec {fd}>"$lock"
	if ! flock -n "$fd"; then
		say "waiting for another build of the same thing"
		flock "$fd"
	fi
	"$@"
	exec {fd}>&-
}

# cache_make DIR COMMAND...: makes DIR in the cache with COMMAND..., which gets a directory's path as
# its last argument and fills it.  DIR is there as a whole or not at all, whoever else makes it and
# whenever this is killed.
cache_make()
{
	[ -d "$1" ] || locked "${1#"$cache/"}" cache_fill "$@"
}

cache_fill()
{
	local dir=$1

	# Another run may have made it while this one waited for the lock.
	[ ! -d "$dir" ] || return 0
	shift
	part=$dir.part
	rm -rf "$part"
	mkdir -p "$part"
	"$@" "$part"
	mv "$part" "$dir"
	part=
}

# cache_room MB: ends the run unless that much can still be put into the cache.
cache_room()
{
	local room

	mkdir -p "$cache"
	room=$(df -Pm "$cache" | awk 'NR == 2 { print $4 }')
	[ "$room" -ge "$1" ] || die 3 \
		"$cache has $room MB left, and this needs $1: make room, or set XDG_CACHE_HOME"
}

# hash_of: a short name for what comes in on stdin.
hash_of()
{
	sha256sum | cut -c1-16
}

# quote WORD...: the words, quoted for any POSIX shell.
quote()
{
	local word

	for word; do
		printf " '%s'" "${word//\'/\'\\\'\'}"
	done
}
