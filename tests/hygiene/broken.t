#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The kernel's checkers catch what is broken in the series: each mutant that names a checker makes it
# report, and that ends the lab with status 1.
set -eu

here=${0%/*}
top=$here/../..
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"

[ "${KERNEL:-6.12}" = 6.12 ] || skip_all "the mutants are for 6.12"

# catches MUTANT CONFIG REPORT
catches()
{
	local status=0 output console=$top/build/hygiene/$1.console

	output=$({ cat "$here/checker.sh" && cat <<EOT; } | "$here/../lab/lab" run \
			--config "$2" --patch "mutant-$1" --timeout 900 \
			--console "$console" --bring "$top/build/hygiene/cycles" --job - 2>&1
checker_start $2
exitcheck run -w out -w rdmsr
read_others
cycles 20
unload_kvm
checker_end $2
true
EOT
	) || status=$?
	is "$1: the lab fails" "$status" 1
	like "$1: $2 says why" "$(tail -n 1 <<<"$output")" "complained: .*$3"
}

for patch in "$top"/tests/mutants/*.patch; do
	name=${patch##*/}
	read -r config report < <(sed -n -e '/^---$/q' -e 's/^Checker: //p' "$patch") || continue
	[ -z "${CONFIG:-}" ] || [ "$CONFIG" = "$config" ] || continue
	catches "${name%.patch}" "$config" "$report"
done
done_testing
