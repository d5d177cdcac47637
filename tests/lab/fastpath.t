#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# KVM's fast paths, which re-enter the guest without calling the exit handler: they are taken, the leaves
# count each of these exits, and a KVM that counts in the handler is caught.
# shellcheck disable=SC2016 # the variables in single quotes are Perl's
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
[ "$isa" = vmx ] || skip_all "it counts the calls of VMX' exit handler: ISA=vmx"

count=1009
# 6.1 handles the ICR in its fast path, too, but then passes the exit handler.  7.2 has INVD there.
fast=(tsc-deadline preemption-timer)
[ "$kernel" = 6.1 ] || fast+=(x2apic-icr hlt-pending)
runs=(slow fast mutant)
[ "$kernel" != 7.2 ] || runs+=(invd)
get_runs "${runs[@]}"

# Each run adds its status and the calls of the exit handler to the report, as more lines.
{
	echo "count=$count fast='${fast[*]/#/-w }' runs='${runs[*]}'"
	run_function
	cat <<'EOT'
tracing=/sys/kernel/tracing
[ -e "$tracing/kprobe_events" ] || mount -t tracefs none "$tracing"

# count_calls NAME OPTION...: a run, and how often the exit handler is called meanwhile.
count_calls()
{
	name=$1
	shift
	echo 'p:handled kvm_intel:vmx_handle_exit' >"$tracing/kprobe_events"
	echo 1 >"$tracing/events/kprobes/handled/enable"
	run "$name" run --vcpus 1 -n "$count" "$@"
	echo 0 >"$tracing/events/kprobes/handled/enable"
	awk '$1 == "handled" { print "handled", $2; print "unseen", $3 }' \
		"$tracing/kprobe_profile" >>"/tmp/$name.txt"
	echo >"$tracing/kprobe_events"
}

load_kvm series
count_calls slow -w rdmsr
count_calls fast $fast
! echo "$runs" | grep -qw invd || count_calls invd -w invd
unload_kvm
load_kvm mutant-missed-fastpath
count_calls mutant -w tsc-deadline
unload_kvm
EOT
} | "$here/lab" run --kernel "$kernel" --isa vmx --patch series,mutant-missed-fastpath \
	--no-modules --timeout 900 "${get[@]}" --job - || fatal "the lab failed: status $?"

# field RUN NAME: of the lines after the report.
field()
{
	sed -n "s/^$2 //p" "$out/$1.txt"
}

# not_handled RUN: the exits that kvm_exit reported, those of CONTRACT's VMs with them, less the calls of the exit
# handler.
not_handled()
{
	echo $(($(json "$out/$1.json" 'my $n = $r->{witness}{foreign}; $n += $_->{exits} for @{$r->{vcpus}}; $n') - $(field "$1" handled)))
}

# exits RUN WORKLOAD SOURCE: exits of the workload's own reason, by that source.
exits()
{
	json "$out/$1.json" 'my ($w) = grep { $_->{name} eq "'"$2"'" } @{$r->{workloads}};
		map { $_->{'"$3"'} } grep { $_->{number} == $w->{exit} } @{$w->{exits}}'
}

# counted RUN WORKLOAD: all sources have the exits that the guest caused, and there are enough of them.
counted()
{
	ok "the guest caused at least that many ($2)" test "$(exits "$1" "$2" truth)" -ge "$count"
	is "leaf == truth ($2)" "$(exits "$1" "$2" leaf)" "$(exits "$1" "$2" truth)"
	is "eBPF == truth ($2)" "$(exits "$1" "$2" bpf)" "$(exits "$1" "$2" truth)"
}

for run in "${runs[@]}"; do
	is "no call of the exit handler was missed ($run)" "$(field "$run" unseen)" 0
done
# In any run CONTRACT has a vCPU arm its timer, once, which is KVM's fast path.
armed=1
is "without a fast path the handler has every other exit" "$(not_handled slow)" "$armed"
is "the validation passes" "$(field fast status)" 0
# A workload's setup adds a few; if the handler saw a workload, $count would be missing.
least=$((${#fast[@]} * count))
ok "the handler never sees $count exits of each of ${#fast[@]} workloads ($(not_handled fast) in all)" \
	test "$(not_handled fast)" -ge "$least" -a "$(not_handled fast)" -lt "$((least + count))"
for workload in "${fast[@]}"; do
	counted fast "$workload"
done
# It takes part in all phases.
if [ "$kernel" = 7.2 ]; then
	is "the validation passes with INVD, too" "$(field invd status)" 0
	ok "the handler never sees INVD ($(not_handled invd) exits)" test "$(not_handled invd)" -ge "$count"
	counted invd invd
fi

is "a KVM that counts in the handler is a mismatch" "$(field mutant status)" 1
truth=$(exits mutant tsc-deadline truth) leaf=$(exits mutant tsc-deadline leaf)
is "eBPF has what the guest executed there, too" "$(exits mutant tsc-deadline bpf)" "$truth"
is "the leaf lacks what the handler did not see" "$((truth - leaf))" "$(($(not_handled mutant) - armed))"
echo "# a KVM that counts in the handler: $truth executed, leaf $leaf"
grep -E '^(FAIL|PASS) COUNT ' -A 1 "$out/mutant.txt" | sed 's/^/# /'
done_testing
