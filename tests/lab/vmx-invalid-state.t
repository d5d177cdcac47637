#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Without unrestricted guest, KVM emulates in a state that hardware would refuse to enter. That makes no
# exit, but KVM's own statistic counts it.
# shellcheck disable=SC2016 # the variables in single quotes are Perl's
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
[ "$isa" = vmx ] || skip_all "SVM enters any state, or the CPU refuses it: ISA=vmx"

"$here/lab" run --kernel "$kernel" --isa vmx --kvm-params vendor.unrestricted_guest=0 \
	--timeout 300 --get "/tmp/report.json:$out/report.json" -- exitcheck run --vcpus 1 -n 211 \
	-w emulate -w invalid-state --json /tmp/report.json >"$out/report.txt" && status=0 || status=$?

is "the validation passes" "$status" 0
is "both workloads ran" "$(json "$out/report.json" 'join " ", sort map { $_->{name} } grep { !$_->{unsupported} } @{$r->{workloads}}')" \
	'emulate invalid-state'
is "KVM counts the 211 that it emulated, eBPF does not" "$(json "$out/report.json" '$r->{vcpus}[0]->{stat_exits} - $r->{vcpus}[0]->{exits}')" 211
like "and STATS has them by name" "$(tr -s ' \n' ' ' <"$out/report.txt")" 'PASS STATS [^;]* 211 refused'
is "an entry that the CPU refuses is an exit, under its number without flags" \
	"$(json "$out/report.json" 'join " ", map { "$_->{number} $_->{count}" } grep { $_->{number} == 33 } @{$r->{vcpus}[0]->{reasons}}')" '33 211'
done_testing
