/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GUEST_MEMORY_H
#define GUEST_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "kvm/guest/probe_abi.h"

/*
 * Guest memory. Slot 0: the image, the page tables, then for each vCPU a page
 * of stack and, right above it, its struct probe_shared. Slot 1: for each vCPU
 * the pages of PROBE_TOUCH. Seen in system management mode alone: for each vCPU 64 KiB at its SMBASE,
 * of which the handler and the saved state are used.
 */
#define PAGE_TABLES 0x10000u /* PML4, PDPT and PD: 1 GiB in pages of 2 MiB */
#define VCPU_BLOCKS 0x20000u
#define TOUCH_BASE 0x10000000u
#define TOUCH_SIZE (PROBE_TOUCH_PAGES * PROBE_PAGE_SIZE)
#define PAGE_ALIGN(size) (((size) + PROBE_PAGE_SIZE - 1) & ~(PROBE_PAGE_SIZE - 1ul))
#define VCPU_BLOCK_SIZE (PROBE_PAGE_SIZE + PAGE_ALIGN(sizeof(struct probe_shared)))

#define SMBASE 0x30000u /* of vCPU 0, as after a reset */
#define SMRAM_SIZE 0x10000u

struct guest_memory {
	uint8_t *ram, *touch;
	uint8_t *smram; /* NULL: this KVM has no such mode */
	size_t ram_size, touch_size, smram_size;
};

/* Gives a VM without memory that of nr_vcpus vCPUs, with the image in it. */
int guest_memory_add(struct guest_memory *memory, int vm_fd, int nr_vcpus, struct error *err);
void guest_memory_free(struct guest_memory *memory);

#endif
