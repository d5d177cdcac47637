# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# What a job in the lab's host can call.

# load_kvm VARIANT [PARAM...]: loads a variant's modules; a PARAM "vendor.NAME=VALUE" is for the
# vendor module, any other for kvm.ko, whose emulator a guest can have here.
load_kvm()
{
	lab_dir=/run/lab/modules/$1 lab_kvm=force_emulation_prefix=1 lab_vendor='' lab_module=kvm-intel
	shift
	! grep -qw svm /proc/cpuinfo || lab_module=kvm-amd
	for lab_param; do
		case $lab_param in
		vendor.*) lab_vendor="$lab_vendor ${lab_param#vendor.}" ;;
		*) lab_kvm="$lab_kvm $lab_param" ;;
		esac
	done
	for lab_needed in irqbypass ccp; do
		[ ! -e "$lab_dir/$lab_needed.ko" ] || [ -d "/sys/module/$lab_needed" ] ||
			busybox insmod "$lab_dir/$lab_needed.ko"
	done
	# shellcheck disable=SC2086 # words
	busybox insmod "$lab_dir/kvm.ko" $lab_kvm &&
		busybox insmod "$lab_dir/$lab_module.ko" $lab_vendor
}

# unload_kvm: fails while a VM exists.
unload_kvm()
{
	lab_module=kvm_intel
	[ ! -d /sys/module/kvm_amd ] || lab_module=kvm_amd
	busybox rmmod "$lab_module" && busybox rmmod kvm
}

# What a kernel says when something in it is broken; lab looks for it, too.  Not what it says of a CPU's
# mitigations, as in "Speculative Return Stack Overflow: WARNING: See ...".
complaint_pattern='BUG:|(^|[^:] )WARNING:|UBSAN:|Oops|Call Trace|Kernel panic|suspected memory leaks|kmemleak: .*disabled'

# kernel_complaints: what the kernel has reported as broken since the boot, if anything.
kernel_complaints()
{
	dmesg | grep -E "$complaint_pattern" || true
}

# What a Linux that is a guest in the host is told; no_timer_check as the host itself, see boot.sh.
# shellcheck disable=SC2034 # the jobs'
guest_append='console=ttyS0 quiet no_timer_check panic=-1'

# until_true COMMAND...: waits for that, some five minutes at most.
until_true()
{
	lab_tries=3000
	until "$@"; do
		sleep 0.1
		lab_tries=$((lab_tries - 1))
		[ $lab_tries != 0 ] || return
	done
}

# until_said REGEX FILE: waits for that line.
until_said()
{
	until_true grep -qs "$1" "$2"
}

# has_exits PID: whether a VM of that process has run.
has_exits()
{
	grep -qs '^[1-9]' /sys/kernel/debug/kvm/"$1"-*/exits
}

# remains: how many of exitcheck's programs, maps, VMs, processes there are.  Needs bpftool.
remains()
{
	echo "$(bpftool prog show | grep -c 'name [a-z]*_\(entry\|exit\|cpuid\|list\|birth\|death\)[a-z_]* ')" \
	     "$(bpftool map show | grep -c 'name \(registered\|by_key\|by_thread\|vms\|deaths\|exitchec\.[a-z]*\) ')" \
	     "$(find /sys/kernel/debug/kvm -name '*-*' | wc -l)" "$(pidof exitcheck | wc -w)"
}

# settled: nothing remains; the kernel frees programs and maps a little later.
settled()
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(remains)" != '0 0 0 0' ] || return 0
		usleep 200000
	done
	remains
	return 1
}
