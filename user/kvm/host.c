// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kvm/kvm.h"
#include "util/text.h"

#define EXIT_LEAVES "/sys/module/kvm/parameters/exit_leaves"
#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

/* The first line of a file, without its newline; "" if it cannot be read. */
static void read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");

	line[0] = '\0';
	if (!file)
		return;
	if (!fgets(line, size, file))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	text_clean(line);
	fclose(file);
}

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);
	const char *at = words;

	while ((at = strstr(at, word))) {
		if ((at == words || at[-1] == ' ') && strchr(" \n", at[length]))
			return true;
		at += length;
	}
	return false;
}

void host_read_cpuinfo(struct host *host, FILE *cpuinfo)
{
	char *line = NULL;
	char *value;
	size_t size = 0;

	while (getline(&line, &size, cpuinfo) > 0 && *line != '\n') {
		value = strchr(line, ':');
		if (!value)
			continue;
		value += strspn(value, ": \t");
		if (!strncmp(line, "model name", strlen("model name")))
			snprintf(host->cpu, sizeof(host->cpu), "%.*s", (int)strcspn(value, "\n"),
				 value);
		if (strncmp(line, "flags", strlen("flags")))
			continue;
		host->invariant_tsc = has_word(value, "constant_tsc") &&
				      has_word(value, "nonstop_tsc");
		if (has_word(value, "vmx"))
			host->isa = EXIT_ISA_VMX;
		else if (has_word(value, "svm"))
			host->isa = EXIT_ISA_SVM;
	}
	free(line);
	/* The hypervisor may choose any bytes; terminals and JSON need clean UTF-8. */
	text_clean(host->cpu);
}

void host_read_clocksource(char *name, size_t size)
{
	read_line(CLOCKSOURCE, name, size);
}

static enum host_exit_leaves read_exit_leaves(void)
{
	char value[16];

	if (access(EXIT_LEAVES, F_OK))
		return EXIT_LEAVES_ABSENT;
	read_line(EXIT_LEAVES, value, sizeof(value));
	if (!strcmp(value, "all"))
		return EXIT_LEAVES_ALL;
	if (!strcmp(value, "host"))
		return EXIT_LEAVES_HOST;
	return strcmp(value, "optin") ? EXIT_LEAVES_OFF : EXIT_LEAVES_OPTIN;
}

/* Why VMX or SVM is unusable, NULL if it is usable. */
static const char *missing(const struct host *host)
{
	if (!host->isa)
		return "this CPU offers neither VMX nor SVM; enable virtualization in the firmware, or nested virtualization in the hypervisor, or use the lab: make run";
	if (host->isa == EXIT_ISA_VMX && access("/sys/module/kvm_intel", F_OK))
		return "the module kvm_intel is not loaded: modprobe kvm_intel";
	if (host->isa == EXIT_ISA_SVM && access("/sys/module/kvm_amd", F_OK))
		return "the module kvm_amd is not loaded: modprobe kvm_amd";
	return NULL;
}

/* The rate of the TSC, as KVM gives it to a new vCPU. */
static int read_tsc_khz(int kvm_fd, uint32_t *khz, struct error *err)
{
	int vm_fd = KVM(kvm_fd, KVM_CREATE_VM, 0, err);
	int vcpu_fd = vm_fd < 0 ? -1 : KVM(vm_fd, KVM_CREATE_VCPU, 0, err);
	int result = vcpu_fd < 0 ? -1 : KVM(vcpu_fd, KVM_GET_TSC_KHZ, 0, err);

	if (vcpu_fd >= 0)
		close(vcpu_fd);
	if (vm_fd >= 0)
		close(vm_fd);
	if (result < 0)
		return STATUS_CANNOT_RUN;
	*khz = result;
	return 0;
}

static int probe_kvm(struct host *host, struct error *err)
{
	int fd = open(DEV_KVM, O_RDWR | O_CLOEXEC);
	int version, status = 0;

	if (fd < 0) {
		if (errno == EACCES || errno == EPERM)
			return error_set(
				err, STATUS_CANNOT_RUN,
				"no permission to open %s: run as root, or join the group kvm",
				DEV_KVM);
		return error_set(err, STATUS_CANNOT_RUN, "open %s: %s", DEV_KVM, strerror(errno));
	}
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version < 0)
		status = error_set(err, STATUS_CANNOT_RUN, "%s: KVM_GET_API_VERSION: %s", DEV_KVM,
				   strerror(errno));
	else if (version != KVM_API_VERSION)
		status = error_set(err, STATUS_CANNOT_RUN,
				   "%s has KVM API version %d, exitcheck knows %d", DEV_KVM,
				   version, KVM_API_VERSION);
	if (!status)
		status = read_tsc_khz(fd, &host->tsc_khz, err);
	close(fd);
	return status;
}

int host_probe(struct host *host, struct error *err)
{
	struct utsname names;
	const char *reason;
	FILE *cpuinfo;

	memset(host, 0, sizeof(*host));
	cpuinfo = fopen("/proc/cpuinfo", "re");
	if (cpuinfo) {
		host_read_cpuinfo(host, cpuinfo);
		fclose(cpuinfo);
	}
	host_read_clocksource(host->clocksource, sizeof(host->clocksource));
	host->exit_leaves = read_exit_leaves();
	host->nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (!uname(&names))
		snprintf(host->kernel, sizeof(host->kernel), "%s", names.release);
	text_clean(host->kernel);

	reason = missing(host);
	if (access(DEV_KVM, F_OK))
		return error_set(err, STATUS_CANNOT_RUN, "there is no %s: %s", DEV_KVM,
				 reason ? reason :
					  "create it (mknod, or the container's --device)");
	if (reason)
		return error_set(err, STATUS_CANNOT_RUN, "%s", reason);
	return probe_kvm(host, err);
}
