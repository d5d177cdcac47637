#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# KVM's fast paths, which enter the guest again without a call of the exit handler: that they are taken
# at all, that the leaves count each of these exits, and that a KVM that counts in the handler is caught.
# shellcheck disable=SC2016 # the variables in single quotes are Perl's
set -eu

here=${0%/*}
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"
[ "${ISA:-svm}" = vmx ] || skip_all "it counts the calls of VMX' exit handler: ISA=vmx"
out=$(mktemp -d "${TMPDIR:-/tmp}/exitcheck-test.XXXXXX")
trap 'rm -rf "$out"' EXIT

kernel=${KERNEL:-6.12}
count=1009
fast=(tsc-deadline preemption-timer)
# 6.1 handles this one in the fast path, too, but then passes the exit handler.
[ "$kernel" = 6.1 ] || fast+=(x2apic-icr)
runs=(slow "${fast[@]}" mutant)
get=()
for run in "${runs[@]}"; do
	get+=(--get "/tmp/$run.json:$out/$run.json" --get "/tmp/$run.txt:$out/$run.txt")
done

# The runs; the calls of the exit handler meanwhile and the status are two more lines of a report.
{
	echo "count=$count fast='${fast[*]}'"
	cat <<'EOT'
tracing=/sys/kernel/tracing
[ -e "$tracing/kprobe_events" ] || mount -t tracefs none "$tracing"

run()
{
	echo 'p:handled kvm_intel:vmx_handle_exit' >"$tracing/kprobe_events"
	echo 1 >"$tracing/events/kprobes/handled/enable"
	exitcheck run --vcpus 1 -n "$count" -w "$2" --json "/tmp/$1.json" >"/tmp/$1.txt" 2>&1
	echo "status $?" >>"/tmp/$1.txt"
	echo 0 >"$tracing/events/kprobes/handled/enable"
	awk '$1 == "handled" { print "handled", $2; print "unseen", $3 }' \
		"$tracing/kprobe_profile" >>"/tmp/$1.txt"
	echo >"$tracing/kprobe_events"
}

load_kvm series
run slow rdmsr
for workload in $fast; do
	run "$workload" "$workload"
done
unload_kvm
load_kvm mutant-missed-fastpath
run mutant tsc-deadline
unload_kvm
EOT
} | "$here/lab" run --kernel "$kernel" --isa vmx --patch series,mutant-missed-fastpath \
	--no-modules --timeout 300 "${get[@]}" --job - || bail "the lab failed: status $?"

# field RUN NAME: of the lines after the report.
field()
{
	sed -n "s/^$2 //p" "$out/$1.txt"
}

# not_handled RUN: the exits that kvm_exit reported, less the calls of the exit handler.
not_handled()
{
	echo $(($(json "$out/$1.json" 'my $n = 0; $n += $_->{exits} for @{$r->{vcpus}}; $n') - $(field "$1" handled)))
}

# exits RUN WITNESS: of its workload's own reason, as that witness has them.
exits()
{
	json "$out/$1.json" 'my ($w) = @{$r->{workloads}};
		map { $_->{'"$2"'} } grep { $_->{number} == $w->{exit} } @{$w->{exits}}'
}

for run in "${runs[@]}"; do
	is "no call of the exit handler was missed ($run)" "$(field "$run" unseen)" 0
done
is "without a fast path the handler has every exit" "$(not_handled slow)" 0
for run in "${fast[@]}"; do
	is "the validation passes ($run)" "$(field "$run" status)" 0
	ok "the handler never sees $count of the exits ($run: $(not_handled "$run"))" \
		test "$(not_handled "$run")" -ge "$count"
	ok "the guest caused at least that many ($run)" test "$(exits "$run" truth)" -ge "$count"
	is "leaf == truth ($run)" "$(exits "$run" leaf)" "$(exits "$run" truth)"
	is "eBPF == truth ($run)" "$(exits "$run" bpf)" "$(exits "$run" truth)"
done

is "a KVM that counts in the handler is a mismatch" "$(field mutant status)" 1
is "eBPF has what the guest executed there, too" "$(exits mutant bpf)" "$(exits mutant truth)"
is "the leaf lacks what the handler did not see" \
	$(($(exits mutant bpf) - $(exits mutant leaf))) "$(not_handled mutant)"
grep -E '^(FAIL|PASS) COUNT ' -A 1 "$out/mutant.txt" | sed 's/^/# /'
for run in "${runs[@]}"; do
	echo "# $run: $(exits "$run" truth) executed, leaf $(exits "$run" leaf), eBPF $(exits "$run" bpf);" \
		"$(not_handled "$run") of all exits without the handler"
done
done_testing
