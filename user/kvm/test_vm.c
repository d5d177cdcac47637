// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/test_vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm/kvm.h"
#include "kvm/features.h"
#include "kvm/vcpu.h"

/*
 * Guest memory. Slot 0: the image, the page tables, then for each vCPU a page
 * of stack and, right above it, its struct probe_shared. Slot 1: for each vCPU
 * the pages of PROBE_TOUCH.
 */
#define PAGE_TABLES 0x10000u /* PML4, PDPT and PD: 1 GiB in pages of 2 MiB */
#define VCPU_BLOCKS 0x20000u
#define TOUCH_BASE 0x10000000u
#define PAGE_ALIGN(size) (((size) + PROBE_PAGE_SIZE - 1) & ~(PROBE_PAGE_SIZE - 1ul))
#define VCPU_BLOCK_SIZE (PROBE_PAGE_SIZE + PAGE_ALIGN(sizeof(struct probe_shared)))

_Static_assert(PROBE_IMAGE_ADDR + PROBE_IMAGE_MAX <= PAGE_TABLES, "image and page tables");
_Static_assert(VCPU_BLOCKS + PROBE_MAX_VCPUS * VCPU_BLOCK_SIZE <= TOUCH_BASE, "slots 0 and 1");
_Static_assert(TOUCH_BASE + PROBE_MAX_VCPUS * TOUCH_SIZE <= PROBE_MMIO_ADDR, "slot 1 and MMIO");

#define PTE_PRESENT_WRITABLE 0x3u
#define PTE_ACCESSED_DIRTY 0x60u
#define PTE_LARGE 0x80u
#define CR0_GUEST 0x80010033u /* PG, WP, NE, ET, MP, PE */
#define CR4_PAE (1u << 5)
#define CR4_OSXSAVE (1u << 18)
#define EFER_LONG_MODE 0x500u	/* LMA, LME */
#define APIC_BASE_X2APIC 0xc00u /* enabled, in x2APIC mode */
#define MSR_FEATURE_CONTROL 0x3a
#define FEATURE_CONTROL_VMX 0x5 /* locked, with VMX */
#define CPUID_1_ECX_VMX (1u << 5)
#define CPUID_EXT_1_ECX_SVM (1u << 2)
#define CPUID_1_ECX_X2APIC (1u << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID_1_ECX_XSAVE (1u << 26)
#define CPUID_7_ECX_UMIP (1u << 2)
#define MAX_CPUID_ENTRIES 256 /* as many as KVM takes */
#define TSS_ADDR 0xfffbd000u  /* for KVM's own use, on CPUs without unrestricted guest */

struct probe {
	struct probe_config config;
	struct vcpu_group group;
	int kvm_fd, vm_fd;
	size_t run_size;
	bool opted_in;
	struct guest_features features;
	struct kvm_cpuid2 *cpuid; /* what the guest is given */
	uint8_t *ram, *touch;
	size_t ram_size, touch_size;
	int nr_threads; /* of vCPUs: as many as were created */
	struct vcpu *vcpus;
};

extern const uint8_t probe_blob[], probe_blob_end[];

/* ---- interruption ---- */

/* What probe_interrupt_all(), maybe in a signal handler, reaches. */
static _Atomic(struct probe *) live[PROBE_MAX_PROBES];
static atomic_int interrupters;

static void kick_all(const struct probe *probe)
{
	int i;

	for (i = 0; i < probe->nr_threads; i++)
		vcpu_kick(&probe->vcpus[i]);
}

void probe_interrupt_all(void)
{
	int saved_errno = errno;
	struct probe *probe;
	int i;

	vcpu_interrupt();
	atomic_fetch_add(&interrupters, 1);
	for (i = 0; i < PROBE_MAX_PROBES; i++) {
		probe = atomic_load(&live[i]);
		if (probe)
			kick_all(probe);
	}
	atomic_fetch_sub(&interrupters, 1);
	errno = saved_errno;
}

static int go_live(struct probe *probe, struct error *err)
{
	struct probe *none;
	int i;

	for (i = 0; i < PROBE_MAX_PROBES; i++) {
		none = NULL;
		if (atomic_compare_exchange_strong(&live[i], &none, probe))
			return 0;
	}
	return error_set(err, STATUS_CANNOT_RUN, "more than %d probe VMs at a time",
			 PROBE_MAX_PROBES);
}

static void leave_live(struct probe *probe)
{
	struct probe *expected;
	int i;

	for (i = 0; i < PROBE_MAX_PROBES; i++) {
		expected = probe;
		atomic_compare_exchange_strong(&live[i], &expected, NULL);
	}
	/* Another thread may still be on its way through it. */
	while (atomic_load(&interrupters))
		sched_yield();
}

/* ---- the VM ---- */

static void build_page_tables(struct probe *probe)
{
	uint64_t *pml4 = (uint64_t *)(probe->ram + PAGE_TABLES);
	uint64_t *pdpt = pml4 + 512, *pd = pdpt + 512;
	uint64_t flags = PTE_PRESENT_WRITABLE | PTE_ACCESSED_DIRTY, i;

	pml4[0] = (PAGE_TABLES + PROBE_PAGE_SIZE) | flags;
	pdpt[0] = (PAGE_TABLES + 2 * PROBE_PAGE_SIZE) | flags;
	for (i = 0; i < 512; i++)
		pd[i] = i << 21 | flags | PTE_LARGE;
}

/*
 * Memory of the guest that no one but MADV_DONTNEED takes away: in small pages
 * that khugepaged does not collapse, with a policy that NUMA balancing leaves
 * alone. Where the kernel knows neither, there is nothing to be kept off.
 */
static uint8_t *map_memory(size_t size)
{
	uint8_t *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, size, MADV_NOHUGEPAGE);
	syscall(SYS_mbind, memory, size, MPOL_LOCAL, NULL, 0, 0);
	return memory;
}

static int add_memory(struct probe *probe, struct error *err)
{
	struct kvm_userspace_memory_region ram, touch;

	probe->ram_size = VCPU_BLOCKS + probe->config.nr_vcpus * VCPU_BLOCK_SIZE;
	probe->ram = map_memory(probe->ram_size);
	probe->touch_size = probe->config.nr_vcpus * TOUCH_SIZE;
	probe->touch = map_memory(probe->touch_size);
	if (!probe->ram || !probe->touch)
		return error_set(err, STATUS_CANNOT_RUN, "no memory for the probe VM");

	/* All of it is there from the start; against swapping, as far as limits allow. */
	memset(probe->ram, 0, probe->ram_size);
	mlock(probe->ram, probe->ram_size);
	memcpy(probe->ram + PROBE_IMAGE_ADDR, probe_blob, probe_blob_end - probe_blob);
	build_page_tables(probe);

	ram = (struct kvm_userspace_memory_region){
		.slot = 0,
		.guest_phys_addr = 0,
		.memory_size = probe->ram_size,
		.userspace_addr = (uintptr_t)probe->ram,
	};
	touch = (struct kvm_userspace_memory_region){
		.slot = 1,
		.guest_phys_addr = TOUCH_BASE,
		.memory_size = probe->touch_size,
		.userspace_addr = (uintptr_t)probe->touch,
	};
	if (KVM(probe->vm_fd, KVM_SET_USER_MEMORY_REGION, &ram, err) < 0 ||
	    KVM(probe->vm_fd, KVM_SET_USER_MEMORY_REGION, &touch, err) < 0)
		return STATUS_CANNOT_RUN;
	return 0;
}

static int opt_in(struct probe *probe, struct error *err)
{
	struct kvm_enable_cap enable = {
		.cap = KVM_CAP_X86_EXIT_LEAVES,
		.args = { KVM_X86_EXIT_LEAVES_ENABLE },
	};
	int offered = KVM(probe->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_EXIT_LEAVES, err);

	if (offered < 0)
		return STATUS_CANNOT_RUN;
	if (!(offered & KVM_X86_EXIT_LEAVES_ENABLE))
		return 0;
	if (KVM(probe->vm_fd, KVM_ENABLE_CAP, &enable, err) < 0)
		return STATUS_CANNOT_RUN;
	probe->opted_in = true;
	return 0;
}

static int create_vm(struct probe *probe, struct error *err)
{
	int run_size, status;

	probe->kvm_fd = open(DEV_KVM, O_RDWR | O_CLOEXEC);
	if (probe->kvm_fd < 0)
		return system_error(err, "open " DEV_KVM, errno);
	run_size = KVM(probe->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0, err);
	if (run_size < 0)
		return STATUS_CANNOT_RUN;
	probe->run_size = run_size;
	probe->vm_fd = KVM(probe->kvm_fd, KVM_CREATE_VM, 0, err);
	if (probe->vm_fd < 0)
		return STATUS_CANNOT_RUN;
	if (probe->config.isa == EXIT_ISA_VMX &&
	    KVM(probe->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDR, err) < 0)
		return STATUS_CANNOT_RUN;
	if (probe->config.irqchip && KVM(probe->vm_fd, KVM_CREATE_IRQCHIP, 0, err) < 0)
		return STATUS_CANNOT_RUN;
	if (probe->config.opt_in) {
		status = opt_in(probe, err);
		if (status)
			return status;
	}
	return add_memory(probe, err);
}

/* What KVM offers, to be passed on to the guest as it is; and the features of KVM's own APIC. */
static int read_cpuid(struct probe *probe, struct kvm_cpuid2 **cpuid, struct error *err)
{
	struct kvm_cpuid_entry2 *entry;
	unsigned int i;

	*cpuid = calloc(1, sizeof(**cpuid) + MAX_CPUID_ENTRIES * sizeof(*entry));
	if (!*cpuid)
		return system_error(err, "calloc", errno);
	(*cpuid)->nent = MAX_CPUID_ENTRIES;
	if (KVM(probe->kvm_fd, KVM_GET_SUPPORTED_CPUID, *cpuid, err) < 0)
		return STATUS_CANNOT_RUN;
	for (i = 0; i < (*cpuid)->nent; i++) {
		entry = &(*cpuid)->entries[i];
		if (entry->function == 1) {
			probe->features.xsave = entry->ecx & CPUID_1_ECX_XSAVE;
			probe->features.nested |= entry->ecx & CPUID_1_ECX_VMX;
			if (probe->config.irqchip)
				entry->ecx |= CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE;
		} else if (entry->function == 7 && entry->index == 0) {
			probe->features.umip = entry->ecx & CPUID_7_ECX_UMIP;
		} else if (entry->function == 0x80000001) {
			probe->features.nested |= entry->ecx & CPUID_EXT_1_ECX_SVM;
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
static int set_registers(const struct probe *probe, struct vcpu *vcpu, struct error *err)
{
	uint64_t shared = VCPU_BLOCKS + vcpu->id * VCPU_BLOCK_SIZE + PROBE_PAGE_SIZE;
	struct kvm_sregs *sregs = &vcpu->sregs;

	if (KVM(vcpu->fd, KVM_GET_SREGS, sregs, err) < 0 ||
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
	sregs->cr4 = CR4_PAE | (probe->features.xsave ? CR4_OSXSAVE : 0);
	sregs->efer = EFER_LONG_MODE;
	if (probe->config.irqchip)
		sregs->apic_base |= APIC_BASE_X2APIC;
	vcpu->regs = (struct kvm_regs){
		.rip = PROBE_IMAGE_ADDR,
		.rdi = shared,
		.rflags = 2, /* the bit that is always set; interrupts are off */
	};
	vcpu->shared = (struct probe_shared *)(probe->ram + shared);
	vcpu->shared->isa = probe->config.isa;
	vcpu->touch = probe->touch + vcpu->id * TOUCH_SIZE;
	vcpu->shared->touch = TOUCH_BASE + vcpu->id * TOUCH_SIZE;
	return vcpu_reset(vcpu, err);
}

/* As firmware does. */
static int allow_vmx(const struct vcpu *vcpu, struct error *err)
{
	union {
		struct kvm_msrs msrs;
		uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} one = { .msrs.nmsrs = 1 };

	one.msrs.entries[0].index = MSR_FEATURE_CONTROL;
	one.msrs.entries[0].data = FEATURE_CONTROL_VMX;
	return KVM(vcpu->fd, KVM_SET_MSRS, &one, err) < 0 ? STATUS_CANNOT_RUN : 0;
}

static int create_vcpu(const struct probe *probe, struct vcpu *vcpu, const struct kvm_cpuid2 *cpuid,
		       struct error *err)
{
	int status;

	vcpu->fd = KVM(probe->vm_fd, KVM_CREATE_VCPU, (long)vcpu->id, err);
	if (vcpu->fd < 0)
		return STATUS_CANNOT_RUN;
	vcpu->run = mmap(NULL, probe->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return system_error(err, "mmap of the vCPU", errno);
	}
	if (KVM(vcpu->fd, KVM_SET_CPUID2, cpuid, err) < 0)
		return STATUS_CANNOT_RUN;
	if (probe->config.isa == EXIT_ISA_VMX && probe->features.nested) {
		status = allow_vmx(vcpu, err);
		if (status)
			return status;
	}
	return set_registers(probe, vcpu, err);
}

static int create_vcpus(struct probe *probe, struct error *err)
{
	bool created = true;
	int i, status;

	status = read_cpuid(probe, &probe->cpuid, err);
	for (i = 0; i < probe->config.nr_vcpus && !status; i++)
		status = create_vcpu(probe, &probe->vcpus[i], probe->cpuid, err);
	for (i = 0; i < probe->config.nr_vcpus && !status; i++) {
		status = vcpu_start_thread(&probe->vcpus[i], &created, err);
		probe->nr_threads += created;
	}
	return status;
}

static int init_vcpus(struct probe *probe, struct error *err)
{
	struct vcpu *vcpu;
	int i;

	probe->vcpus = calloc(probe->config.nr_vcpus, sizeof(*probe->vcpus));
	if (!probe->vcpus)
		return system_error(err, "calloc", errno);
	for (i = 0; i < probe->config.nr_vcpus; i++) {
		vcpu = &probe->vcpus[i];
		vcpu->group = &probe->group;
		vcpu->id = i;
		vcpu->fd = vcpu->exits.fd = -1;
		pthread_mutex_init(&vcpu->lock, NULL);
		pthread_cond_init(&vcpu->changed, NULL);
	}
	return 0;
}

int probe_create(struct probe **created, const struct probe_config *config, struct error *err)
{
	struct probe *probe;
	int status;

	*created = NULL;
	if (config->nr_vcpus < 1 || config->nr_vcpus > PROBE_MAX_VCPUS)
		return error_set(err, STATUS_USAGE, "a probe VM has 1 to %d vCPUs",
				 PROBE_MAX_VCPUS);
	if (config->irqchip && config->nr_vcpus != 1)
		return error_set(err, STATUS_USAGE, "a probe VM with an irqchip has one vCPU");
	if (!config->timeout_ms)
		return error_set(err, STATUS_USAGE, "a probe VM needs a timeout");
	probe = calloc(1, sizeof(*probe));
	if (!probe)
		return system_error(err, "calloc", errno);
	probe->config = *config;
	probe->group.timeout_ms = config->timeout_ms;
	probe->kvm_fd = probe->vm_fd = -1;
	pthread_rwlock_init(&probe->group.fresh, NULL);

	status = vcpu_install_handler(err);
	if (!status)
		status = init_vcpus(probe, err);
	if (!status)
		status = create_vm(probe, err);
	if (!status)
		status = create_vcpus(probe, err);
	if (!status)
		status = go_live(probe, err);
	if (status)
		probe_destroy(probe);
	else
		*created = probe;
	return status;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void destroy_vcpu(const struct probe *probe, struct vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, probe->run_size);
	close_fd(vcpu->exits.fd);
	close_fd(vcpu->fd);
	pthread_cond_destroy(&vcpu->changed);
	pthread_mutex_destroy(&vcpu->lock);
}

void probe_destroy(struct probe *probe)
{
	int i;

	if (!probe)
		return;
	leave_live(probe);
	atomic_store(&probe->group.stopping, true);
	kick_all(probe);
	for (i = 0; i < probe->nr_threads; i++)
		vcpu_end_thread(&probe->vcpus[i]);
	for (i = 0; probe->vcpus && i < probe->config.nr_vcpus; i++)
		destroy_vcpu(probe, &probe->vcpus[i]);
	close_fd(probe->vm_fd);
	close_fd(probe->kvm_fd);
	if (probe->ram)
		munmap(probe->ram, probe->ram_size);
	if (probe->touch)
		munmap(probe->touch, probe->touch_size);
	pthread_rwlock_destroy(&probe->group.fresh);
	free(probe->cpuid);
	free(probe->vcpus);
	free(probe);
}

bool probe_opted_in(const struct probe *probe)
{
	return probe->opted_in;
}

bool probe_given_cpuid(const struct probe *probe, struct probe_read *leaf)
{
	for (unsigned int i = 0; i < probe->cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &probe->cpuid->entries[i];

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

pid_t probe_tid(const struct probe *probe, int vcpu)
{
	return probe->vcpus[vcpu].tid;
}

/* ---- commands ---- */

int probe_start(struct probe *probe, int vcpu, enum probe_op op, uint64_t count,
		const char **unsupported, struct error *err)
{
	*unsupported = unsupported_reason(op, probe->config.isa, &probe->features);
	if (*unsupported)
		return 0;
	return vcpu_order(&probe->vcpus[vcpu], op, count, err);
}

int probe_wait(struct probe *probe, int vcpu, struct error *err)
{
	return vcpu_wait(&probe->vcpus[vcpu], err);
}

int probe_run(struct probe *probe, int vcpu, enum probe_op op, uint64_t count,
	      const char **unsupported, struct error *err)
{
	int status = probe_start(probe, vcpu, op, count, unsupported, err);

	if (status || *unsupported)
		return status;
	return probe_wait(probe, vcpu, err);
}

uint64_t probe_cycles(const struct probe *probe, int vcpu)
{
	return probe->vcpus[vcpu].cycles;
}

uint64_t probe_cpu_ns(const struct probe *probe, int vcpu)
{
	return probe->vcpus[vcpu].cpu_ns;
}

struct probe_read *probe_reads(struct probe *probe, int vcpu)
{
	return probe->vcpus[vcpu].shared->reads;
}

void probe_set_nr_reads(struct probe *probe, int vcpu, unsigned int nr)
{
	probe->vcpus[vcpu].shared->nr_reads = nr < PROBE_MAX_READS ? nr : PROBE_MAX_READS;
}

uint64_t probe_executed(const struct probe *probe, int vcpu, enum probe_op op)
{
	return __atomic_load_n(&probe->vcpus[vcpu].shared->executed[op], __ATOMIC_RELAXED);
}

/* ---- KVM's own numbers ---- */

int probe_stat_exits(struct probe *probe, int id, uint64_t *exits, struct error *err)
{
	struct vcpu *vcpu = &probe->vcpus[id];
	int status;

	if (vcpu->exits.fd < 0) {
		status = kvm_stat_open(&vcpu->exits, vcpu->fd, "exits", err);
		if (status)
			return status;
	}
	return kvm_stat_read(&vcpu->exits, exits, err);
}

int probe_tsc_khz(struct probe *probe, uint32_t *khz, struct error *err)
{
	int result = KVM(probe->vcpus[0].fd, KVM_GET_TSC_KHZ, NULL, err);

	if (result < 0)
		return STATUS_CANNOT_RUN;
	*khz = result;
	return 0;
}
