#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What keeps the accounting safe on a real host: nobody with /dev/kvm can have it patch its code at will,
# and a TSC that is set back and forth while vCPUs are in exits makes no counter go down, nor beyond what
# the run took.  QEMU's TCG leaves the TSC as it is; Bochs sets it.
set -eu

here=${0%/*}
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/exitcheck-acct.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
isa=${ISA:-svm} times=100000
[ "$isa" = svm ] || times=5000
${CC:-cc} -O2 -Wall -Wextra -Werror -o "$scratch/acct" "$here/acct.c"

{ echo "isa=$isa times=$times"; cat <<'EOT'; } |
cd /sys/kernel/tracing
# KVM's keys and everyone else's: once for each change of a key that patches code.
echo 'p:patched arch_jump_label_transform_apply' >kprobe_events
echo 1 >events/kprobes/patched/enable

patched()
{
	awk '$1 == "patched" { print $2 }' kprobe_profile
}

seconds()
{
	cut -d . -f 1 /proc/uptime
}

# KVM has keys of its own that a vCPU's creation enables, and that are released late, too.
start=$(seconds) before=$(patched)
ok "$times times enabled, and a vCPU for every 200" acct enable $times
took=$(($(seconds) - start)) count=$(($(patched) - before))
ok "$count times code was patched in $took s, not for each" test $count -le $((10 + 8 * took))

if [ $isa != svm ]; then
	# Before KVM has seen a TSC that it takes for unstable.
	said=$(acct reset) && status=0 || status=$?
	is "the TSC is set back as by a suspend: $said" $status 0
fi
said=$(acct clock 200) && status=0 || status=$?
is "the TSC is set back and forth: $said" $status 0
[ $isa = svm ] || like "it was" "$said" 'set back ([34][0-9]|50) times'
done_testing
EOT
"$here/lab" run --kernel "${KERNEL:-6.12}" --isa "$isa" --patch series --bring "$scratch/acct" --timeout 900 --job -
