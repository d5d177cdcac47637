#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Nested guests: each of their exits is an exit of the vCPU, and so is each entry that the guest asks for.
# shellcheck disable=SC2016 # the variables in single quotes are Perl's
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"

# With a shadow VMCS, some of what the guest does to its VMCS would not exit.
params=
[ "$isa" = svm ] || params=vendor.enable_shadow_vmcs=0
"$here/lab" run --kernel "$kernel" --isa "$isa" --kvm-params "$params" --timeout 300 \
	--get "/tmp/report.json:$out/report.json" -- exitcheck run --vcpus 1 -n 307 \
	-w nested-cpuid -w nested-hypercall -w nested-hlt --json /tmp/report.json >"$out/report.txt" && status=0 || status=$?

# exits WORKLOAD NAME...: exits of that workload, by reason: truth, leaf and eBPF.
exits()
{
	perl -MJSON::PP -e 'local $/; my $r = decode_json(<STDIN>); my ($w, @names) = @ARGV;
		my ($of) = grep { $_->{name} eq $w } @{$r->{workloads}};
		for my $name (@names) {
			print "$name $_->{truth} $_->{leaf} $_->{bpf}\n" for grep { $_->{name} eq $name } @{$of->{exits}};
		}' "$@" <"$out/report.json"
}

is "the validation passes" "$status" 0
if [ "$isa" = svm ]; then
	# In each of the five commands KVM refuses one.
	is "each VMRUN and each VMMCALL of L2" "$(exits nested-hypercall VMRUN VMMCALL)" \
		"VMRUN 312 312 312
VMMCALL 307 307 307"
	is "each VMRUN before a CPUID of L2" "$(exits nested-cpuid VMRUN)" "VMRUN 312 312 312"
else
	is "each VMLAUNCH, VMRESUME and VMCALL of L2" "$(exits nested-hypercall VMLAUNCH VMRESUME VMCALL)" \
		"VMLAUNCH 5 5 5
VMRESUME 302 302 302
VMCALL 307 307 307"
	is "each VMLAUNCH and VMRESUME before a CPUID of L2" "$(exits nested-cpuid VMLAUNCH VMRESUME)" \
		"VMLAUNCH 5 5 5
VMRESUME 302 302 302"
fi
is "each HLT of L2" "$(exits nested-hlt HLT)" "HLT 307 307 307"
read -r _ truth leaf bpf <<<"$(exits nested-cpuid CPUID)"
ok "CPUIDs of L2 are among the vCPU's" test "$truth" -gt 307
is "and are as many by leaf and eBPF" "$leaf $bpf" "$truth $truth"
done_testing
