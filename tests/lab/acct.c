// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process with /dev/kvm does to the accounting, and what the host's TSC does to it.
 *   acct enable N   enables the capability N times, rightly and wrongly, and has VMs come and go
 *   acct clock N    has a vCPU exit N times to user space, which sets the TSC back and forth meanwhile
 * Linked with the C library alone, for the emulated host.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include <x86intrin.h>

#define CAP_EXIT_LEAVES 20476
#define MSR_TSC 0x10
#define STEP 20000000
#define MEMORY 0x1000
#define TSS 0xfffbd000

static void check(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "acct: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int enable(int vm, uint64_t bits)
{
	const struct kvm_enable_cap cap = { .cap = CAP_EXIT_LEAVES, .args = { bits } };

	return ioctl(vm, KVM_ENABLE_CAP, &cap);
}

/* A VM with an APIC of KVM's: for one without, KVM patches code of its own accord. */
static int create_vm(int kvm)
{
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	check(vm >= 0, "KVM_CREATE_VM");
	check(!ioctl(vm, KVM_SET_TSS_ADDR, TSS) && !ioctl(vm, KVM_CREATE_IRQCHIP, 0),
	      "KVM_CREATE_IRQCHIP");
	return vm;
}

static void come_and_go(int kvm)
{
	int vm = create_vm(kvm), vcpu;

	check(!enable(vm, 1), "KVM_ENABLE_CAP");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	check(vcpu >= 0, "KVM_CREATE_VCPU");
	check(enable(vm, 1) && errno == EINVAL, "the capability after a vCPU");
	close(vcpu);
	close(vm);
}

static void enable_often(int kvm, int n)
{
	int vm = create_vm(kvm);

	for (int i = 0; i < n; i++) {
		check(!enable(vm, 1 + i % 3), "KVM_ENABLE_CAP");
		check(enable(vm, 0) && enable(vm, 1ull << 40), "bits that KVM does not know");
		if (i % 200 == 0)
			come_and_go(kvm);
	}
	close(vm);
}

/* The sum of a vCPU's cycles_by_number. */
static uint64_t cycles(int stats)
{
	struct kvm_stats_header header;
	struct kvm_stats_desc *desc;
	uint64_t values[512], sum = 0;
	size_t size;

	check(pread(stats, &header, sizeof(header), 0) == sizeof(header), "the statistics");
	size = sizeof(*desc) + header.name_size;
	desc = malloc(size);
	check(!!desc, "memory");
	for (unsigned int i = 0; i < header.num_desc; i++) {
		check(pread(stats, desc, size, header.desc_offset + i * size) == (ssize_t)size,
		      "a statistic");
		if (strcmp(desc->name, "cycles_by_number"))
			continue;
		size = desc->size * sizeof(values[0]);
		check(size <= sizeof(values) &&
			      pread(stats, values, size, header.data_offset + desc->offset) ==
				      (ssize_t)size,
		      "cycles_by_number");
		for (unsigned int j = 0; j < desc->size; j++)
			sum += values[j];
		free(desc);
		return sum;
	}
	check(0, "there is no cycles_by_number");
	return 0;
}

/* Moves every CPU's TSC by that much. */
static void move_tsc(int64_t by)
{
	for (int cpu = 0; cpu < get_nprocs(); cpu++) {
		char name[32];
		uint64_t tsc;
		int fd;

		snprintf(name, sizeof(name), "/dev/cpu/%d/msr", cpu);
		fd = open(name, O_RDWR);
		check(fd >= 0, name);
		check(pread(fd, &tsc, sizeof(tsc), MSR_TSC) == sizeof(tsc), "RDMSR");
		tsc += by;
		check(pwrite(fd, &tsc, sizeof(tsc), MSR_TSC) == sizeof(tsc), "WRMSR");
		close(fd);
	}
}

static void set_tsc_back_and_forth(int kvm, int n)
{
	/* out %al, $0x80; jmp back */
	static const uint8_t code[] = { 0xe6, 0x80, 0xeb, 0xfc };
	void *memory =
		mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const struct kvm_userspace_memory_region region = {
		.memory_size = MEMORY,
		.userspace_addr = (uintptr_t)memory,
	};
	uint64_t begin, before = 0, now, moved = 0, forth = 0;
	int vm = create_vm(kvm), vcpu, stats;
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;

	check(memory != MAP_FAILED, "memory");
	memcpy(memory, code, sizeof(code));
	check(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	check(!enable(vm, 2), "KVM_ENABLE_CAP");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	check(vcpu >= 0, "KVM_CREATE_VCPU");
	check(!ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = sregs.cs.selector = 0;
	check(!ioctl(vcpu, KVM_SET_SREGS, &sregs) && !ioctl(vcpu, KVM_SET_REGS, &regs),
	      "registers");
	stats = ioctl(vcpu, KVM_GET_STATS_FD, NULL);
	check(stats >= 0, "KVM_GET_STATS_FD");

	begin = __rdtsc();
	for (int i = 0; i < n; i++) {
		check(!ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
		now = cycles(stats);
		errno = 0;
		check(now >= before, "the cycles went down");
		before = now;
		/* Back, then forth: so that what is left out once is not made good by the next. */
		if (i % 4 == 1) {
			uint64_t tsc = __rdtsc();

			move_tsc(-STEP);
			moved += __rdtsc() < tsc;
		} else if (i % 4 == 3) {
			move_tsc(STEP);
			forth += STEP;
		}
	}
	now = __rdtsc() - begin + forth;
	printf("%d exits, TSC set back %" PRIu64 " times; %" PRIu64 " cycles of %" PRIu64 "\n", n,
	       moved, before, now);
	check(before <= now, "more cycles than the run took");
	close(stats);
	close(vcpu);
	close(vm);
}

int main(int argc, char **argv)
{
	int kvm = open("/dev/kvm", O_RDWR), n = argc == 3 ? atoi(argv[2]) : 0;

	check(kvm >= 0, "/dev/kvm");
	if (n > 0 && !strcmp(argv[1], "enable"))
		enable_often(kvm, n);
	else if (n > 0 && !strcmp(argv[1], "clock"))
		set_tsc_back_and_forth(kvm, n);
	else
		return 2;
	return 0;
}
