#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Hosts whose settings keep the eBPF program out: one line names the setting, with the right status.  And what
# exitcheck keeps of root's capabilities.  On Debian's own kernel, which has these settings.
set -eu

here=${0%/*}
kernel=${KERNEL:-6.12}
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$here/guest.sh"
[ "${ISA:-svm}" = svm ] || skip_all "Debian's kernel needs minutes to boot in Bochs"
"$here/lab" has-image --kernel "$kernel" || skip_all "this Debian has no Linux $kernel of its own"

# complains LINE: whether the lab takes it for a complaint of the kernel's.
complains()
{
	grep -qE "$complaint_pattern" <<<"$1" && echo yes || echo no
}

is "a kernel's warning is a complaint" "$(complains '[    9.1] WARNING: CPU: 0 PID: 1 at kernel/x.c:1 f+0x1/0x2')" yes
is "so it is without the time" "$(complains 'WARNING: possible circular locking dependency detected')" yes
is "a mitigation's is not" "$(complains '[    0.2] Speculative Return Stack Overflow: WARNING: See https://kernel.org/')" no

"$here/lab" run --image --kernel "$kernel" --patch series,series-nobtf --timeout 200 --job - <<EOT
tap_count=$tap_count tap_failed=$tap_failed
$(cat <<'EOJ'
# ends NAME STATUS REGEX COMMAND...: in one line on stderr.
ends()
{
	name=$1 wanted=$2 regex=$3
	shift 3
	text=$("$@" 2>&1 >/tmp/stdout </dev/null) && status=0 || status=$?
	echo "# $text"
	is "$name: status $wanted" "$status" "$wanted"
	like "$name: says why" "$text" "$regex"
	is "$name: in one line, and on stderr alone" \
		"$(printf '%s\n' "$text" | wc -l) $(wc -c </tmp/stdout)" '1 0'
}

# passes NAME COMMAND...
passes()
{
	name=$1
	shift
	text=$("$@" 2>&1) && status=0 || status=$?
	[ "$status" = 0 ] || printf '%s\n' "$text" | sed 's/^/# /'
	is "$name" "$status" 0
}

jit=/proc/sys/net/core/bpf_jit_enable
if echo 0 >$jit 2>/dev/null; then
	ends "no eBPF JIT" 3 '^exitcheck: .*JIT.*: sysctl net.core.bpf_jit_enable=1$' exitcheck run -w cpuid
	ends "nor for audit" 3 'sysctl net.core.bpf_jit_enable=1$' exitcheck audit --seconds 1
	exitcheck bench -w cpuid -n 100 --rounds 3 >/tmp/stdout 2>/tmp/stderr && status=0 || status=$?
	is "bench measures the rest: status 4" "$status" 4
	like "it says what is missing" "$(cat /tmp/stderr)" \
		'^exitcheck: no eBPF program was measured: .*: sysctl net.core.bpf_jit_enable=1$'
	like "the rest is there" "$(cat /tmp/stdout)" '^cpuid +patch '
	echo 1 >$jit
else
	skip "no eBPF JIT" "this kernel has no other way"
fi

umount /sys/kernel/tracing
passes "tracefs below debugfs alone" exitcheck run -w cpuid --path classic
umount /sys/kernel/debug
ends "no tracefs" 3 'tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing$' exitcheck run -w cpuid --path classic
mount -t debugfs debug /sys/kernel/debug
mount -t tracefs trace /sys/kernel/tracing

unload_kvm
load_kvm series-nobtf
ends "kvm.ko without types" 3 'no /sys/kernel/btf/kvm.*: its build lacked pahole or vmlinux: use --path classic$' \
	exitcheck run -w cpuid --path btf
exitcheck run -w cpuid >/tmp/report
like "what is skipped without them says so, too" "$(tr -s '\n ' ' ' </tmp/report)" 'SKIP AUDIT .{0,100}no /sys/kernel/btf/kvm'
unload_kvm
load_kvm series

# The capabilities to load eBPF programs: CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF.
loads=$((1 << 21 | 1 << 38 | 1 << 39))
exitcheck audit -- sh -c 'cat /proc/$PPID/status >/tmp/exitcheck; cat /proc/$$/status >/tmp/command' >/dev/null 2>&1

# held WHO: which of them it has.
held()
{
	echo $(($(sed -n 's/^CapEff:[[:space:]]*/0x/p' "/tmp/$1") & loads))
}

is "exitcheck has loaded its programs, and can load no other" "$(held exitcheck)" 0
is "the command that it runs has what root has" "$(held command)" $loads

mount -t securityfs security /sys/kernel/security
echo confidentiality >/sys/kernel/security/lockdown
ends "lockdown" 3 'locked down \(confidentiality\).*boot with lockdown=integrity' exitcheck run -w cpuid
ends "lockdown, classic" 3 'locked down \(confidentiality\)' exitcheck run -w cpuid --path classic
done_testing
EOJ
)
EOT
