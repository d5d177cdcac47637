// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/guest_memory.h"

#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm/kvm.h"

_Static_assert(PROBE_IMAGE_ADDR + PROBE_IMAGE_MAX <= PAGE_TABLES, "image and page tables");

#define PTE_PRESENT_WRITABLE 0x3u
#define PTE_USER 0x4u
#define PTE_ACCESSED_DIRTY 0x60u
#define PTE_LARGE 0x80u

#define SMM_ADDRESS_SPACE (1u << 16) /* in the number of a slot */
#define SMM_ENTRY 0x8000u	     /* from SMBASE on */

extern const uint8_t probe_blob[], probe_blob_end[];

static void build_page_tables(uint8_t *ram)
{
	uint64_t *pml4 = (uint64_t *)(ram + PAGE_TABLES);
	uint64_t *pdpt = pml4 + 512, *pd = pdpt + 512;
	uint64_t flags = PTE_PRESENT_WRITABLE | PTE_USER | PTE_ACCESSED_DIRTY, i;

	pml4[0] = (PAGE_TABLES + PROBE_PAGE_SIZE) | flags;
	pdpt[0] = (PAGE_TABLES + 2 * PROBE_PAGE_SIZE) | flags;
	for (i = 0; i < 512; i++)
		pd[i] = i << 21 | flags | PTE_LARGE;
}

/*
 * Guest memory that only MADV_DONTNEED takes away: small pages that khugepaged does not collapse,
 * and a policy that NUMA balancing ignores. A kernel without these features needs neither.
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

/* No RAM of the machine's need be here: an SMI's handler and KVM, which saves the state, use nothing else. */
static int add_smram(struct guest_memory *memory, int vm_fd, int nr_vcpus, struct error *err)
{
	static const uint8_t handler[] = { 0x0f, 0xa2, 0x0f, 0xaa }; /* CPUID, RSM */
	struct kvm_userspace_memory_region region;

	memory->smram_size = nr_vcpus * SMRAM_SIZE;
	memory->smram = map_memory(memory->smram_size);
	if (!memory->smram)
		return error_set(err, STATUS_CANNOT_RUN, "no memory for the test VM");
	for (int i = 0; i < nr_vcpus; i++)
		memcpy(memory->smram + i * SMRAM_SIZE + SMM_ENTRY, handler, sizeof(handler));
	region = (struct kvm_userspace_memory_region){
		.slot = SMM_ADDRESS_SPACE,
		.guest_phys_addr = SMBASE,
		.memory_size = memory->smram_size,
		.userspace_addr = (uintptr_t)memory->smram,
	};
	return KVM(vm_fd, KVM_SET_USER_MEMORY_REGION, &region, err) < 0 ? STATUS_CANNOT_RUN : 0;
}

int guest_memory_add(struct guest_memory *memory, int vm_fd, int nr_vcpus, struct error *err)
{
	struct kvm_userspace_memory_region ram, touch;

	memory->ram_size = VCPU_BLOCKS + nr_vcpus * VCPU_BLOCK_SIZE;
	memory->ram = map_memory(memory->ram_size);
	memory->touch_size = nr_vcpus * TOUCH_SIZE;
	memory->touch = map_memory(memory->touch_size);
	if (!memory->ram || !memory->touch)
		return error_set(err, STATUS_CANNOT_RUN, "no memory for the test VM");

	/* All of it is there from the start; against swapping, as far as limits allow. */
	memset(memory->ram, 0, memory->ram_size);
	mlock(memory->ram, memory->ram_size);
	memcpy(memory->ram + PROBE_IMAGE_ADDR, probe_blob, probe_blob_end - probe_blob);
	build_page_tables(memory->ram);

	ram = (struct kvm_userspace_memory_region){
		.slot = 0,
		.guest_phys_addr = 0,
		.memory_size = memory->ram_size,
		.userspace_addr = (uintptr_t)memory->ram,
	};
	touch = (struct kvm_userspace_memory_region){
		.slot = 1,
		.guest_phys_addr = TOUCH_BASE,
		.memory_size = memory->touch_size,
		.userspace_addr = (uintptr_t)memory->touch,
	};
	if (KVM(vm_fd, KVM_SET_USER_MEMORY_REGION, &ram, err) < 0 ||
	    KVM(vm_fd, KVM_SET_USER_MEMORY_REGION, &touch, err) < 0)
		return STATUS_CANNOT_RUN;
	if (KVM(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_SMM, err) > 0)
		return add_smram(memory, vm_fd, nr_vcpus, err);
	return 0;
}

void guest_memory_free(struct guest_memory *memory)
{
	if (memory->ram)
		munmap(memory->ram, memory->ram_size);
	if (memory->touch)
		munmap(memory->touch, memory->touch_size);
	if (memory->smram)
		munmap(memory->smram, memory->smram_size);
}
