# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the tests of `exitcheck stat --split` share.

${CC:-cc} -O2 -Wall -Wextra -Werror -o "$out/vmm" "$here/vmm.c"
bring=(--bring "$out/vmm" --bring "$(command -v bpftool)" --bring "$(command -v taskset)")

# The part of each job that comes first.
functions()
{
	echo "hlt=$([ "$isa" = svm ] && echo 120 || echo 12) io=$([ "$isa" = svm ] && echo 123 || echo 30)"
	cat <<'END'
# stat NAME OPTION...: into /tmp/NAME, its CSV into /tmp/NAME.csv, and its status into $status.
stat()
{
	name=$1
	shift
	timeout 120 exitcheck stat --split --csv /tmp/$name.csv "$@" >/tmp/$name 2>/tmp/$name.err && status=0 || status=$?
	closing=$(tail -n 1 /tmp/$name)
	echo "# $name: status $status, $closing"
}

# column NAME NUMBER FIELD: the sum of a column over all exits with that number, "": any.  ended's time 10, handler 19,
# user 20, polling 21, blocked 22, waiting 23.
column()
{
	awk -F , -v number="$2" -v field="$3" '$3 == "all" && (number == "" || $8 == number) { sum += $field }
		END { printf "%.0f\n", sum }' /tmp/$1.csv
}

# near WHAT OURS THEIRS PERCENT: both in ns.
near()
{
	echo "# $1: $2 ns, for $3 ns"
	ok "$1, within $4 %" test $(($2 * 100)) -ge $(($3 * (100 - $4))) -a $(($2 * 100)) -le $(($3 * (100 + $4)))
}

# printed NAME FIELD: a number of ms that vmm printed, in ns.
printed()
{
	awk -v field="$2" '/ms by/ { printf "%.0f\n", $field * 1000000 }' /tmp/$1
}

# beside COMMAND...: on CPU 0, which a busy loop has, too.
beside()
{
	taskset 1 sh -c 'while :; do :; done' &
	busy=$!
	"$@"
	kill $busy
}
END
}
