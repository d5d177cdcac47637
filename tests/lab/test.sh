# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # variables for the tests
# What the tests that run the lab and look at its results share.

here=${0%/*}
kernel=${KERNEL:-6.12} isa=${ISA:-svm}
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"
out=$(mktemp -d "${TMPDIR:-/tmp}/exitcheck-test.XXXXXX")
trap 'rm -rf "$out"' EXIT

# get_runs NAME...: options of the lab, in $get, that bring $out/NAME.json and $out/NAME.txt.
get_runs()
{
	local name

	get=()
	for name; do
		get+=(--get "/tmp/$name.json:$out/$name.json" --get "/tmp/$name.txt:$out/$name.txt")
	done
}

# run_function: for a job: run NAME COMMAND..., exitcheck's JSON and its text, with the status last.
run_function()
{
	cat <<'END'
run()
{
	name=$1
	shift
	exitcheck "$@" --json "/tmp/$name.json" >"/tmp/$name.txt" 2>&1
	echo "status $?" >>"/tmp/$name.txt"
}
END
}

# status NAME, closing NAME: the exit status of a run, and the last line that it printed.
status()
{
	sed -n 's/^status //p' "$out/$1.txt"
}

closing()
{
	grep -v '^status ' "$out/$1.txt" | tail -n 1
}
