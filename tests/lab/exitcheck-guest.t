#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# exitcheck-guest in Linux guests of an unmodified QEMU: what it shows, by reason, is what the host's own
# trace of kvm_exit has between the very same reads, exactly; and the eBPF program has counted the same. As
# nobody, in a chroot, two at once, on several vCPUs, in a VM that was restored, and on a KVM of the published
# design.
# One CPU: with two that take turns of 100 ms, a Linux guest sometimes hangs or panics; and so all events of
# the trace have one order.
# shellcheck disable=SC2016,SC1003 # the variables in single quotes are Perl's; a backslash
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
# shellcheck source=tests/lab/guest-tables.sh
. "$here/guest-tables.sh"
[ "$isa" = svm ] || skip_all "a Linux guest needs minutes to boot in Bochs"

sed -n 's/^\.B \$ //p' "$here/../../user/inguest/exitcheck-guest.1" | tr -d '\\' >"$out/examples"
cat >"$out/init" <<'END'
#!/bin/busybox sh
# part=NAME comes from the kernel's command line.
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mkdir -p /proc /sys /etc /jail/etc /jail/bin
mount -t proc proc /proc
mkdir -m 1777 /tmp
mount -t sysfs sys /sys
echo nobody:x:65534:65534::/:/bin/sh | tee /etc/passwd >/jail/etc/passwd
cp /bin/exitcheck-guest /jail/bin
for applet in sh su sleep; do
	cp /bin/busybox /jail/bin/$applet
done
stty -onlcr

said()
{
	echo "status $1: $?"
}

work='dd if=/dev/zero of=/tmp/file bs=64k count=16 2>/dev/null; sleep 1'
case $part in
one)
	exitcheck-guest --json
	su nobody -c "exitcheck-guest --json -- sh -c '$work; id -u; exit 7'"
	said nobody
	chroot /jail /bin/su nobody -c '/bin/exitcheck-guest --json -- /bin/sleep 1'
	exitcheck-guest --json -- exitcheck-guest --json -- sleep 1
	exitcheck-guest --json --interval=0.5 --count=2
	exitcheck-guest --json --output=/tmp/json -- sh -c 'kill -9 $$'
	said killed
	cat /tmp/json
	exitcheck-guest --json -- /nowhere
	said nowhere
	exitcheck-guest --bad
	said usage
	exitcheck-guest --no-color >/tmp/birth
	TERM=linux exitcheck-guest -- sh -c "$work" 2>/dev/console
	cat /tmp/birth
	exitcheck-guest --interval=0.1 --output=/tmp/text &
	until [ -s /tmp/text ]; do sleep 0.1; done
	before=$(cut -d ' ' -f 1 /proc/$!/statm)
	sleep 0.5
	echo "pages: $before then, $(cut -d ' ' -f 1 /proc/$!/statm) now, $(grep -c '\[heap\]' /proc/$!/maps) heaps"
	kill $!
	wait
	while read -r example; do
		sh -c "$example" >/tmp/shown 2>&1 </dev/null
		echo "example $?: $example"
	done <<'EXAMPLES'
@EXAMPLES@
EXAMPLES
	;;
four)
	exitcheck-guest --json
	for busy in 1 2; do
		sh -c 'while :; do :; done' &
	done
	exitcheck-guest --json -- sh -c "$work"
	exitcheck-guest --json --per-vcpu -- sh -c "$work"
	;;
moved)
	exitcheck-guest --json -- sh -c 'echo sleeping; sleep 12; exit 5'
	said moved
	;;
published)
	exitcheck-guest --json --leaves=published
	exitcheck-guest --json --leaves=published -- sh -c "$work"
	exitcheck-guest --leaves=exits=0x4ffffffd -- sh -c "$work"
	exitcheck-guest --no-color --leaves=published -- sh -c "$work"
	exitcheck-guest --leaves=exits=0x4ffffffe
	said other
	;;
none)
	exitcheck-guest
	said none
	exitcheck-guest --json -- touch /tmp/ran
	said command
	ls /tmp/ran
	exitcheck-guest --leaves=published
	said published
	;;
esac
echo the end
reboot -f
END
linux_guest < <(sed -e "/^@EXAMPLES@$/{r $out/examples" -e 'd}' "$out/init")

parts="one four moved published none"
for part in $parts; do
	bring+=(--get "/tmp/trace.$part:$out/trace.$part" --get "/tmp/serial.$part:$out/serial.$part")
done
bring+=(--get "/tmp/watch:$out/watch")
linux_host --patch series,mutant-published --no-modules --timeout 600 <<'EOT' || fatal "the host ends well"
cd /sys/kernel/tracing
echo 100000 >buffer_size_kb
[ ! -e options/fields ] || echo 1 >options/fields

# guest PART [OPTION...]: runs the guest for that part, and traces it from its beginning; under $watch.
guest()
{
	part=$1
	shift
	echo 1 >events/kvm/kvm_exit/enable
	echo 1 >events/kvm/kvm_cpuid/enable
	echo >trace
	$watch timeout 150 qemu-system-x86_64 -L /usr/share/seabios -L /usr/share/qemu -accel kvm -cpu host -m 256M \
		-nodefaults -display none -no-reboot -serial "file:/tmp/serial.$part" -kernel /guest/kernel \
		-initrd /guest/initramfs -append "$guest_append part=$part" "$@" || true
	[ -e options/fields ] && cat trace >"/tmp/trace.$part"
}

load_kvm series exit_leaves=all
watch='exitcheck watch --'
guest one >/tmp/watch
watch=
guest four -smp 4

# The VM goes on in another QEMU, on what might be another host.
mkfifo /tmp/qmp.in /tmp/qmp.out
cat /tmp/qmp.out >/tmp/qmp &
guest moved -chardev pipe,id=qmp,path=/tmp/qmp -mon chardev=qmp,mode=control &
exec 4>/tmp/qmp.in
echo '{ "execute": "qmp_capabilities" }' >&4
until_said sleeping /tmp/serial.moved
echo '{ "execute": "migrate", "arguments": { "uri": "exec:cat >/tmp/state" } }' >&4
until [ -s /tmp/state ] && grep -q '"status": "completed"' /tmp/qmp; do
	sleep 0.2
	echo '{ "execute": "query-migrate" }' >&4
done
echo '{ "execute": "quit" }' >&4
wait $!
mv /tmp/serial.moved /tmp/serial.before
guest moved -incoming "exec:cat /tmp/state"

unload_kvm
load_kvm mutant-published exit_leaves=all
guest published
unload_kvm
load_kvm series
guest none
EOT

for part in $parts; do
	documents "$part"
	like "$part: the guest came to its end" "$(tr -d '\r' <"$out/serial.$part")" '^the end$'
done
serial=$(tr -d '\r' <"$out/serial.one")

true_tables "1 vCPU: since birth, as nobody, in a chroot, one in another, intervals: each is true" one \
	0+1 1-2 3-4 6-7 5-8-other 9-10 10-11 12-13
like "1 vCPU: and eBPF has counted the same, inside of each read" "$(tail -n 1 "$out/watch")" '^PASS: .* 0 different$'
is "a command ran as nobody, its status is passed on" \
	"$(grep -E '^(65534|status nobody)' <<<"$serial" | tr '\n' ' ')" '65534 status nobody: 7 '
is "so is the signal that ended it" "$(grep '^status killed' <<<"$serial")" 'status killed: 137'
is "a command that does not exist is 127, in one line" \
	"$(grep -B 1 '^status nowhere' <<<"$serial" | tr '\n' '|')" \
	'{"schema_version":1,"error":"/nowhere: No such file or directory"}|status nowhere: 127|'
is "bad usage is 2, in one line" "$(grep -B 1 '^status usage' <<<"$serial" | tr '\n' '|')" \
	'exitcheck-guest: no option "--bad"; --help shows them|status usage: 2|'
ok "the console's text is coloured" grep -q $'\033\[1mVM exits of all vCPUs while sh ran' "$out/serial.one"
plain=$(sed -n '/^VM exits of all vCPUs since the VM was created/,/^Left out/p' <<<"$serial")
like "text without colour has the nested page faults" "$plain" '^     0x400 NPF +[1-9][0-9,]* '
is "in 80 columns" "$(grep -cE '.{81}' <<<"$plain")" 0
like "it allocates nothing while it runs" "$(sed -E 's/^pages: ([1-9][0-9]*) then, \1 now,/pages: the same,/' <<<"$serial")" \
	'^pages: the same, 0 heaps$'
program=$here/../../exitcheck-guest
ok "it is smaller than 100 kB" test "$(stat -c %s "$program")" -lt 100000
ok "and static" sh -c "! ldd '$program'"
ok "the man page has examples" test "$(wc -l <"$out/examples")" -ge 6
is "the examples of the man page run" "$(grep '^example ' <<<"$serial")" "$(sed 's/^/example 0: /' "$out/examples")"

true_tables "4 vCPUs: of the VM, and of each vCPU" four 0+1 1-2 3-7 4-8 5-9 6-10
is "a table for each vCPU" "$(document four 3 'join " ", map { $_->{cpu} } @{$r->{tables}}')" '0 1 2 3'

true_tables "restored while the command ran: what happened since then" moved 0
is "its counters began anew" "$(document moved 1 '"$r->{anew} $r->{command_status}"')" '1 5'

true_tables "the published design: as its leaves have it" published 0+2=registers 1-2=registers
serial=$(tr -d '\r' <"$out/serial.published")
like "it is said that nobody knows whose exits these are" "$serial" '^VM exits of this VM, or of the whole host while sh ran$'
like "and their time is in cycles" "$serial" '^ +exit reason +exits +cycles +mean +share$'
like "without a leaf of cycles there is no time" "$serial" '^.{0,4} +exit reason +exits.{0,4}$'
is "other leaves are no such ones" "$(grep '^status other' <<<"$serial")" 'status other: 3'

serial=$(tr -d '\r' <"$out/serial.none")
is "without leaves: one line, 3" "$(grep -B 2 '^status none' <<<"$serial" | sed 's/ here: .*/ here/' | tail -n 2 | tr '\n' '|')" \
	'exitcheck-guest: no exit leaves here|status none: 3|'
is "the same in JSON, and no command is run" "$(document none 1 '$r->{error}' | cut -c 1-19) $(grep -c 'tmp/ran: No such file' <<<"$serial")" \
	'no exit leaves here 1'
is "none of the published numbering either" "$(grep '^status published' <<<"$serial")" 'status published: 3'
done_testing
