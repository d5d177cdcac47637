// SPDX-License-Identifier: GPL-2.0-only
#include "tracer/obstacles.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whether a file is there and its first line has this text. */
static bool says(const char *path, const char *text)
{
	char line[128];
	FILE *file = fopen(path, "re");
	bool found = file && fgets(line, sizeof(line), file) && strstr(line, text);

	if (file)
		fclose(file);
	return found;
}

int obstacles_check(struct error *err)
{
	if (says("/sys/kernel/security/lockdown", "[confidentiality]"))
		return error_set(
			err, STATUS_CANNOT_RUN,
			"the kernel is locked down (confidentiality), which keeps eBPF from"
			" reading it: boot with lockdown=integrity, or without it");
	if (says("/proc/sys/net/core/bpf_jit_enable", "0"))
		return error_set(
			err, STATUS_CANNOT_RUN,
			"the kernel's eBPF JIT compiler is off, which the eBPF program needs:"
			" sysctl net.core.bpf_jit_enable=1");
	return 0;
}

const char *obstacles_remedy(void)
{
	if (geteuid())
		return "run as root, or with CAP_SYS_ADMIN";
	return "root has no CAP_SYS_ADMIN here: run it on the host, or with the container's"
	       " --cap-add=SYS_ADMIN";
}

int obstacles_permission(struct error *err)
{
	return error_set(err, STATUS_CANNOT_RUN, "no permission for eBPF: %s%s", obstacles_remedy(),
			 geteuid() ? "; --path classic takes CAP_BPF and CAP_PERFMON" : "");
}

const char *obstacles_btf(bool old)
{
	if (old)
		return "this kernel's eBPF is older than Linux 5.17's";
	if (access("/sys/kernel/btf/vmlinux", F_OK))
		return "the kernel has no type information (CONFIG_DEBUG_INFO_BTF)";
	/* Only a module has this file. */
	if (!access("/sys/module/kvm/initstate", F_OK) && access("/sys/kernel/btf/kvm", F_OK))
		return "kvm.ko has no type information (no /sys/kernel/btf/kvm): its build lacked"
		       " pahole or vmlinux";
	return "KVM's type information lacks what eBPF reads";
}
