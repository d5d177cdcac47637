#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The validation of a patched KVM, with both ways to attach the eBPF program, and of a KVM without leaves.
# shellcheck disable=SC2016 # the variables in single quotes are Perl's
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"

# Bochs takes ten times as long for an exit.
exits=200000
[ "$isa" = svm ] || exits=40000

get_runs patched smp classic nobtf optout off unpatched storm
get+=(--get "/tmp/killed.txt:$out/killed.txt")

# killed: for the job: has a storm killed once a CPU is off, and says which are on then, and a second later.
killed_function()
{
	cat <<'END'
killed()
{
	online=/sys/devices/system/cpu/online
	exitcheck run -w cpuid -n 5 --storm 60 >/dev/null 2>&1 &
	i=0
	while [ "$i" -lt 1200 ]; do
		if [ "$(cat $online)" != 0-1 ]; then
			# It may just have been on its way back.
			kill -STOP $!
			usleep 500000
			[ "$(cat $online)" = 0-1 ] || break
			kill -CONT $!
		fi
		usleep 50000
		i=$((i + 1))
	done
	cat "$online" >/tmp/killed.txt
	kill -9 $!
	sleep 2
	cat "$online" >>/tmp/killed.txt
	pidof exitcheck >>/tmp/killed.txt || :
}
END
}

{
	run_function
	killed_function
	cat <<EOT
load_kvm series
run patched run
run smp run -w cpuid -w out --vcpus 4 --smp-exits $exits
run classic run --path classic
run storm run -w cpuid -w out -w hlt -w rdmsr -w touch -w nested-cpuid -n 53 --storm 2 --seed 7
killed
run optout run -w out -w hlt --no-opt-in -n 53
unload_kvm
load_kvm series exit_leaves=off
run off run -w out -w hlt -n 53
unload_kvm
load_kvm series-nobtf
run nobtf run -w cpuid -w out -w hlt -n 53
unload_kvm
load_kvm none
run unpatched run -w cpuid -w out -w hlt -n 53
unload_kvm
EOT
} | "$here/lab" run --kernel "$kernel" --isa "$isa" --patch series,none,series-nobtf \
	--no-modules --timeout 1800 "${get[@]}" --job - || fatal "the lab failed: status $?"

# verdict RUN CHECK
verdict()
{
	json "$out/$1.json" "map { \$_->{verdict} } grep { \$_->{id} eq '$2' } @{\$r->{checks}}"
}

for run in patched classic; do
	is "the validation passes ($run)" "$(status $run)" 0
	[ "$(status $run)" = 0 ] || tap_note "$(sed -n '/^Checks/,$p' "$out/$run.txt")"
	like "its last line says so ($run)" "$(closing $run)" '^PASS: '
	is "nothing differs ($run)" "$(json "$out/$run.json" '$r->{summary}{differed}')" 0
	ok "10,000 comparisons in place ($run)" \
		test "$(json "$out/$run.json" '$r->{summary}{compared}')" -ge 10000
	ok "12 reasons by truth, leaf and eBPF ($run)" test "$(json "$out/$run.json" \
		'scalar grep { $_->{truth_kind} ne "none" && defined $_->{leaf} &&
			       $_->{verdict} eq "PASS" } @{$r->{reasons}}')" -ge 12
	is "no reason's leaf and eBPF differ ($run)" "$(json "$out/$run.json" \
		'scalar grep { $_->{difference} } @{$r->{reasons}}')" 0
	is "leaf cycles are within eBPF's time for every reason ($run)" \
		"$(verdict $run TIME)" PASS
	is "a second VM never shows ($run)" \
		"$(verdict $run ISOLATION)" PASS
done
is "types are used where KVM has them" "$(json "$out/patched.json" '$r->{witness}{path}')" tp_btf
is "the classic tracepoints are used on demand" "$(json "$out/classic.json" '$r->{witness}{path}')" tracepoint
is "the classic tracepoints are used without types" "$(json "$out/nobtf.json" '$r->{witness}{path}')" tracepoint
is "the validation passes (nobtf)" "$(status nobtf)" 0

is "the validation passes (smp)" "$(status smp)" 0
is "no exit of 4 vCPUs at full rate is lost" "$(verdict smp SMP)" PASS
ok "$exits exits of 4 vCPUs" test "$(json "$out/smp.json" 'eval { my $n = 0;
	$n += $_->{exits} for grep { $_->{phase} eq "smp" } @{$r->{vcpus}}; $n }')" -ge "$exits"

# A run that is shortened, and what it says of its storm.
is "everything at once is exact (storm)" "$(verdict storm STORM)" PASS
is "the validation passes (storm)" "$(status storm)" 0
said=$(json "$out/storm.json" 'map { $_->{evidence} } grep { $_->{id} eq "STORM" } @{$r->{checks}}')
like "its row has the seed, and what was done" "$said" \
	'^seed 7, [1-9][0-9]* steps, .* VMs, .* programs, [1-9][0-9]* signals, [1-9][0-9]* moves'
like "every exit was audited, and reads compared" "$said" \
	'[1-9][0-9,]* of [1-9][0-9,]* exits .* [1-9][0-9,]* reads in place; [1-9][0-9,]* comparisons, 0 different$'
is "a CPU that is off is put back when exitcheck is killed, and nothing is left" \
	"$(tr '\n' ' ' <"$out/killed.txt")" '0 0-1 '

for run in optout off unpatched; do
	is "nothing validated is inconclusive ($run)" "$(status $run)" 4
	like "its last line says that there are no leaves ($run)" "$(closing $run)" 'no leaves to check'
	is "no leaf value is made up ($run)" "$(json "$out/$run.json" \
		'scalar grep { defined $_->{leaf} || defined $_->{leaf_cycles} } @{$r->{reasons}}')" 0
	for id in TRUTH STATS; do
		is "eBPF is compared all the same: $id ($run)" \
			"$(verdict $run $id)" PASS
	done
done
like "why there are none (optout)" "$(cat "$out/optout.txt")" 'did not enable'
like "why there are none (off)" "$(cat "$out/off.txt")" 'kvm.exit_leaves=off'
like "why there are none (unpatched)" "$(cat "$out/unpatched.txt")" 'not patched'
done_testing
