// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/test_vm.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm/kvm.h"
#include "kvm/event.h"
#include "kvm/features.h"
#include "kvm/guest_memory.h"

_Static_assert(VCPU_BLOCKS + TEST_VM_MAX_VCPUS * VCPU_BLOCK_SIZE <= TOUCH_BASE, "slots 0 and 1");
_Static_assert(TOUCH_BASE + TEST_VM_MAX_VCPUS * TOUCH_SIZE <= PROBE_MMIO_ADDR, "slot 1 and MMIO");

#define CR0_GUEST 0x80010033u /* PG, WP, NE, ET, MP, PE */
#define CR4_PAE (1u << 5)
#define CR4_OSXSAVE (1u << 18)
#define EFER_LONG_MODE 0x500u	/* LMA, LME */
#define APIC_BASE_X2APIC 0xc00u /* enabled, in x2APIC mode */
#define MSR_FEATURE_CONTROL 0x3a
#define MSR_SMBASE 0x9e
#define FEATURE_CONTROL_VMX 0x5 /* locked, with VMX */
#define CPUID_1_ECX_VMX (1u << 5)
#define CPUID_EXT_1_ECX_SVM (1u << 2)
#define CPUID_1_ECX_X2APIC (1u << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID_1_ECX_XSAVE (1u << 26)
#define CPUID_7_ECX_UMIP (1u << 2)
#define TSS_ADDR 0xfffbd000u /* for KVM's own use, on CPUs without unrestricted guest */

struct test_vm {
	struct test_vm_config config;
	struct vcpu_group group;
	int kvm_fd, vm_fd;
	size_t run_size;
	bool opted_in;
	struct guest_features features;
	struct kvm_cpuid2 *cpuid; /* what the guest is given */
	struct guest_memory memory;
	atomic_int nr_threads; /* of vCPUs: as many as were created */
	int next_id;	       /* of KVM's vCPUs */
	struct vcpu *vcpus;
};

/* ---- interruption ---- */

/* The VMs that test_vm_interrupt_all() reaches, maybe from a signal handler. */
static _Atomic(struct test_vm *) live[TEST_VM_MAX];
static atomic_int interrupters;

static void kick_all(const struct test_vm *vm)
{
	for (int i = 0; i < vm->nr_threads; i++)
		vcpu_kick(&vm->vcpus[i]);
}

void test_vm_interrupt_all(void)
{
	int saved_errno = errno;
	struct test_vm *vm;
	int i;

	vcpu_interrupt();
	atomic_fetch_add(&interrupters, 1);
	for (i = 0; i < TEST_VM_MAX; i++) {
		vm = atomic_load(&live[i]);
		if (vm)
			kick_all(vm);
	}
	atomic_fetch_sub(&interrupters, 1);
	errno = saved_errno;
}

static int go_live(struct test_vm *vm, struct error *err)
{
	struct test_vm *none;

	for (int i = 0; i < TEST_VM_MAX; i++) {
		none = NULL;
		if (atomic_compare_exchange_strong(&live[i], &none, vm))
			return 0;
	}
	return error_set(err, STATUS_CANNOT_RUN, "more than %d test VMs at a time", TEST_VM_MAX);
}

static void leave_live(struct test_vm *vm)
{
	struct test_vm *expected;

	for (int i = 0; i < TEST_VM_MAX; i++) {
		expected = vm;
		atomic_compare_exchange_strong(&live[i], &expected, NULL);
	}
	/* Another thread may still be on its way through it. */
	while (atomic_load(&interrupters))
		sched_yield();
}

/* ---- the VM ---- */

static int opt_in(struct test_vm *vm, struct error *err)
{
	struct kvm_enable_cap enable = {
		.cap = KVM_CAP_X86_EXIT_LEAVES,
		.args = { vm->config.asks },
	};
	int offered = KVM(vm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_EXIT_LEAVES, err);

	if (offered < 0)
		return STATUS_CANNOT_RUN;
	if (vm->config.asks & ~(uint64_t)offered)
		return 0;
	if (KVM(vm->vm_fd, KVM_ENABLE_CAP, &enable, err) < 0)
		return STATUS_CANNOT_RUN;
	vm->opted_in = true;
	return 0;
}

static int create_vm(struct test_vm *vm, struct error *err)
{
	int run_size, status;

	vm->kvm_fd = open(DEV_KVM, O_RDWR | O_CLOEXEC);
	if (vm->kvm_fd < 0)
		return system_error(err, "open " DEV_KVM, errno);
	run_size = KVM(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0, err);
	if (run_size < 0)
		return STATUS_CANNOT_RUN;
	vm->run_size = run_size;
	vm->vm_fd = KVM(vm->kvm_fd, KVM_CREATE_VM, 0, err);
	if (vm->vm_fd < 0)
		return STATUS_CANNOT_RUN;
	if (vm->config.isa == EXIT_ISA_VMX && KVM(vm->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDR, err) < 0)
		return STATUS_CANNOT_RUN;
	if (vm->config.irqchip && KVM(vm->vm_fd, KVM_CREATE_IRQCHIP, 0, err) < 0)
		return STATUS_CANNOT_RUN;
	if (vm->config.asks) {
		status = opt_in(vm, err);
		if (status)
			return status;
	}
	status = guest_memory_add(&vm->memory, vm->vm_fd, vm->config.nr_vcpus, err);
	vm->features.smm = vm->memory.smram;
	return status;
}

/* What KVM offers, to be passed on to the guest as it is; and the features of KVM's own APIC. */
static int read_cpuid(struct test_vm *vm, struct kvm_cpuid2 **cpuid, struct error *err)
{
	struct kvm_cpuid_entry2 *entry;
	unsigned int i;

	*cpuid = calloc(1, CPUID2_SIZE(MAX_CPUID_ENTRIES));
	if (!*cpuid)
		return system_error(err, "calloc", errno);
	(*cpuid)->nent = MAX_CPUID_ENTRIES;
	if (KVM(vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, *cpuid, err) < 0)
		return STATUS_CANNOT_RUN;
	for (i = 0; i < (*cpuid)->nent; i++) {
		entry = &(*cpuid)->entries[i];
		if (entry->function == 1) {
			vm->features.xsave = entry->ecx & CPUID_1_ECX_XSAVE;
			vm->features.nested |= entry->ecx & CPUID_1_ECX_VMX;
			if (vm->config.irqchip)
				entry->ecx |= CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE;
		} else if (entry->function == 7 && entry->index == 0) {
			vm->features.umip = entry->ecx & CPUID_7_ECX_UMIP;
		} else if (entry->function == 0x80000001) {
			vm->features.nested |= entry->ecx & CPUID_EXT_1_ECX_SVM;
		}
	}
	return 0;
}

static void set_segment(struct kvm_segment *segment, unsigned int selector, unsigned int type)
{
	*segment = (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.g = 1,
	};
}

/* 64-bit mode; the guest brings its own GDT and IDT. */
static int set_registers(const struct test_vm *vm, struct vcpu *vcpu, struct error *err)
{
	uint64_t shared = VCPU_BLOCKS + vcpu->id * VCPU_BLOCK_SIZE + PROBE_PAGE_SIZE;
	struct kvm_sregs *sregs = &vcpu->sregs;
	int ms_cycles = KVM(vcpu->fd, KVM_GET_TSC_KHZ, 0, err);

	if (ms_cycles < 0 || KVM(vcpu->fd, KVM_GET_SREGS, sregs, err) < 0 ||
	    KVM(vcpu->fd, KVM_GET_VCPU_EVENTS, &vcpu->events, err) < 0)
		return STATUS_CANNOT_RUN;

	set_segment(&sregs->cs, 0x08, 0xb); /* code, readable, accessed */
	sregs->cs.l = 1;
	set_segment(&sregs->ds, 0x10, 0x3); /* data, writable, accessed */
	sregs->ds.db = 1;
	sregs->es = sregs->fs = sregs->gs = sregs->ss = sregs->ds;
	sregs->tr = (struct kvm_segment){ .limit = 0x67, .type = 0xb, .present = 1 };
	sregs->ldt = (struct kvm_segment){ .unusable = 1 };
	sregs->cr0 = CR0_GUEST;
	sregs->cr3 = PAGE_TABLES;
	sregs->cr4 = CR4_PAE | (vm->features.xsave ? CR4_OSXSAVE : 0);
	sregs->efer = EFER_LONG_MODE;
	if (vm->config.irqchip)
		sregs->apic_base |= APIC_BASE_X2APIC;
	vcpu->regs = (struct kvm_regs){
		.rip = PROBE_IMAGE_ADDR,
		.rdi = shared,
		.rflags = 2, /* the bit that is always set; interrupts are off */
	};
	vcpu->shared = (struct probe_shared *)(vm->memory.ram + shared);
	vcpu->shared->isa = vm->config.isa;
	vcpu->shared->ms_cycles = ms_cycles;
	vcpu->shared->stgi_exits = !unsupported_reason(PROBE_STGI, vm->config.isa, &vm->features);
	vcpu->touch = vm->memory.touch + vcpu->id * TOUCH_SIZE;
	vcpu->shared->touch = TOUCH_BASE + vcpu->id * TOUCH_SIZE;
	return vcpu_reset(vcpu, err);
}

/* As firmware does: 1 or, if KVM refuses it, 0; a negative number on errors. */
static int set_up_msrs(const struct test_vm *vm, const struct vcpu *vcpu, struct error *err)
{
	int set = 0;

	if (vm->config.isa == EXIT_ISA_VMX && vm->features.nested)
		set = kvm_set_msr(vcpu->fd, MSR_FEATURE_CONTROL, FEATURE_CONTROL_VMX, err);
	if (set >= 0 && vm->features.smm)
		set = kvm_set_msr(vcpu->fd, MSR_SMBASE, SMBASE + vcpu->id * SMRAM_SIZE, err);
	return set;
}

static int create_vcpu(struct test_vm *vm, struct vcpu *vcpu, const struct kvm_cpuid2 *const *cpuid,
		       unsigned int nr, struct error *err)
{
	vcpu->fd = KVM(vm->vm_fd, KVM_CREATE_VCPU, (long)vm->next_id, err);
	if (vcpu->fd < 0)
		return STATUS_CANNOT_RUN;
	vm->next_id += vm->config.id_step ?: 1;
	vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return system_error(err, "mmap of the vCPU", errno);
	}
	for (unsigned int i = 0; i < nr; i++)
		if (KVM(vcpu->fd, KVM_SET_CPUID2, cpuid[i], err) < 0)
			return STATUS_CANNOT_RUN;
	if (set_up_msrs(vm, vcpu, err) < 0)
		return STATUS_CANNOT_RUN;
	return set_registers(vm, vcpu, err);
}

int test_vm_add_vcpu(struct test_vm *vm, const struct kvm_cpuid2 *const *cpuid, unsigned int nr,
		     struct error *err)
{
	struct vcpu *vcpu = &vm->vcpus[vm->nr_threads];
	bool created;
	int status;

	status = create_vcpu(vm, vcpu, cpuid, nr, err);
	if (status)
		return status;
	status = vcpu_start_thread(vcpu, &created, err);
	vm->nr_threads += created;
	return status;
}

static int create_vcpus(struct test_vm *vm, struct error *err)
{
	const struct kvm_cpuid2 *cpuid;
	int status;

	status = read_cpuid(vm, &vm->cpuid, err);
	cpuid = vm->cpuid;
	while (!status && !vm->config.by_hand && vm->nr_threads < vm->config.nr_vcpus)
		status = test_vm_add_vcpu(vm, &cpuid, 1, err);
	return status;
}

static int init_vcpus(struct test_vm *vm, struct error *err)
{
	struct vcpu *vcpu;

	vm->vcpus = calloc(vm->config.nr_vcpus, sizeof(*vm->vcpus));
	if (!vm->vcpus)
		return system_error(err, "calloc", errno);
	for (int i = 0; i < vm->config.nr_vcpus; i++) {
		vcpu = &vm->vcpus[i];
		vcpu->group = &vm->group;
		vcpu->id = i;
		vcpu->fd = vcpu->exits.fd = -1;
		pthread_mutex_init(&vcpu->lock, NULL);
		pthread_cond_init(&vcpu->changed, NULL);
	}
	return 0;
}

int test_vm_create(struct test_vm **created, const struct test_vm_config *config, struct error *err)
{
	struct test_vm *vm;
	int status;

	*created = NULL;
	if (config->nr_vcpus < 1 || config->nr_vcpus > TEST_VM_MAX_VCPUS)
		return error_set(err, STATUS_USAGE, "a test VM has 1 to %d vCPUs",
				 TEST_VM_MAX_VCPUS);
	if (!config->timeout_ms)
		return error_set(err, STATUS_USAGE, "a test VM needs a timeout");
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return system_error(err, "calloc", errno);
	vm->config = *config;
	vm->group.timeout_ms = config->timeout_ms;
	vm->group.events = &vcpu_events;
	vm->kvm_fd = vm->vm_fd = -1;
	pthread_rwlock_init(&vm->group.fresh, NULL);

	status = vcpu_install_handler(err);
	if (!status)
		status = init_vcpus(vm, err);
	if (!status)
		status = create_vm(vm, err);
	if (!status)
		status = create_vcpus(vm, err);
	if (!status)
		status = go_live(vm, err);
	if (status)
		test_vm_destroy(vm);
	else
		*created = vm;
	return status;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void destroy_vcpu(const struct test_vm *vm, struct vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vm->run_size);
	close_fd(vcpu->exits.fd);
	close_fd(vcpu->fd);
	pthread_cond_destroy(&vcpu->changed);
	pthread_mutex_destroy(&vcpu->lock);
}

void test_vm_destroy(struct test_vm *vm)
{
	int i;

	if (!vm)
		return;
	leave_live(vm);
	atomic_store(&vm->group.stopping, true);
	kick_all(vm);
	for (i = 0; i < vm->nr_threads; i++)
		vcpu_end_thread(&vm->vcpus[i]);
	for (i = 0; vm->vcpus && i < vm->config.nr_vcpus; i++)
		destroy_vcpu(vm, &vm->vcpus[i]);
	close_fd(vm->vm_fd);
	close_fd(vm->kvm_fd);
	guest_memory_free(&vm->memory);
	pthread_rwlock_destroy(&vm->group.fresh);
	free(vm->cpuid);
	free(vm->vcpus);
	free(vm);
}

bool test_vm_opted_in(const struct test_vm *vm)
{
	return vm->opted_in;
}

bool test_vm_given_cpuid(const struct test_vm *vm, struct probe_read *leaf)
{
	for (unsigned int i = 0; i < vm->cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &vm->cpuid->entries[i];

		if (entry->function != leaf->function ||
		    (entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX && entry->index != leaf->index))
			continue;
		leaf->eax = entry->eax;
		leaf->ebx = entry->ebx;
		leaf->ecx = entry->ecx;
		leaf->edx = entry->edx;
		return true;
	}
	return false;
}

/* ---- by hand ---- */

const struct kvm_cpuid2 *test_vm_cpuid(const struct test_vm *vm)
{
	return vm->cpuid;
}

int test_vm_get_cpuid(const struct test_vm *vm, int vcpu, struct kvm_cpuid2 **cpuid,
		      struct error *err)
{
	*cpuid = calloc(1, CPUID2_SIZE(MAX_CPUID_ENTRIES));
	if (!*cpuid)
		return system_error(err, "calloc", errno);
	(*cpuid)->nent = MAX_CPUID_ENTRIES;
	if (KVM(vm->vcpus[vcpu].fd, KVM_GET_CPUID2, *cpuid, err) >= 0)
		return 0;
	free(*cpuid);
	return STATUS_CANNOT_RUN;
}

int test_vm_capability(const struct test_vm *vm, bool system, long capability)
{
	struct error ignored;

	return KVM(system ? vm->kvm_fd : vm->vm_fd, KVM_CHECK_EXTENSION, capability, &ignored);
}

int test_vm_enable(const struct test_vm *vm, bool on_vcpu, const struct kvm_enable_cap *cap)
{
	int fd = on_vcpu ? vm->vcpus[0].fd : vm->vm_fd, result;

	do
		result = ioctl(fd, KVM_ENABLE_CAP, cap);
	while (result < 0 && errno == EINTR);
	return result < 0 ? -errno : 0;
}

unsigned int test_vm_add_idle(struct test_vm *vm, unsigned int nr)
{
	int fd;

	/* A vCPU lives as long as its VM, whether or not it is open. */
	for (unsigned int i = 0; i < nr; i++, vm->next_id++) {
		fd = ioctl(vm->vm_fd, KVM_CREATE_VCPU, (long)vm->next_id);
		if (fd < 0)
			return i;
		close(fd);
	}
	return nr;
}

int test_vm_fd(const struct test_vm *vm)
{
	return vm->vm_fd;
}

const struct vcpu *test_vm_vcpu(const struct test_vm *vm, int vcpu)
{
	return &vm->vcpus[vcpu];
}

int test_vm_read_cpuid(struct test_vm *vm, int vcpu, struct cpuid_read *reads, unsigned int nr,
		       struct error *err)
{
	return cpuid_read_all(&vm->vcpus[vcpu], reads, nr, err);
}

pid_t test_vm_tid(const struct test_vm *vm, int vcpu)
{
	return vm->vcpus[vcpu].tid;
}

void test_vm_kick(const struct test_vm *vm, int vcpu)
{
	vcpu_kick(&vm->vcpus[vcpu]);
}

/* ---- commands ---- */

/* How KVM waits for a halted vCPU: on a KVM that cannot be told, both ways serve. */
static void set_halt_poll(const struct test_vm *vm, enum probe_op op)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_HALT_POLL };
	uint64_t ns;

	if (!event_halt_poll_ns(op, &ns))
		return;
	cap.args[0] = ns;
	test_vm_enable(vm, false, &cap);
}

int test_vm_start(struct test_vm *vm, int vcpu, enum probe_op op, uint64_t count,
		  const char **unsupported, struct error *err)
{
	*unsupported = unsupported_reason(op, vm->config.isa, &vm->features);
	if (*unsupported)
		return 0;
	set_halt_poll(vm, op);
	return vcpu_order(&vm->vcpus[vcpu], op, count, err);
}

int test_vm_wait(struct test_vm *vm, int vcpu, struct error *err)
{
	return vcpu_wait(&vm->vcpus[vcpu], err);
}

int test_vm_run(struct test_vm *vm, int vcpu, enum probe_op op, uint64_t count,
		const char **unsupported, struct error *err)
{
	int status = test_vm_start(vm, vcpu, op, count, unsupported, err);

	if (status || *unsupported)
		return status;
	return test_vm_wait(vm, vcpu, err);
}

uint64_t test_vm_cycles(const struct test_vm *vm, int vcpu)
{
	return vm->vcpus[vcpu].cycles;
}

uint64_t test_vm_cpu_ns(const struct test_vm *vm, int vcpu)
{
	return vm->vcpus[vcpu].cpu_ns;
}

void test_vm_measure(struct test_vm *vm, uint32_t exits, uint32_t cycles)
{
	for (int i = 0; i < vm->nr_threads; i++) {
		vm->vcpus[i].shared->measure_exits = exits;
		vm->vcpus[i].shared->measure_cycles = cycles;
	}
}

struct vcpu_span test_vm_span(const struct test_vm *vm, int vcpu)
{
	return vm->vcpus[vcpu].span;
}

struct probe_read *test_vm_reads(struct test_vm *vm, int vcpu)
{
	return vm->vcpus[vcpu].shared->reads;
}

void test_vm_set_nr_reads(struct test_vm *vm, int vcpu, unsigned int nr)
{
	vm->vcpus[vcpu].shared->nr_reads = nr < PROBE_MAX_READS ? nr : PROBE_MAX_READS;
}

void test_vm_set_program(struct test_vm *vm, int vcpu, const struct probe_program *program)
{
	vm->vcpus[vcpu].shared->program = *program;
}

uint64_t test_vm_executed(const struct test_vm *vm, int vcpu, enum probe_op op)
{
	return __atomic_load_n(&vm->vcpus[vcpu].shared->executed[op], __ATOMIC_RELAXED);
}

/* ---- KVM's own numbers ---- */

int test_vm_account(const struct test_vm *vm, int vcpu, struct kvm_account *account,
		    struct error *err)
{
	return account_read(vm->vcpus[vcpu].fd, vm->config.isa, account, err);
}

int test_vm_stat_exits(struct test_vm *vm, int id, uint64_t *exits, struct error *err)
{
	struct vcpu *vcpu = &vm->vcpus[id];
	int status;

	if (vcpu->exits.fd < 0) {
		status = kvm_stat_open(&vcpu->exits, vcpu->fd, "exits", err);
		if (status)
			return status;
	}
	return kvm_stat_read(&vcpu->exits, exits, 1, err);
}

int test_vm_stat_all_exits(struct test_vm *vm, uint64_t *exits, struct error *err)
{
	struct error no_fd;
	uint64_t one;

	*exits = 0;
	for (unsigned int i = 0; i < (unsigned int)vm->config.nr_vcpus; i++) {
		if (test_vm_stat_exits(vm, i, &one, &no_fd))
			return kvm_stat_of_vm(vm->vm_fd, "exits", exits, err);
		*exits += one;
	}
	return 0;
}
