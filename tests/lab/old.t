#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A kernel from before 5.17, whose eBPF lacks much, and whose KVM has no statistics by file descriptor:
# everything that does not need the series. `make test-slow` runs it, on 5.10.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
case $kernel in
5.*) ;;
*) skip_all "Linux $kernel is not old" ;;
esac

get_runs validation
{
	run_function
	cat <<'EOT'
run validation run
exitcheck run --path btf -w cpuid >/tmp/btf.txt 2>&1; echo "btf $?" >>/tmp/validation.txt
cat /tmp/btf.txt >>/tmp/validation.txt
exitcheck run -w cpuid -w out -n 50000 --vcpus 2 >/tmp/runs.txt 2>&1 &
exitcheck stat -a --seconds 3 >/tmp/stat.txt 2>&1; echo "stat $?" >>/tmp/validation.txt
wait
sed 's/^/stat: /' /tmp/stat.txt >>/tmp/validation.txt
EOT
} | "$here/lab" run --kernel "$kernel" --isa "$isa" --patch none --timeout 900 "${get[@]}" --job - ||
	fatal "the lab failed: status $?"

report=$out/validation.json text=$(cat "$out/validation.txt")
sed 's/^/# /' "$out/validation.txt"
is "no leaves, and all else agrees: status 4" "$(status validation | head -n 1)" 4
like "its last line says so" "$text" 'UNPATCHED: no leaves to check; eBPF, stats and truth agree \([0-9]+ reasons, '
for check in TRUTH STATS UNPATCHED; do
	is "$check passes" "$(json "$report" \
		"join ' ', map { \$_->{verdict} } grep { \$_->{id} eq '$check' } @{\$r->{checks}}")" PASS
done
is "by the classic tracepoints" "$(json "$report" "\$r->{witness}{path}")" tracepoint
is "nothing is lost" "$(json "$report" "\$r->{witness}{no_slot} + \$r->{witness}{no_map}")" 0
like "KVM's types cannot be used, in one line" "$text" "exitcheck: this kernel's eBPF is older than Linux 5\\.17's: use --path classic"
like "that is status 3" "$text" '^btf 3$'
like "stat counts, by eBPF" "$text" '^stat: 0x7[2b] (CPUID|IOIO) +[0-9,]{5,} '
like "stat ends with status 0 or says what it lacks" "$text" '^stat (0|4)$'
done_testing
