#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# `make compare`: a boot of each of two KVMs, and what they cost side by side.
# shellcheck disable=SC2016 # the variables in single quotes are Perl's
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
[ "$isa" = svm ] || skip_all "Bochs has no --icount"

pair=$out/pair status=0
KERNEL=$kernel PATCH=none BOOTS=1 "$here/../bench/compare" "$pair" series "$kernel" -w cpuid -w out \
	>"$out/text" 2>"$out/said" || status=$?
sed 's/^/# /' "$out/said" "$out/text"

# rows EXPRESSION: of the rows, by name and quantity.
rows()
{
	json "$pair/compare.json" 'my %row = map { ("$_->{name}, $_->{quantity}" => $_) } @{$r->{rows}}; '"$1"
}

is "one boot of each is too few to tell" "$status" 4
is "the files of A and of B" "$(json "$pair/compare.json" 'join " ", map { $_->{file} =~ s|.*/||r }
	map { @{$r->{$_}{files}} } qw(a b)')" "a1-series.json b1-$kernel.json"
is "what the patch adds is on the patched side alone" \
	"$(rows 'join " ", map { "$_ $row{$_}{verdict}" } grep { $row{$_}{verdict} =~ /only/ } sort keys %row')" \
	'cpuid patch, added cycles only A cpuid patch, cycles only A out patch, added cycles only A out patch, cycles only A'
ok "and it is little" test "$(rows '$row{"cpuid patch, added cycles"}{a} =~ /^[1-9]\d(\.|$)/ ? 1 : 0')" = 1
# Where the clock counts instructions, two kernels that differ by a patch that is off cost the same.
is "without it both cost the same, in instructions" \
	"$(rows 'join " ", map { abs($row{"$_ none, cycles"}{change_percent}) < 3 ? "same" : "differ" } qw(cpuid out)')" 'same same'
ok "there is a page" grep -q '<canvas id="changes"' "$pair/compare.html"
done_testing
