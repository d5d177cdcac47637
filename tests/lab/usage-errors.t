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
	text=$(timeout 300 "$@" 2>&1 >/tmp/stdout </dev/null) && status=0 || status=$?
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
refused "root of a container" 3 'eBPF: root has no CAP_SYS_ADMIN here: run it on the host, or .*--cap-add=SYS_ADMIN$' \
	/run/lab/bin/setpriv --bounding-set=-sys_admin,-bpf,-perfmon exitcheck
bpf="/run/lab/bin/setpriv --reuid=65534 --clear-groups --inh-caps=-all,+bpf,+perfmon
	--ambient-caps=-all,+bpf,+perfmon --bounding-set=-all,+bpf,+perfmon"
refused "CAP_BPF and CAP_PERFMON, KVM in modules" 3 'CAP_SYS_ADMIN' $bpf exitcheck run --path btf
refused "the same, and tracefs cannot be read" 3 'CAP_SYS_ADMIN; classic tracepoints: .*tracing: run as root' \
	$bpf exitcheck run
mount -o remount,mode=755 /sys/kernel/tracing
text=$($bpf exitcheck run -w cpuid -n 5 --vcpus 2 2>&1 >/tmp/stdout) && status=0 || status=$?
is "the same with a tracefs that can be read: status" "$status" 0
like "and that the classic tracepoints serve" "$text" 'CAP_SYS_ADMIN; using the classic tracepoints'

refused "fewer open files than VMs take" 3 'takes 3,144 open files, and the limit is 256: ulimit -n 3144' \
	sh -c 'ulimit -n 256; exec exitcheck bench --vms 16 --vcpus 64'
ok "the soft limit of open files is raised" sh -c 'ulimit -S -n 20; exec exitcheck run -w cpuid -n 5 --vcpus 2'
ok "a small stack is enough" sh -c 'ulimit -s 200; exec exitcheck run -w cpuid -n 5'

refused "nothing to measure" 3 'no workload to measure: vmxon: ' exitcheck bench -w vmxon --rounds 1
exitcheck run -w vmxon -n 5 --vcpus 2 >/tmp/text && status=0 || status=$?
is "nothing to compare: status" "$status" 4
like "nothing to compare: why" "$(cat /tmp/text)" 'INCONCLUSIVE TRUTH +.*: none of 1 workloads caused an exit'

mv /dev/kvm /dev/kvm.away
refused "no /dev/kvm" 3 '/dev/kvm' exitcheck
mv /dev/kvm.away /dev/kvm
umount /sys/kernel/tracing /sys/kernel/debug
refused "no tracefs" 3 'mount -t tracefs' exitcheck run --path classic
unload_kvm
refused "no vendor module" 3 'modprobe kvm' exitcheck
done_testing
EOT
