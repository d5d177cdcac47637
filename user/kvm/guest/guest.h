/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GUEST_H
#define GUEST_H

#include <stdint.h>

#include "kvm/guest/probe_abi.h"

#define CR0_AM (1ul << 18) /* without RFLAGS.AC it does nothing */

#define MSR_KVM_SYSTEM_TIME_NEW 0x4b564d01
#define TSC_FAR ((1ull << 40) + 123456789) /* no multiple of 2^32 */

/* An instruction that is skipped if it raises #UD or #GP. */
#define MAY_FAULT(instruction)          \
	"1: " instruction "\n"          \
	"2:\n"                          \
	".pushsection .fixups, \"a\"\n" \
	".quad 1b, 2b\n"                \
	".popsection\n"

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* Counts an operation, which is about to be executed: one of several that the workload of kind consists of. */
static inline void bump_of(struct probe_shared *shared, enum probe_op kind, enum probe_op op)
{
	volatile uint64_t *executed = &shared->executed[op];

	if (shared->measure_exits && kind == shared->op) {
		if (shared->nr_stamps < PROBE_MAX_STAMPS)
			shared->stamps[shared->nr_stamps] = rdtsc();
		shared->nr_stamps++;
	}
	*executed = *executed + 1;
}

static inline void bump(struct probe_shared *shared, enum probe_op op)
{
	bump_of(shared, op, op);
}

static inline void write_msr(uint32_t msr, uint64_t value)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"(value >> 32) : "memory");
}

/* A write that another operation needs. */
static inline void also_write_msr(struct probe_shared *shared, uint32_t msr, uint64_t value)
{
	bump(shared, PROBE_WRMSR);
	write_msr(msr, value);
}

/* What KVM offers to a guest that knows it: as most guests do. Without it, the MSR raises #GP. */
static inline void enable(struct probe_shared *shared, uint32_t msr, const uint8_t *area)
{
	bump(shared, PROBE_WRMSR);
	asm volatile(MAY_FAULT("wrmsr")
		     :
		     : "c"(msr), "a"((uint32_t)(uint64_t)area | 1), "d"(0)
		     : "memory");
}

static inline void enable_clock(struct probe_shared *shared)
{
	enable(shared, MSR_KVM_SYSTEM_TIME_NEW, shared->clock);
}

static inline uint64_t also_read_msr(struct probe_shared *shared, uint32_t msr)
{
	uint32_t low, high;

	bump(shared, PROBE_RDMSR);
	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline uint64_t read_cr0(void)
{
	uint64_t cr0;

	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	return cr0;
}

static inline void write_cr0(uint64_t cr0)
{
	asm volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
}

/* Not read back: on SVM that would be an exit too. */
static inline void toggle_cr4(struct probe_shared *shared, uint64_t bit)
{
	shared->cr4 ^= bit;
	asm volatile("mov %0, %%cr4" : : "r"(shared->cr4) : "memory");
}

static inline void also_toggle_cr4(struct probe_shared *shared, uint64_t bit)
{
	bump(shared, PROBE_MOV_CR4);
	toggle_cr4(shared, bit);
}

/* An OUT at which the VMM does what it does for the operation, and what goes with it. */
void event(void);
void preempted(const struct probe_shared *shared);
void nmi(struct probe_shared *shared, uint64_t count);
void state(struct probe_shared *shared, uint64_t count);
void smi(struct probe_shared *shared, uint64_t count);

/* With an APIC of KVM's own: count operations of that name, with the writes to it that they need. */
void x2apic_icr(struct probe_shared *shared, uint64_t count);
void tsc_deadline(struct probe_shared *shared, uint64_t count);
void preemption_timer(struct probe_shared *shared, uint64_t count);
void irq_window(struct probe_shared *shared, uint64_t count);
void tpr_threshold(struct probe_shared *shared, uint64_t count);
void ud2_pending(struct probe_shared *shared, uint64_t count);
void hlt_pending(struct probe_shared *shared, uint64_t count);
void hlt_timer(struct probe_shared *shared, uint64_t count);

/* PROBE_MOV_FROM_CR0 or PROBE_MOV_TO_CR0, with a MOV to CR0 before and after. */
void control_register_0(struct probe_shared *shared, enum probe_op op, uint64_t count);

/* PROBE_MOV_FROM_DR or PROBE_MOV_TO_DR, and those that follow it, in turn: count of them in all. */
void debug_registers(struct probe_shared *shared, enum probe_op op, uint64_t count);

/* An interrupt a millisecond after each timer_arm(); and taking one that is pending. */
void timer_enable(struct probe_shared *shared);
void timer_arm(struct probe_shared *shared);
void timer_disable(struct probe_shared *shared);
void take_interrupt(struct probe_shared *shared);

/* PROBE_NESTED_CPUID, _HYPERCALL and _HLT: a guest's guest executes it count times. */
void nested_svm(struct probe_shared *shared, enum probe_op op, uint64_t count);
void nested_vmx(struct probe_shared *shared, enum probe_op op, uint64_t count);

#endif
