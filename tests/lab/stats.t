#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# An unmodified QEMU lists the numbers of a Linux guest (query-stats of QMP, info stats of HMP): with the
# guest stopped, its exits by number are those that the eBPF program has counted, exactly.  What the guest
# reads from the leaves meanwhile is compared in place.
# One CPU: where two take turns of 100 ms, a Linux guest now and then stands still or panics.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
[ "$isa" = svm ] || skip_all "a Linux guest needs minutes to boot in Bochs"

linux_guest <<'END'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
cpuid -1 -r -l 0x4fffffff
cpuid -1 -r -l 0x4ffffffe
echo at rest
/bin/busybox sleep 10000
END
linux_host --patch series --kvm-params exit_leaves=all --timeout 500 <<'EOT'
mkfifo /tmp/qmp.in /tmp/qmp.out
cat /tmp/qmp.out >/tmp/qmp &
timeout 400 exitcheck watch -- qemu-system-x86_64 -L /usr/share/seabios -L /usr/share/qemu -accel kvm -cpu host -m 256M -nodefaults \
	-display none -no-reboot -serial file:/tmp/serial -kernel /guest/kernel -initrd /guest/initramfs \
	-chardev pipe,id=qmp,path=/tmp/qmp -mon chardev=qmp,mode=control \
	-append "$guest_append" >/tmp/watch 2>&1 &
watch=$!
exec 4>/tmp/qmp.in
echo '{ "execute": "qmp_capabilities" }' >&4

ok "the guest has read its leaves" until_said 'at rest' /tmp/serial
echo '{ "execute": "stop" }' >&4
ok "it is stopped" until_said '"STOP"' /tmp/qmp
echo '{ "execute": "query-stats", "arguments": { "target": "vcpu" } }' >&4
ok "QEMU has the statistics" until_said exits_by_number /tmp/qmp
echo '{ "execute": "human-monitor-command",
	"arguments": { "command-line": "info stats vcpu exits_by_number" } }' >&4
ok "so has its human monitor" until_said 'exits_by_number (' /tmp/qmp
echo '{ "execute": "quit" }' >&4
wait $watch && status=0 || status=$?
is "watch ends with PASS" "$status" 0

# values NAME: of that statistic, one a line.  QEMU lists them from the last to the first.
values()
{
	grep -o "{[^{}]*\"$1\"[^{}]*}" /tmp/qmp | sed 's/.*\[\(.*\)\].*/\1/' | tr -d ' ' | tr ',' '\n' | tac
}

# Numbers are in hexadecimal on SVM; the index of one is the number itself, up to 0xa6.
values exits_by_number | awk '$1 { print NR - 1, $1 }' >/tmp/listed
awk '/^    (0x[0-9a-f]+|[0-9]+) / { print $1, $3 }' /tmp/watch | tr -d ',' |
	while read -r number count; do
		index=$((number))
		[ $index -lt $((0x400)) ] || index=$((index - 0x400 + 167))
		echo "$index $count"
	done | sort -n >/tmp/counted
sed 's/^/# /' /tmp/watch /tmp/serial
ok "it lists exits of several numbers" test "$(wc -l </tmp/listed)" -ge 5
is "by number, they are those that eBPF counted" "$(cat /tmp/listed)" "$(cat /tmp/counted)"
# The same order; the monitor's own numbers begin with 1.
grep -o 'exits_by_number (cumulative): [^\\]*' /tmp/qmp | grep -o '=[0-9]*' | tr -d = | tac |
	awk '$1 { print NR - 1, $1 }' >/tmp/shown
is "the human monitor shows the same" "$(cat /tmp/shown)" "$(cat /tmp/listed)"
# The last exit has not ended.
values cycles_by_number | awk '$1 { print NR - 1 }' >/tmp/timed
cut -d ' ' -f 1 /tmp/listed >/tmp/exited
is "only numbers with exits have cycles" "$(grep -vxFf /tmp/exited /tmp/timed || true)" ''
ok "all have, but for the last one's at most" test "$(grep -cvxFf /tmp/timed /tmp/exited)" -le 1
done_testing
EOT
