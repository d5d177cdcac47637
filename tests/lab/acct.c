// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process with /dev/kvm does to the accounting, and what the host's TSC does to it.
 *   acct enable N   enables the capability N times, rightly and wrongly, and has VMs come and go
 *   acct clock N    has a vCPU exit N times to user space, which sets the TSC back and forth meanwhile
 *   acct reset      has a vCPU in user space while the TSC is set back as a suspend's firmware does it
 *   acct around COMMAND   runs a shell command while one vCPU runs, one halts, and one is in user space
 * Linked with the C library alone, for the emulated host.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
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
#define MSR_TSC_ADJUST 0x3b
#define STEP 20000000
#define MEMORY 0x1000
#define TSS 0xfffbd000
#define NUMBERS 193
#define TRIES 100000

/* Where the guest's code is for a vCPU that exits to user space all the time, and for one that halts. */
enum {
	OUT,
	HLT = 0x10
};

struct counters {
	uint64_t exits[NUMBERS];
	uint64_t cycles[NUMBERS];
	uint64_t sum; /* of all cycles */
};

struct vcpu {
	int fd, stats;
	struct kvm_run *run;
	struct counters counters;
	uint64_t born; /* TSC when it was created */
};

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

/* An array of a vCPU's statistics. */
static void read_array(int stats, const char *name, uint64_t *values)
{
	struct kvm_stats_header header;
	struct kvm_stats_desc *desc;
	size_t size;

	check(pread(stats, &header, sizeof(header), 0) == sizeof(header), "the statistics");
	size = sizeof(*desc) + header.name_size;
	desc = malloc(size);
	check(!!desc, "memory");
	for (unsigned int i = 0; i < header.num_desc; i++) {
		check(pread(stats, desc, size, header.desc_offset + i * size) == (ssize_t)size,
		      "a statistic");
		if (strcmp(desc->name, name))
			continue;
		size = NUMBERS * sizeof(*values);
		check(desc->size == NUMBERS &&
			      pread(stats, values, size, header.data_offset + desc->offset) ==
				      (ssize_t)size,
		      name);
		free(desc);
		return;
	}
	check(0, name);
}

/* Reads a vCPU's counters again: none may be lower than before. */
static void read_counters(struct vcpu *vcpu)
{
	struct counters *counters = &vcpu->counters, now = { .sum = 0 };

	read_array(vcpu->stats, "exits_by_number", now.exits);
	read_array(vcpu->stats, "cycles_by_number", now.cycles);
	errno = 0;
	for (unsigned int i = 0; i < NUMBERS; i++) {
		check(now.exits[i] >= counters->exits[i], "a count went down");
		check(now.cycles[i] >= counters->cycles[i], "cycles went down");
		now.sum += now.cycles[i];
	}
	*counters = now;
}

static int open_msrs(int cpu)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/dev/cpu/%d/msr", cpu);
	fd = open(name, O_RDWR);
	check(fd >= 0, name);
	return fd;
}

static uint64_t read_msr(int fd, off_t msr)
{
	uint64_t value;

	check(pread(fd, &value, sizeof(value), msr) == sizeof(value), "RDMSR");
	return value;
}

/* Moves every CPU's TSC by that much. */
static void move_tsc(int64_t by)
{
	for (int cpu = 0; cpu < get_nprocs(); cpu++) {
		int fd = open_msrs(cpu);
		uint64_t tsc = read_msr(fd, MSR_TSC) + by;

		check(pwrite(fd, &tsc, sizeof(tsc), MSR_TSC) == sizeof(tsc), "WRMSR");
		close(fd);
	}
}

/* The sum of all CPUs'. */
static uint64_t tsc_adjust(void)
{
	uint64_t sum = 0;

	for (int cpu = 0; cpu < get_nprocs(); cpu++) {
		int fd = open_msrs(cpu);

		sum += read_msr(fd, MSR_TSC_ADJUST);
		close(fd);
	}
	return sum;
}

/* A VM with its memory, for vCPUs that the host accounts for. */
static int create_guest(int kvm)
{
	/* out %al, $0x80; jmp back.  hlt; jmp back. */
	static const uint8_t out[] = { 0xe6, 0x80, 0xeb, 0xfc }, hlt[] = { 0xf4, 0xeb, 0xfd };
	uint8_t *memory =
		mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const struct kvm_userspace_memory_region region = {
		.memory_size = MEMORY,
		.userspace_addr = (uintptr_t)memory,
	};
	int vm = create_vm(kvm);

	check(memory != MAP_FAILED, "memory");
	memcpy(memory + OUT, out, sizeof(out));
	memcpy(memory + HLT, hlt, sizeof(hlt));
	check(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	check(!enable(vm, 2), "KVM_ENABLE_CAP");
	return vm;
}

static void make_runnable(const struct vcpu *vcpu)
{
	const struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };

	check(!ioctl(vcpu->fd, KVM_SET_MP_STATE, &state), "KVM_SET_MP_STATE");
}

static void create_vcpu(int kvm, int vm, int id, int code, struct vcpu *vcpu)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_regs regs = { .rflags = 2, .rip = code };
	struct kvm_sregs sregs;

	*vcpu = (struct vcpu){ .born = __rdtsc(), .fd = ioctl(vm, KVM_CREATE_VCPU, id) };
	check(vcpu->fd >= 0, "KVM_CREATE_VCPU");
	vcpu->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	check(vcpu->run != MAP_FAILED, "struct kvm_run");
	check(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = sregs.cs.selector = 0;
	check(!ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) && !ioctl(vcpu->fd, KVM_SET_REGS, &regs),
	      "registers");
	make_runnable(vcpu);
	vcpu->stats = ioctl(vcpu->fd, KVM_GET_STATS_FD, NULL);
	check(vcpu->stats >= 0, "KVM_GET_STATS_FD");
}

/* Until its next exit to user space; whatever interrupts that, a suspend among others. */
static void run_until_out(const struct vcpu *vcpu)
{
	int r;

	do {
		r = ioctl(vcpu->fd, KVM_RUN, 0);
	} while (r < 0 && errno == EINTR);
	check(!r && vcpu->run->exit_reason == KVM_EXIT_IO, "KVM_RUN");
}

static void set_tsc_back_and_forth(int kvm, int n)
{
	int vm = create_guest(kvm);
	uint64_t now, moved = 0, forth = 0;
	struct vcpu vcpu;

	create_vcpu(kvm, vm, 0, OUT, &vcpu);
	for (int i = 0; i < n; i++) {
		run_until_out(&vcpu);
		read_counters(&vcpu);
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
	now = __rdtsc() - vcpu.born + forth;
	printf("%d exits, TSC set back %" PRIu64 " times; %" PRIu64 " cycles of %" PRIu64 "\n", n,
	       moved, vcpu.counters.sum, now);
	check(vcpu.counters.sum <= now, "more cycles than the run took");
}

/*
 * Linux undoes what firmware did to the TSC, on a CPU that it starts and on one that idles.  KVM finds
 * the TSC of the CPU that is started behind where the vCPU was, and takes it for a suspend.
 */
static void reset_tsc(int kvm)
{
	const uint64_t adjust = tsc_adjust();
	int vm = create_guest(kvm), tries = TRIES, msrs;
	uint64_t start, took, before, age;
	struct vcpu vcpu;

	create_vcpu(kvm, vm, 0, OUT, &vcpu);
	run_until_out(&vcpu);
	move_tsc(STEP);
	run_until_out(&vcpu);
	read_counters(&vcpu);
	before = vcpu.counters.sum;
	check(!system("cd /sys/devices/system/cpu/cpu1 && echo 0 >online && echo 1 >online"),
	      "cpu1/online");
	/* KVM lets the TSC stand still up to here, but no longer. */
	msrs = open_msrs(1);
	start = read_msr(msrs, MSR_TSC);
	while (tsc_adjust() != adjust && tries--)
		usleep(10000);
	check(tries >= 0, "the TSC has not been set back");
	took = read_msr(msrs, MSR_TSC) - start;

	run_until_out(&vcpu);
	read_counters(&vcpu);
	age = __rdtsc() - vcpu.born + STEP;
	printf("%" PRIu64 " cycles of %" PRIu64 ", of them %" PRIu64
	       " since it was set back, of %" PRIu64 "\n",
	       vcpu.counters.sum, age, vcpu.counters.sum - before, took);
	check(vcpu.counters.sum <= age, "more cycles than the run took");
	check(vcpu.counters.sum - before >= took, "cycles are missing");
}

/* ---- around a command ---- */

static atomic_bool stop;

static void interrupt(int signal)
{
	(void)signal;
}

/* Returns how often it exited to user space. */
static void *run_all_the_time(void *argument)
{
	uintptr_t n;

	for (n = 0; !stop; n++)
		run_until_out(argument);
	return (void *)n;
}

/* Stays halted, until SIGUSR1 lets it go on to the next HLT. */
static void *halt(void *argument)
{
	const struct vcpu *vcpu = argument;

	while (!stop) {
		check(ioctl(vcpu->fd, KVM_RUN, 0) < 0 && errno == EINTR, "KVM_RUN");
		if (!stop)
			make_runnable(vcpu);
	}
	return NULL;
}

static int number(int svm, int vmx)
{
	return access("/sys/module/kvm_amd", F_OK) ? vmx : svm;
}

/* Until both threads' vCPUs have exited once more than when they were last looked at. */
static void wait_for_exits(struct vcpu *running, struct vcpu *halted, pthread_t halt_thread)
{
	const int io = number(0x7b, 30), hlt = number(0x78, 12);
	uint64_t outs = running->counters.exits[io], hlts = halted->counters.exits[hlt];

	for (int i = 0; i < TRIES; i++) {
		pthread_kill(halt_thread, SIGUSR1);
		usleep(100);
		read_counters(running);
		read_counters(halted);
		if (running->counters.exits[io] > outs && halted->counters.exits[hlt] > hlts)
			return;
	}
	check(0, "a vCPU stands still");
}

static void around(int kvm, const char *command)
{
	static const char *const names[] = { "running", "halted", "in user space" };
	enum {
		RUNNING,
		HALTED,
		IN_USER_SPACE,
		NR
	};
	const struct sigaction action = { .sa_handler = interrupt };
	static struct vcpu vcpus[NR];
	uint64_t start, took, before[NR], age;
	int vm = create_guest(kvm);
	pthread_t threads[2];
	void *outs;

	check(!sigaction(SIGUSR1, &action, NULL), "sigaction");
	for (int i = 0; i < NR; i++)
		create_vcpu(kvm, vm, i, i == HALTED ? HLT : OUT, &vcpus[i]);
	check(!pthread_create(&threads[RUNNING], NULL, run_all_the_time, &vcpus[RUNNING]) &&
		      !pthread_create(&threads[HALTED], NULL, halt, &vcpus[HALTED]),
	      "threads");
	run_until_out(&vcpus[IN_USER_SPACE]);
	wait_for_exits(&vcpus[RUNNING], &vcpus[HALTED], threads[HALTED]);

	for (int i = 0; i < NR; i++)
		before[i] = vcpus[i].counters.sum;
	start = __rdtsc();
	check(!system(command), command);
	took = __rdtsc() - start;

	/* What was open ends. */
	for (int i = 0; i < NR; i++)
		read_counters(&vcpus[i]);
	run_until_out(&vcpus[IN_USER_SPACE]);
	wait_for_exits(&vcpus[RUNNING], &vcpus[HALTED], threads[HALTED]);
	stop = true;
	vcpus[HALTED].run->immediate_exit = 1;
	pthread_kill(threads[HALTED], SIGUSR1);
	pthread_join(threads[RUNNING], &outs);
	pthread_join(threads[HALTED], NULL);

	for (int i = 0; i < NR; i++) {
		struct vcpu *vcpu = &vcpus[i];

		read_counters(vcpu);
		age = __rdtsc() - vcpu->born;
		printf("%s: %" PRIu64 " cycles of %" PRIu64 ", of them %" PRIu64
		       " around what took %" PRIu64 "\n",
		       names[i], vcpu->counters.sum, age, vcpu->counters.sum - before[i], took);
		check(vcpu->counters.sum <= age, "more cycles than the vCPU is old");
		/* All three are out of the guest nearly all of the time. */
		check(vcpu->counters.sum - before[i] >= took / 2, "cycles are missing");
	}
	check(vcpus[RUNNING].counters.exits[number(0x7b, 30)] == (uintptr_t)outs,
	      "not as many exits as there were");
}

int main(int argc, char **argv)
{
	int kvm = open("/dev/kvm", O_RDWR), n = argc == 3 ? atoi(argv[2]) : 0;

	check(kvm >= 0, "/dev/kvm");
	if (n > 0 && !strcmp(argv[1], "enable"))
		enable_often(kvm, n);
	else if (n > 0 && !strcmp(argv[1], "clock"))
		set_tsc_back_and_forth(kvm, n);
	else if (argc == 2 && !strcmp(argv[1], "reset"))
		reset_tsc(kvm);
	else if (argc == 3 && !strcmp(argv[1], "around"))
		around(kvm, argv[2]);
	else
		return 2;
	return 0;
}
