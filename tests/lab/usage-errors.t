#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Usage errors and hosts that cannot run exitcheck: one line that says why, the right status, at once.
set -eu

"${0%/*}/lab" run --kernel "${KERNEL:-6.12}" --isa "${ISA:-svm}" --patch series --timeout 120 \
	--bring "$(command -v setpriv)" --job - <<'EOT'
# refused NAME STATUS REGEX COMMAND...: it ends with STATUS, after one line that matches.
refused()
{
	name=$1 wanted=$2 regex=$3
	shift 3
	text=$(timeout 10 "$@" 2>&1 >/tmp/stdout </dev/null) && status=0 || status=$?
	is "$name: status $wanted" "$status" "$wanted"
	like "$name: says why" "$text" "$regex"
	is "$name: in one line, and on stderr alone" \
		"$(printf '%s\n' "$text" | wc -l) $(wc -c </tmp/stdout)" '1 0'
}

refused "an unknown command" 2 'no command "bogus"' exitcheck bogus
refused "an unknown option" 2 'no option "--bogus"' exitcheck run --bogus
refused "an unknown workload" 2 'did you mean: cpuid' exitcheck run -w cpiud
refused "no executions" 2 '1 to 10,000,000' exitcheck run -n 0
refused "too many executions" 2 '1 to 10,000,000' exitcheck run -n 999999999999
refused "a number with a tail" 2 'not a number' exitcheck run -n 12x
refused "a negative number" 2 'not a number' exitcheck run -n -1
refused "no vCPUs" 2 '1 to 64' exitcheck run --vcpus 0
refused "too many vCPUs" 2 '1 to 64' exitcheck run --vcpus 10000
refused "a report that cannot be written" 3 '/nowhere/report.json' \
	exitcheck run --json /nowhere/report.json
refused "no permission" 3 'root' /run/lab/bin/setpriv --reuid=65534 --clear-groups exitcheck
chmod 666 /dev/kvm
refused "no permission to trace" 3 'root|CAP_BPF' /run/lab/bin/setpriv --reuid=65534 --clear-groups exitcheck
mv /dev/kvm /dev/kvm.away
refused "no /dev/kvm" 3 '/dev/kvm' exitcheck
mv /dev/kvm.away /dev/kvm
umount /sys/kernel/tracing /sys/kernel/debug
refused "no tracefs" 3 'mount -t tracefs' exitcheck run --path classic
unload_kvm
refused "no vendor module" 3 'modprobe kvm' exitcheck
done_testing
EOT
