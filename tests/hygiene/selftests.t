#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# KVM's selftests of the kernel's tree have the same results with the series as without; those that fail,
# as some do on an emulated host, fail at the same place, three times.  Each has TIMEOUT seconds; of one
# that takes longer, nothing is known.
set -eu

here=${0%/*}
lab=$here/../lab/lab
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"
kernel=${KERNEL:-6.12}
bins=$("$lab" selftests --kernel "$kernel")
out=$here/../../build/selftests
tests=$(cd "$bins" && find . -type f -printf '%P\n' | sort -r | tr '\n' ' ')
mkdir -p "$out"
out=$(cd "$out" && pwd)

# run VARIANT: every selftest with that KVM; leaves its results and what they say in $out.
run()
{
	"$lab" run --kernel "$kernel" --isa "${ISA:-svm}" --patch "$1" --root-9p --mem 4G --timeout 10000 \
		--console "$out/$1.console" --get "/tmp/results:$out/$1.results" \
		--get "/tmp/log:$out/$1.log" --job - <<EOT
cd "$bins"
for test in $tests; do
	# On a host that is short of time some fail now and then, with the series or without.
	for try in 1 2 3; do
		timeout -k 5 "${TIMEOUT:-900}" "./\$test" >/tmp/said 2>&1 </dev/null && status=0 || status=\$?
		{ echo "== \$test, try \$try"; cat /tmp/said; } >>/tmp/log
		case \$status in
		0) result=pass ;;
		4) result=skip ;;
		137 | 143) result=late ;; # was killed
		*) result=fail:\$(grep -m 1 -o '[a-z0-9_]*\.c:[0-9]*' /tmp/said) ;;
		esac
		[ "\${result%%:*}" = fail ] || break
	done
	echo "\$test \$result" >>/tmp/results
	echo "# \$test \$result"
done
EOT
}

# result VARIANT TEST
result()
{
	awk -v name="$2" '$1 == name { print $2 }' "$out/$1.results"
}

for variant in none series; do
	rm -f "$out/$variant".*
	run "$variant" >"$out/$variant.progress" || fatal "the lab failed with KVM $variant: status $?"
done
for test in $tests; do
	none=$(result none "$test") series=$(result series "$test")
	if [ "$test" = "${test%exit_leaves_test}" ]; then
		case $none:$series in
		late:* | *:late) skip "$test" "without the series $none, with it $series" ;;
		*) is "$test: ${none:-nothing}" "$series" "$none" ;;
		esac
	else
		is "$test, which comes with the series" "$none:$series" skip:pass
	fi
done
done_testing
