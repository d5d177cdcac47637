# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # $here and $out are test.sh's
# What exitcheck-guest showed in Linux guests, $out/serial.PART, against the host's trace, $out/trace.PART.

# documents PART: its JSON, a line each.
documents()
{
	tr -d '\r' <"$out/serial.$1" | grep '^{"schema_version"' >"$out/json.$1" || true
}

# document PART N EXPRESSION: of the N-th.
document()
{
	sed -n "$2p" "$out/json.$1" >"$out/document"
	json "$out/document" "$3"
}

# true_tables NAME PART SNAPSHOTS...: each table is what the trace says.
true_tables()
{
	local name=$1 part=$2 found
	shift 2

	if [ ! -e "$out/trace.$part" ]; then
		skip "$name" "this kernel's tracefs cannot show the fields of an event"
		return
	fi
	found=$("$here/leaf-truth.pl" "$out/trace.$part" "$out/json.$part" "$@" 2>&1)
	is "$name" "$(grep -cE '^equal, [1-9][0-9]* exits$' <<<"$found") of $(wc -l <<<"$found") are equal" "$# of $# are equal"
	tap_note "$found"
}
