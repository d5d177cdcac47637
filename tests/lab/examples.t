#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The examples of exitcheck's man page, as they stand there, on a host with a VM of that name: each ends with status 0.
# On Debian's own kernel, which has IP.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
[ "$isa" = svm ] || skip_all "Debian's kernel needs minutes to boot in Bochs"
"$here/lab" has-image --kernel "$kernel" || skip_all "this Debian has no Linux $kernel of its own"

${CC:-cc} -O2 -Wall -Wextra -Werror -o "$out/vmm" "$here/vmm.c"
# In roman stands what a reader puts in.
sed -n -e '1,/^\.SH EXAMPLES/d' -e '/^\.SH/q' -e 's/^\.B [#$] //p' "$here/../../user/exitcheck.8" |
	sed -e 's/\\fR.*//' -e 's/\\|//g' -e 's/\\//g' >"$out/examples"
[ "$(wc -l <"$out/examples")" -ge 16 ] || fatal "the man page has examples"

# What this host does not have, by the names that the examples call it.
mkdir "$out/bin"
cat >"$out/bin/qemu-system-x86_64" <<'END'
#!/bin/sh
exec vmm vms 5
END
cat >"$out/bin/ping" <<'END'
#!/bin/sh
exec sleep 2
END
cat >"$out/bin/curl" <<'END'
#!/bin/sh
exec wget -q -O - "$1"
END
cat >"$out/bin/modprobe" <<'END'
#!/bin/sh
. /run/lab/guest.sh
case $1 in
-r) unload_kvm ;;
kvm) load_kvm series "$2" ;;
esac
END
chmod +x "$out"/bin/*
bring=()
for name in qemu-system-x86_64 ping curl modprobe; do
	bring+=(--bring "$out/bin/$name:/guest/bin/$name")
done

cat >"$out/job" <<'END'
ip link set lo up
ip addr add 192.0.2.7/32 dev lo
PATH=/guest/bin:$PATH
mkdir -p /tmp/here /var/lib/prometheus/node-exporter
cd /tmp/here
cp "$(command -v vmm)" /tmp/firecracker

while read -r example <&3; do
	case $example in
	*export* | *web1* | *'stat --interval'*)
		[ -n "${vm:-}" ] || { /tmp/firecracker forever --id web1 & vm=$!; until_true has_exits $vm; }
		;;
	modprobe*)
		# Not the shell's own.
		example=$(echo "$example" | sed 's|modprobe|/guest/bin/modprobe|g')
		;;
	'exitcheck bench'*)
		# All of it takes minutes here.
		example="$example -w cpuid --rounds 3 -n 500 --observer none --observer patch"
		[ -z "$vm" ] || { kill $vm; wait $vm || vm=; unload_kvm; load_kvm series; } 2>/dev/null
		;;
	*compare*)
		for file in before-1 before-2 before-3 before-4 after-2 after-3 after-4; do
			cp after-1.json $file.json
		done
		;;
	esac
	echo "$example" >/tmp/example
	status=0
	case $example in
	*export*)
		sh -c "exec $example" >/tmp/exporter 2>&1 &
		exporter=$!
		until_said '; Ctrl-C ends it' /tmp/exporter
		[ "${example#*--textfile}" != "$example" ] || continue
		usleep 500000
		kill -INT $exporter
		wait $exporter || status=$?
		cp /tmp/exporter /tmp/shown
		;;
	curl*)
		sh -c "$example" >/tmp/shown 2>&1 || status=$?
		like "the exporter shows what it has" "$(cat /tmp/shown)" '^kvm_exits_total\{.*vm="web1"'
		kill -INT $exporter
		wait $exporter || status=$?
		;;
	*'stat --interval'* | *top*)
		timeout -s INT 8 sh -c "exec $example" >/tmp/shown 2>&1 || status=$?
		# timeout's own, when it had to.
		[ "$status" != 124 ] || status=0
		;;
	*)
		sh -c "$example" >/tmp/shown 2>&1 || status=$?
		;;
	esac
	is "$example" "$status" 0
	[ "$status" = 0 ] || tap_note "$(tail -n 30 /tmp/shown)"
done 3</guest/examples
done_testing
END
"$here/lab" run --image --kernel "$kernel" --patch series --timeout 900 --bring "$out/vmm" "${bring[@]}" \
	--bring "$out/examples:/guest/examples" --job "$out/job"
