#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# On Debian's own kernel: kernel-patch/kvm-modules builds the patched modules against its headers and swaps
# them with Debian's, and the validation passes, with type information and without.
set -eu

here=${0%/*}
kernel=${KERNEL:-6.12}
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"
[ "${ISA:-svm}" = svm ] || skip_all "Debian's kernel needs minutes to boot in Bochs"
"$here/lab" has-image --kernel "$kernel" || skip_all "this Debian has no Linux $kernel of its own"

# refused NAME REGEX ARG...
refused()
{
	local name=$1 regex=$2 text status=0

	shift 2
	text=$("$here/../../kernel-patch/kvm-modules" "$@" 2>&1) || status=$?
	is "$name: refused" "$status" 3
	like "$name: says why" "$text" "$regex"
	is "$name: in one line" "$(printf '%s\n' "$text" | wc -l)" 1
}

refused "what is no release" "'amd64' is no kernel release such as" build amd64 /nowhere/modules
refused "a kernel that is not installed" 'apt-get install linux-image-6.12.0-none linux-headers-6.12.0-none' \
	packages 6.12.0-none
refused "a kernel without headers" 'apt-get install linux-headers-6.12.0-none' \
	build 6.12.0-none /nowhere/modules
headers=$(mktemp -d "${TMPDIR:-/tmp}/exitcheck-headers.XXXXXX")
touch "$headers/Makefile"
# shellcheck disable=SC2016 # make's variables
echo 'CC = $(if $(DEBIAN_KERNEL_USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-1' >"$headers/.kernelvariables"
refused "headers of a compiler that is not there" 'want the compiler that it was built with, gcc-1: apt-get install gcc-1$' \
	build --headers "$headers" 6.12.0-none /nowhere/modules
rm -r "$headers"
refused "modules that were not built" "run 'make kvm-modules'" load /nowhere/modules

PATH=$PATH:/sbin
bring=()
for tool in bash depmod insmod modinfo modprobe rmmod; do
	bring+=(--bring "$(command -v $tool)")
done
for script in kvm-modules kvm-build.sh; do
	bring+=(--bring "$here/../../kernel-patch/$script")
done
bring+=(--bring "$here/../../user/debian/modprobe.conf:/lab/modprobe.conf")
"$here/lab" run --image --kernel "$kernel" --patch series,series-nobtf --no-modules --timeout 200 \
	"${bring[@]}" --job - <<EOT
tap_count=$tap_count tap_failed=$tap_failed
$(cat <<'EOJ'
# modules ARG...: sets text and status.
modules()
{
	text=$(bash /run/lab/bin/kvm-modules "$@" 2>&1) && status=0 || status=$?
	echo "# $text"
}

# parameter: the patch's, which tells its modules from Debian's.
parameter()
{
	cat /sys/module/kvm/parameters/exit_leaves 2>/dev/null || echo absent
}

nested()
{
	cat /sys/module/kvm_amd/parameters/nested
}

# validate NAME WAY
validate()
{
	exitcheck >/tmp/report 2>&1 && status=0 || status=$?
	sed 's/^/# /' /tmp/report
	is "exitcheck passes ($1)" "$status" 0
	like "its last line says so ($1)" "$(tail -n 1 /tmp/report)" '^PASS: '
	like "through the tracepoints that KVM's types allow ($1)" "$(cat /tmp/report)" "^eBPF +$2;"
}

ok "Debian's KVM is there" modprobe kvm_amd
is "it has no leaves" "$(parameter)" absent

modules load /run/lab/modules/series exit_leaves=all
is "the patched one takes its place" "$status $(parameter)" '0 all'
ok "with type information" test -e /sys/kernel/btf/kvm
validate "as built" tp_btf

sleep 1000 </dev/kvm &
for command in unload 'load /run/lab/modules/series'; do
	modules $command
	is "not while KVM is in use (${command%% *})" "$status $(parameter)" '3 all'
	like "it says by whom, in one line (${command%% *})" "$text" "^kvm-modules: .*sleep \($!\)[^|]*$"
done
kill $!
wait $! 2>/dev/null || true

modules load /run/lab/modules/series-nobtf
is "patched modules take the place of patched ones" "$status $(parameter)" '0 optin'
validate "without type information" tracepoint

modules load /run/lab/modules/series exit_leaves=bogus
is "modules that do not load: Debian's are back" "$status $(parameter)" '3 absent'
like "and why" "$text" 'not loaded, .*kvm.ko: Invalid parameters'
ok "and work" test -c /dev/kvm

modules load /run/lab/modules/series vendor.nested=0
is "the vendor module has its own parameters" "$status $(nested)" '0 0'
modules load /run/lab/modules/series
is "which are gone with it" "$status $(nested)" '0 1'
mkdir -p /etc/modprobe.d
echo 'options kvm-amd nested=0' >/etc/modprobe.d/lab.conf
modules load /run/lab/modules/series
is "the machine's own options hold" "$status $(nested)" '0 0'
modules unload
is "unloaded: Debian's are back" "$status $(parameter)" '0 absent'
ok "and work" test -c /dev/kvm
rm /etc/modprobe.d/lab.conf

# As DKMS and the package exitcheck-kvm-dkms lay them out.  The shell's own depmod and modprobe are not kmod's.
kmod=/run/lab/bin
mkdir -p /usr/bin
ln -s /bin/env /usr/bin/env
updates=/lib/modules/$(uname -r)/updates/dkms
mkdir -p $updates
cp /run/lab/modules/series/kvm*.ko $updates
$kmod/depmod
sed 's|KVM_MODULES|/run/lab/bin/kvm-modules|g' /lab/modprobe.conf >/etc/modprobe.d/exitcheck-kvm.conf

# probed: sets text and parameter after a modprobe.
probed()
{
	$kmod/rmmod kvm_amd kvm
	text=$($kmod/modprobe kvm_amd 2>&1)
	echo "# $text"
}

probed
is "DKMS's modules come before Debian's" "$(parameter)" optin
modules unload
is "unloaded: Debian's are back, although DKMS has its own" "$status $(parameter)" '0 absent'
for module in kvm-amd kvm; do
	echo broken >$updates/$module.ko
	probed
	is "where DKMS's $module.ko does not load, Debian's do" "$(parameter)" absent
	like "it says so" "$text" "kvm-modules: the patched ${module/-/_} does not load: taking the distribution's"
	ok "and they work" test -c /dev/kvm
	cp /run/lab/modules/series/$module.ko $updates
done
rm -r $updates
$kmod/depmod
for rule in with without; do
	probed
	is "if DKMS has none, Debian's load ($rule the package's rule)" "$(parameter) $text" 'absent '
	ok "and work ($rule it)" test -c /dev/kvm
	rm -f /etc/modprobe.d/exitcheck-kvm.conf
done
is "the kernel has nothing to complain about" "$(kernel_complaints)" ''
done_testing
EOJ
)
EOT
