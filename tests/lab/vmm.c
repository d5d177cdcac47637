// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMMs of a kind that exitcheck is not, whose guests read the exit leaves, for `exitcheck audit`, `stat` and `export` to watch.
 *   vmm idle      vCPU 0 runs and then never again; vCPU 1 runs once there is a file /tmp/go
 *   vmm supply    the VMM has CPUID entries of its own for some of the leaves
 *   vmm vms N     N VMs in turn
 *   vmm vcpus N   a VM with so many vCPUs
 *   vmm threads N N threads, one after the other, run the same vCPU
 *   vmm fleet N   N VMs with 8 vCPUs; once all have run there is a file /tmp/ran, and they are at rest until it is killed
 *   vmm details N a VM whose exits have known details, so many times
 *   vmm halts N U a VM that halts N times, and is woken every U microseconds; prints for how long, by the guest's clock
 *   vmm waits N   a VM that runs N rounds; prints how long its thread waited for a CPU, by the scheduler
 *   vmm forever   until it is killed
 * Linked with the C library alone, for the emulated host.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CAP_EXIT_LEAVES 20476
#define LEAF_FIRST 0x4ffffff7
#define LEAF_EXITS 0x4ffffffd
#define LEAF_TOTAL_EXITS 0x4fffffff
#define TSS 0xfffbd000
#define MEMORY 0x1000
#define ROUNDS 20
#define MAX_VCPUS 512
#define IRQ 4 /* which is its vector, too, until the guest says otherwise */

struct vm {
	int fd;
	int vcpu[MAX_VCPUS];
	unsigned int nr;
	uint8_t *memory;
};

static int kvm;
static long run_size;

static void check(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "vmm: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Reads each leaf, with CPUID's exit number on SVM, and exits to user space; over and over. */
static void write_guest(uint8_t *code)
{
	for (uint32_t leaf = LEAF_FIRST; leaf <= LEAF_TOTAL_EXITS; leaf++) {
		const uint32_t number = 0x72;

		/* mov $leaf, %eax; mov $number, %ecx; cpuid */
		*code++ = 0x66;
		*code++ = 0xb8;
		memcpy(code, &leaf, sizeof(leaf));
		code += sizeof(leaf);
		*code++ = 0x66;
		*code++ = 0xb9;
		memcpy(code, &number, sizeof(number));
		code += sizeof(number);
		*code++ = 0x0f;
		*code++ = 0xa2;
	}
	/* out %al, $0x10; ljmp $0, $MEMORY */
	memcpy(code, (const uint8_t[]){ 0xe6, 0x10, 0xea, 0x00, 0x10, 0x00, 0x00 }, 7);
}

static void create_vcpu(struct vm *vm)
{
	int fd = ioctl(vm->fd, KVM_CREATE_VCPU, vm->nr);
	struct kvm_regs regs = { .rip = MEMORY, .rflags = 2, .rsp = 0x800 };
	struct kvm_sregs sregs;

	check(fd >= 0, "KVM_CREATE_VCPU");
	check(!ioctl(fd, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = sregs.cs.selector = 0;
	check(!ioctl(fd, KVM_SET_SREGS, &sregs) && !ioctl(fd, KVM_SET_REGS, &regs), "KVM_SET_REGS");
	vm->vcpu[vm->nr++] = fd;
}

static struct vm create_vm(unsigned int vcpus)
{
	struct vm vm = { .fd = ioctl(kvm, KVM_CREATE_VM, 0) };
	const struct kvm_enable_cap cap = { .cap = CAP_EXIT_LEAVES, .args = { 1 } };
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = MEMORY,
		.memory_size = MEMORY,
	};
	void *memory =
		mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(vm.fd >= 0 && memory != MAP_FAILED, "KVM_CREATE_VM");
	check(!ioctl(vm.fd, KVM_SET_TSS_ADDR, TSS), "KVM_SET_TSS_ADDR");
	/* For `exitcheck stat` an unpatched KVM does. */
	check(!ioctl(kvm, KVM_CHECK_EXTENSION, CAP_EXIT_LEAVES) ||
		      !ioctl(vm.fd, KVM_ENABLE_CAP, &cap),
	      "KVM_ENABLE_CAP");
	vm.memory = memory;
	write_guest(memory);
	region.userspace_addr = (uintptr_t)memory;
	check(!ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	while (vm.nr < vcpus)
		create_vcpu(&vm);
	return vm;
}

static void destroy_vm(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr; i++)
		close(vm->vcpu[i]);
	close(vm->fd);
}

/* Each round reads all leaves once. */
static void run(int vcpu, unsigned int rounds)
{
	struct kvm_run *state = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	check(state != MAP_FAILED, "the vCPU's state");
	for (unsigned int i = 0; i < rounds; i++)
		check(!ioctl(vcpu, KVM_RUN, 0) && state->exit_reason == KVM_EXIT_IO, "KVM_RUN");
	munmap(state, run_size);
}

static void say_ran(void)
{
	check(close(open("/tmp/ran", O_CREAT | O_WRONLY, 0600)) == 0, "/tmp/ran");
}

static void idle(void)
{
	struct vm vm = create_vm(2);

	run(vm.vcpu[0], ROUNDS);
	say_ran();
	while (access("/tmp/go", F_OK))
		usleep(50000);
	run(vm.vcpu[1], ROUNDS);
	destroy_vm(&vm);
}

static void supply(void)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[2];
	} cpuid = {
		.head.nent = 2,
		.entry = {
			{ .function = LEAF_TOTAL_EXITS, .eax = 77 },
			{
				.function = LEAF_EXITS,
				.index = 0x72,
				.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
				.eax = 78,
			},
		},
	};
	struct vm vm = create_vm(1);

	check(!ioctl(vm.vcpu[0], KVM_SET_CPUID2, &cpuid), "KVM_SET_CPUID2");
	run(vm.vcpu[0], ROUNDS);
	destroy_vm(&vm);
}

static void *run_once(void *vcpu)
{
	run(*(int *)vcpu, 1);
	return NULL;
}

static void threads(unsigned int n)
{
	struct vm vm = create_vm(1);
	pthread_t thread;

	for (unsigned int i = 0; i < n; i++)
		check(!pthread_create(&thread, NULL, run_once, &vm.vcpu[0]) &&
			      !pthread_join(thread, NULL),
		      "a thread");
	destroy_vm(&vm);
}

static void fleet(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct vm vm = create_vm(8);

		for (unsigned int j = 0; j < vm.nr; j++)
			run(vm.vcpu[j], 2);
	}
	say_ran();
	pause();
}

/* Each round exits once for each of these, and with 300 leaves of CPUID. */
static void write_details(uint8_t *code)
{
	/* The hypercall's last byte is VMCALL's or VMMCALL's. */
	const uint8_t hypercall = access("/sys/module/kvm_amd", F_OK) ? 0xc1 : 0xd9;
	const uint8_t guest[] = {
		0x66, 0xb9, 0x8b, 0x00, 0x00, 0x00, 0x0f, 0x32, /* mov $0x8b, %ecx; rdmsr */
		0x66, 0xb9, 0x79, 0x00, 0x00, 0x00, 0x66, 0x31, /* mov $0x79, %ecx; xor %eax, %eax */
		0xc0, 0x66, 0x31, 0xd2, 0x0f, 0x30,		/* xor %edx, %edx; wrmsr */
		0x66, 0xb8, 0x4d, 0x00, 0x00, 0x00, 0x0f, 0x01, hypercall, /* mov $77, %eax */
		0xba, 0x34, 0x12, 0xed, 0x66, 0xef, /* mov $0x1234, %dx; in %dx, %ax; out %eax, %dx */
		0xb8, 0x00, 0xb0, 0x8e, 0xd8,	    /* mov $0xb000, %ax; mov %ax, %ds */
		0xa0, 0x00, 0x00,		    /* mov 0, %al: there is no memory */
		0x66, 0x31, 0xf6,		    /* xor %esi, %esi */
		0x66, 0x89, 0xf0, 0x0f, 0xa2,	    /* mov %esi, %eax; cpuid */
		0x66, 0x46, 0x66, 0x81, 0xfe, 0x2c, 0x01, 0x00, 0x00, /* inc %esi; cmp $300, %esi */
		0x72, 0xf0,					      /* jb */
		0xe6, 0x10, 0xea, 0x00, 0x10, 0x00, 0x00, /* out %al, $0x10; ljmp $0, $MEMORY */
	};

	memcpy(code, guest, sizeof(guest));
}

static void details(unsigned int n)
{
	struct vm vm = create_vm(1);
	struct kvm_run *state =
		mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm.vcpu[0], 0);

	check(state != MAP_FAILED, "the vCPU's state");
	write_details(vm.memory);
	while (n) {
		check(!ioctl(vm.vcpu[0], KVM_RUN, 0) && (state->exit_reason == KVM_EXIT_IO ||
							 state->exit_reason == KVM_EXIT_MMIO),
		      "KVM_RUN");
		n -= state->exit_reason == KVM_EXIT_IO && state->io.port == 0x10;
	}
	munmap(state, run_size);
	destroy_vm(&vm);
}

/* Adds up how long each HLT takes, in 16 cycles, until ECX is 0; an interrupt ends it. */
static void write_halts(uint8_t *code)
{
	static const uint8_t guest[] = {
		0x0f, 0x31, 0x66, 0x89, 0xc3,		  /* rdtsc; mov %eax, %ebx */
		0xfb, 0xf4, 0xfa,			  /* sti; hlt; cli */
		0x0f, 0x31, 0x66, 0x29, 0xd8,		  /* rdtsc; sub %ebx, %eax */
		0x66, 0xc1, 0xe8, 0x04, 0x66, 0x01, 0xc7, /* shr $4, %eax; add %eax, %edi */
		0x66, 0x49, 0x75, 0xe8,			  /* dec %ecx; jnz */
		0x66, 0x89, 0xf8, 0x66, 0xe7, 0x10,	  /* mov %edi, %eax; out %eax, $0x10 */
	};
	static const uint8_t vector[] = { 0x00, 0x19, 0x00, 0x00 }; /* 0:0x1900 */
	static const uint8_t handler[] = { 0xb0, 0x20, 0xe6, 0x20,
					   0xcf }; /* out $0x20, $0x20; iret */

	memcpy(code, guest, sizeof(guest));
	memcpy(code + 0x800 + IRQ * sizeof(vector), vector, sizeof(vector));
	memcpy(code + 0x900, handler, sizeof(handler));
}

struct waker {
	int vm;
	unsigned int us;
};

static void *wake(void *context)
{
	const struct waker *waker = context;
	struct kvm_irq_level line = { .irq = IRQ };

	for (;;) {
		usleep(waker->us);
		for (line.level = 1; line.level <= 1; line.level--)
			check(!ioctl(waker->vm, KVM_IRQ_LINE, &line), "KVM_IRQ_LINE");
	}
	return NULL;
}

/* KVM's own statistic of a vCPU, in ms. */
static double statistic_ms(int vcpu, const char *name)
{
	int fd = ioctl(vcpu, KVM_GET_STATS_FD, 0);
	struct kvm_stats_header header;
	struct kvm_stats_desc *desc;
	uint64_t value = 0;

	check(fd >= 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header), "statistics");
	desc = malloc(sizeof(*desc) + header.name_size);
	for (uint32_t i = 0; desc && i < header.num_desc; i++) {
		const size_t size = sizeof(*desc) + header.name_size;

		check(pread(fd, desc, size, header.desc_offset + i * size) == (ssize_t)size,
		      "statistics");
		if (!strcmp(desc->name, name))
			check(pread(fd, &value, sizeof(value), header.data_offset + desc->offset) ==
				      sizeof(value),
			      "statistics");
	}
	free(desc);
	close(fd);
	return (double)value / 1e6;
}

static void halts(unsigned int n, unsigned int us)
{
	struct vm vm = create_vm(0);
	struct waker waker = { .vm = vm.fd, .us = us };
	struct kvm_regs regs = { .rip = MEMORY, .rflags = 2, .rsp = 0x1800, .rcx = n };
	struct kvm_run *state;
	struct kvm_sregs sregs;
	pthread_t thread;
	uint32_t sum;

	check(!ioctl(vm.fd, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	create_vcpu(&vm);
	write_halts(vm.memory);
	check(!ioctl(vm.vcpu[0], KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.idt.base = MEMORY + 0x800;
	sregs.idt.limit = 0x3ff;
	check(!ioctl(vm.vcpu[0], KVM_SET_SREGS, &sregs) && !ioctl(vm.vcpu[0], KVM_SET_REGS, &regs),
	      "KVM_SET_REGS");
	state = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm.vcpu[0], 0);
	check(state != MAP_FAILED && !pthread_create(&thread, NULL, wake, &waker), "a thread");
	check(!ioctl(vm.vcpu[0], KVM_RUN, 0) && state->exit_reason == KVM_EXIT_IO, "KVM_RUN");
	memcpy(&sum, (char *)state + state->io.data_offset, sizeof(sum));
	printf("halted %.3f ms by the guest's clock, blocked %.3f and polling %.3f by KVM's\n",
	       sum * 16.0 / ioctl(vm.vcpu[0], KVM_GET_TSC_KHZ, 0),
	       statistic_ms(vm.vcpu[0], "halt_wait_ns"),
	       statistic_ms(vm.vcpu[0], "halt_poll_success_ns") +
		       statistic_ms(vm.vcpu[0], "halt_poll_fail_ns"));
}

/* How long this thread was ready to run without a CPU, in ms. */
static double waited_ms(void)
{
	FILE *file = fopen("/proc/thread-self/schedstat", "re");
	unsigned long long waited = 0;

	check(file && fscanf(file, "%*s %llu", &waited) == 1, "schedstat");
	fclose(file);
	return (double)waited / 1e6;
}

static void waits(unsigned int n)
{
	struct vm vm = create_vm(1);
	double before;

	run(vm.vcpu[0], 1);
	before = waited_ms();
	run(vm.vcpu[0], n);
	printf("waited %.3f ms by the scheduler\n", waited_ms() - before);
	destroy_vm(&vm);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	unsigned int n = argc > 2 ? atoi(argv[2]) : 0;
	struct vm vm;

	kvm = open("/dev/kvm", O_RDWR);
	check(kvm >= 0, "/dev/kvm");
	run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (!strcmp(what, "idle")) {
		idle();
	} else if (!strcmp(what, "supply")) {
		supply();
	} else if (!strcmp(what, "vms")) {
		for (unsigned int i = 0; i < n; i++) {
			vm = create_vm(1);
			run(vm.vcpu[0], ROUNDS);
			destroy_vm(&vm);
		}
	} else if (!strcmp(what, "vcpus") && n <= MAX_VCPUS) {
		vm = create_vm(n);
		for (unsigned int i = 0; i < 2 * n; i++)
			run(vm.vcpu[i % n], 1);
		destroy_vm(&vm);
	} else if (!strcmp(what, "threads")) {
		threads(n);
	} else if (!strcmp(what, "fleet")) {
		fleet(n);
	} else if (!strcmp(what, "halts")) {
		halts(n, argc > 3 ? atoi(argv[3]) : 1000);
	} else if (!strcmp(what, "waits")) {
		waits(n);
	} else if (!strcmp(what, "details")) {
		details(n);
	} else if (!strcmp(what, "forever")) {
		vm = create_vm(1);
		for (;;)
			run(vm.vcpu[0], ROUNDS);
	} else {
		fprintf(stderr, "vmm: see the first lines of its source\n");
		return 2;
	}
	return 0;
}
