#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The service of `exitcheck export` as `make install` lays it out, under the systemd of a Debian with its own kernel and
# KVM: it serves a VM's exits without being root, has no capability left by then, and ends as systemd asks.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
[ "$isa" = svm ] || skip_all "Debian's kernel needs minutes to boot in Bochs"

disk=$out/disk
mkdir -p "$disk/tree/usr/local/"{bin,lib}
make -s -C "$here/../.." install DESTDIR="$disk/tree" >/dev/null
${CC:-cc} -O2 -Wall -Wextra -Werror -static -o "$disk/tree/usr/local/bin/vmm" "$here/vmm.c"
cp "$(command -v busybox)" "$disk/tree/usr/local/bin"
# The C library is there, of the same release.
ldd "$disk/tree/usr/local/sbin/exitcheck" | grep -o '/[^ ]*' | grep -vE '/(ld-linux|lib(c|m|pthread|dl)\.so)' |
	xargs cp -L -t "$disk/tree/usr/local/lib"
cp "$here/../tap.sh" "$disk"
cat >"$disk/init" <<'END'
#!/bin/bash
. ./tap.sh
cp -a tree/. /
ldconfig
modprobe kvm_amd
systemctl daemon-reload
service=exitcheck-export

# property NAME: of the service, as systemd has it.
property()
{
	systemctl show --property "$1" --value $service
}

scrape()
{
	busybox wget -q -O - http://127.0.0.1:9798/metrics
}

is "systemd has nothing to say of the unit, but that there is no man" "$(systemd-analyze verify $service.service 2>&1 | grep -F $service | grep -v "Command 'man ")" ''
ok "it starts" systemctl start $service
for _ in {1..50}; do
	scrape >/dev/null 2>&1 && break
	sleep 0.2
done
main=$(property MainPID)
vmm forever &
sleep 3
body=$(scrape)
like "it serves the VM's exits" "$body" '^kvm_exits_total\{.*vm="vmm",reason="CPUID".*\} [1-9]'
like "all of them" "$body" '^exitcheck_complete 1$'
like "by KVM's types" "$body" '^exitcheck_build_info\{.*source="eBPF by tp_btf"'
like "it is not root" "$(stat -c %u "/proc/$main")" '^[1-9][0-9]+$'
is "and has no capability any more" "$(grep -E '^Cap(Prm|Eff|Amb)' "/proc/$main/status" | awk '{ print $2 }' | sort -u)" 0000000000000000
is "nor any that it could regain" "$(grep '^NoNewPrivs' "/proc/$main/status" | awk '{ print $2 }')" 1
tap_note "$(systemd-analyze security --no-pager $service.service | tail -n 1)"
ok "it stops" systemctl stop $service
is "as systemd asked" "$(property Result) $(property ExecMainStatus)" 'success 0'
kill %%
done_testing
END
chmod +x "$disk/init"
tar -cf "$out/archive" -C "$disk" .
"$here/lab" debian --mem 2G --timeout 900 "$out/archive"
