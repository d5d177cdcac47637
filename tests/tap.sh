# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# TAP for test scripts, on this machine and in the lab's host: call ok, is, like and skip, then
# done_testing.

tap_count=0
tap_failed=0

# ok NAME COMMAND...: COMMAND succeeds.
ok()
{
	tap_name=$1
	shift
	if tap_output=$("$@" 2>&1 </dev/null); then
		tap_result ok "$tap_name"
	else
		tap_result 'not ok' "$tap_name"
		tap_note "failed: $*" "$tap_output"
	fi
}

# is NAME GOT WANTED: the two strings are the same.
is()
{
	if [ "$2" = "$3" ]; then
		tap_result ok "$1"
	else
		tap_result 'not ok' "$1"
		tap_note "got:    $2" "wanted: $3"
	fi
}

# like NAME TEXT REGEX: a line of TEXT matches the extended regular expression.
like()
{
	if printf '%s\n' "$2" | grep -qE -- "$3"; then
		tap_result ok "$1"
	else
		tap_result 'not ok' "$1"
		tap_note "no line matches: $3" "$2"
	fi
}

# skip NAME REASON: a test that cannot be made here.
skip()
{
	tap_result ok "$1 # SKIP $2"
}

# skip_all REASON: ends a script none of whose tests can be made here.
skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

# json FILE EXPRESSION: what Perl makes of it, $r being the JSON that is in FILE.
json()
{
	perl -MJSON::PP -0777 -ne 'my $r = decode_json($_); print do { '"$2"' }' "$1"
}

# fatal REASON: a test that failed, and ends the script, as no more can be made.
fatal()
{
	tap_result 'not ok' "$1"
	done_testing
}

# done_testing: the plan; ends the script.
done_testing()
{
	echo "1..$tap_count"
	[ "$tap_failed" = 0 ]
	exit
}

tap_result()
{
	tap_count=$((tap_count + 1))
	[ "$1" = ok ] || tap_failed=$((tap_failed + 1))
	echo "$1 $tap_count - $2"
}

# On standard error, which the harness passes on.
tap_note()
{
	printf '%s\n' "$@" | sed 's/^/# /' >&2
}
