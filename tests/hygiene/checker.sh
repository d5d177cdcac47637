# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# The checkers that tests/lab/*.config build into the kernel, for a job in the lab's host.

# checker_start CONFIG: after load_kvm.
checker_start()
{
	case $1 in
	kcsan)
		# The functions that the series adds or changes: a race is between two of these.
		awk '$4 ~ /^\[kvm/ && $3 ~ /exit_acct|^(svm|vmx)_vcpu_run$|^kvm_cpuid$|^kvm_arch_(init|destroy)_vm$|^kvm_arch_vcpu_(create|destroy|load)$|^kvm_vm_ioctl_(enable_cap|check_extension)$/ {
			print $3
		}' /proc/kallsyms | sort -u >/tmp/functions
		while read -r checker_function; do
			echo "!$checker_function"
		done </tmp/functions | while read -r checker_line; do
			echo "$checker_line" >/sys/kernel/debug/kcsan || return
		done
		echo whitelist >/sys/kernel/debug/kcsan
		# By default every 4,000th access is watched, of the whole kernel: hardly ever one of these.
		echo 300 >/sys/module/kcsan/parameters/skip_watch
		echo on >/sys/kernel/debug/kcsan ;;
	lockdep)
		# What is found up to here is none of KVM's.
		echo scan >/sys/kernel/debug/kmemleak
		echo clear >/sys/kernel/debug/kmemleak ;;
	esac
}

# checker_end CONFIG: says what is only found when it is looked for.
checker_end()
{
	[ "$1" = lockdep ] || return 0
	# Nothing is a leak before it is 5 s old; and what a scan meets in motion, the next one finds.
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	echo scan >/sys/kernel/debug/kmemleak
	cat /sys/kernel/debug/kmemleak
}

# read_others: vCPUs read what the others count, and do nothing else.
read_others()
{
	exitcheck bench --observer patch -w leaf-vm -n 2000 --rounds 20 --vcpus 2
}
