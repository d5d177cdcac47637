#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Ten million exits (SOAK_EXITS) of several vCPUs at full rate: nothing differs, and
# exitcheck's memory does not grow.  Not part of `make test`: it takes five minutes on an idle machine.
# shellcheck disable=SC2016 # the variables in single quotes are Perl's
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
exits=${SOAK_EXITS:-10000000}

"$here/lab" run --kernel "$kernel" --isa "$isa" --timeout 14400 \
	--get "/tmp/report.json:$out/report.json" --get "/tmp/memory:$out/memory" --job - <<EOT >"$out/text" && status=0 || status=$?
exitcheck run --smp-exits $exits --json /tmp/report.json &
pid=\$!
while sleep 1 && grep -s VmRSS /proc/\$pid/status; do :; done | tr -dc '0-9\n' >/tmp/memory
wait \$pid
EOT

sed 's/^/# /' "$out/text"
is "the validation passes" "$status" 0
is "nothing differs" "$(json "$out/report.json" '$r->{summary}{differed}')" 0
ok "$exits exits were made" test "$(json "$out/report.json" 'eval { my $n = 0;
	$n += $_->{exits} for grep { $_->{phase} eq "smp" } @{$r->{vcpus}}; $n }')" -ge "$exits"
# From 1/5 of the time, when setup is over, to 4/5, when the later phases begin to add results.
mapfile -t memory <"$out/memory"
first=${memory[${#memory[@]} / 5]} last=${memory[${#memory[@]} * 4 / 5]}
echo "# kB in memory, after each tenth of the time: $(for i in 1 2 3 4 5 6 7 8 9; do
	printf '%s ' "${memory[${#memory[@]} * i / 10]}"; done)"
ok "memory is constant: $first kB, then $last kB" test $((last - first)) -le 128
done_testing
