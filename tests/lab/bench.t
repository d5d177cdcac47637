#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# exitcheck bench, where a cycle is an instruction, and exitcheck compare of its results.
# shellcheck disable=SC2016,SC2317 # the variables in single quotes are Perl's; ok calls between
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
[ "$isa" = svm ] || skip_all "Bochs has no --icount"

runs=(patched base again several refused unpatched run)
get_runs "${runs[@]}"

{
	run_function
	cat <<'EOT'
load_kvm series
run patched bench --rounds 3 -n 2000 -w cpuid -w touch
run base bench --rounds 7 -n 500 -w cpuid --observer none --observer patch
run again bench --rounds 7 -n 500 -w cpuid --observer none --observer patch
run several bench --rounds 1 -n 500 --vcpus 4 --vms 2 -w cpuid -w x2apic-icr --observer none --observer btf
run run run -w cpuid -n 100
unload_kvm
load_kvm none
run refused bench --observer patch
run unpatched bench --rounds 1 -n 500 -w cpuid
EOT
} | "$here/lab" run --kernel "$kernel" --isa svm --icount --patch series,none --no-modules --timeout 900 \
	"${get[@]}" --job - || fatal "the lab failed: status $?"

# report RUN EXPRESSION
report()
{
	json "$out/$1.json" "$2"
}

# between LOW VALUE HIGH
between()
{
	awk -v low="$1" -v value="$2" -v high="$3" 'BEGIN { exit !(low <= value && value <= high) }'
}

# added RUN WORKLOAD OBSERVER: the median of the added cycles.
added()
{
	report "$1" '(map { $_->{cycles}{added}{median} }
		grep { $_->{workload} eq "'"$2"'" && $_->{observer} eq "'"$3"'" } @{$r->{costs}})[0]'
}

sed 's/^/# /' "$out/patched.txt"
is "it ends well" "$(status patched)" 0
is "all observers ran" "$(report patched 'join " ", map { $_->{name} . ($_->{skipped} // "") } @{$r->{observers}}')" \
	'none patch-other patch btf btf-tsc detail split split-tsc classic patch+btf audit audit-tsc patch+classic'
is "on every workload, once a round" \
	"$(report patched 'join " ", scalar(@{$r->{costs}}), grep { @{$_->{cycles}{samples}} != 3 } @{$r->{costs}}')" 26
# All rounds and the warm-up round: 2 workloads, each with a tenth more to warm up.
ok "every exit was made under every observer" \
	test "$(report patched 'scalar grep { $_->{exits} < 4 * 2 * 2200 } @{$r->{observers}}')" = 0
# A first touch takes a page from the host's allocator: dozens of instructions more or less by chance.
ok "the patch for another VM costs next to nothing" between -10 "$(added patched cpuid patch-other)" 20
ok "the patch costs little" between 5 "$(added patched cpuid patch)" 90
for workload in cpuid touch; do
	ok "eBPF costs more ($workload)" between 100 "$(added patched $workload btf)" 1500
	ok "both cost what each of them does ($workload)" \
		between "$(added patched $workload btf)" "$(added patched $workload patch+btf)" 1600
done
is "there is no counter of instructions, and it says so" \
	"$(report patched '(defined $r->{no_instructions}) . join "", map { $_->{instructions} // "" } @{$r->{costs}}')" 1

is "several VMs with several vCPUs end well" "$(status several)" 0
ok "each of them made its exits" \
	test "$(report several 'scalar grep { $_->{exits} < 2 * 4 * 2 * 550 } @{$r->{observers}}')" = 0
like "what needs one vCPU did not run" "$(cat "$out/several.txt")" '^x2apic-icr +a test VM with KVM.s own APIC has one vCPU$'

is "unpatched: what the patch has to be there for is refused" "$(status refused)" 3
like "unpatched: and why" "$(cat "$out/refused.txt")" '^exitcheck: kvm.ko is not patched$'
is "unpatched: the rest is measured" "$(status unpatched)" 0
is "unpatched: by name" "$(report unpatched 'join " ", map { $_->{name} } grep { !$_->{skipped} } @{$r->{observers}}')" \
	'none btf detail split classic'

# compare NAME STATUS REGEX ARG...
compare()
{
	local name=$1 wanted=$2 regex=$3 text status=0

	shift 3
	text=$("$here/../../exitcheck" compare "$@" 2>&1) || status=$?
	is "compare: $name: status" "$status" "$wanted"
	like "compare: $name: says so" "$text" "$regex"
}

# made NAME FACTOR: four files like again.json, its costs as many times as high, give or take a thousandth.
made()
{
	local i

	for i in 1 2 3 4; do
		perl -MJSON::PP -0777 -ne 'my $r = decode_json($_);
			for my $cost (@{$r->{costs}}) { $_ *= '"$2"' * (1 + 0.0003 * '"$i"') for $cost->{cycles}{median} }
			print encode_json($r)' "$out/again.json" >"$out/$1-$i.json"
	done
}

made like 1
made alike 1.0002
made worse 1.06
compare "one bench of each" 4 '^cpuid patch +cycles .* too few$' "$out/base.json" "$out/again.json"
compare "what was done once only" 4 '^touch none .* only A$' "$out/patched.json" "$out/again.json"
compare "a report with itself" 4 '^0x72 CPUID +exits per cause .* exact same$' "$out/run.json" "$out/run.json"
compare "a report with a bench" 2 '^exitcheck: .*files of the same kind$' "$out/run.json" "$out/again.json"
compare "no file" 3 '^exitcheck: .*No such file' "$out/run.json" "$out/none.json"
compare "one file" 2 '^exitcheck: two files are compared' "$out/run.json"
compare "what costs the same" 0 '^SAME: ' --fail-over 1% "$out"/like-?.json -- "$out"/alike-?.json
compare "what costs more, but not too much" 0 '^cpuid patch +cycles .* more$' --fail-over 7% "$out"/like-?.json -- "$out"/worse-?.json
compare "what costs more than allowed" 1 '^cpuid patch +cycles .* over$' --fail-over 5% "$out"/like-?.json -- "$out"/worse-?.json
done_testing
