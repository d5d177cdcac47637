// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/guest/guest.h"

#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC_SVR 0x80f
#define MSR_X2APIC_ICR 0x830
#define MSR_X2APIC_LVTT 0x832
#define SVR_ENABLED (0x100 | 0xff)
#define ICR_SELF (0x40000 | PROBE_IRQ_VECTOR)
#define ICR_ABSENT (1ull << 32 | PROBE_IRQ_VECTOR) /* to an APIC ID that no vCPU has */
#define LVTT_DEADLINE (0x40000 | PROBE_IRQ_VECTOR)
#define LVTT_DEADLINE_MASKED (LVTT_DEADLINE | 0x10000)
/*
 * Cycles from the arming of the deadline to the deadline: more than an exit
 * takes, and than KVM fires ahead of time (at most 5 us).
 */
#define DEADLINE_CYCLES 40000
#define DEADLINE_ADVANCE 20000

static void apic_enable(struct probe_shared *shared)
{
	also_write_msr(shared, MSR_X2APIC_SVR, SVR_ENABLED);
}

void x2apic_icr(struct probe_shared *shared, uint64_t count)
{
	apic_enable(shared);
	for (; count; count--) {
		bump(shared, PROBE_X2APIC_ICR);
		write_msr(MSR_X2APIC_ICR, ICR_ABSENT);
	}
}

/* Arms a deadline that is never reached. */
void tsc_deadline(struct probe_shared *shared, uint64_t count)
{
	apic_enable(shared);
	also_write_msr(shared, MSR_X2APIC_LVTT, LVTT_DEADLINE_MASKED);
	for (; count; count--) {
		bump(shared, PROBE_TSC_DEADLINE);
		write_msr(MSR_TSC_DEADLINE, rdtsc() + TSC_FAR);
	}
	also_write_msr(shared, MSR_TSC_DEADLINE, 0);
}

/*
 * Arms a deadline and is still in the guest when the timer fires. Where arming
 * took too long to be sure of that, it does not count.
 */
void preemption_timer(struct probe_shared *shared, uint64_t count)
{
	uint64_t deadline;

	apic_enable(shared);
	also_write_msr(shared, MSR_X2APIC_LVTT, LVTT_DEADLINE_MASKED);
	while (count) {
		deadline = rdtsc() + DEADLINE_CYCLES;
		also_write_msr(shared, MSR_TSC_DEADLINE, deadline);
		if (rdtsc() < deadline - DEADLINE_ADVANCE) {
			bump(shared, PROBE_PREEMPTION_TIMER);
			count--;
		}
		while (rdtsc() < deadline + DEADLINE_ADVANCE)
			;
	}
}

void take_interrupt(struct probe_shared *shared)
{
	bump(shared, PROBE_IRQ_WINDOW);
	asm volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory");
}

/* An interrupt that comes while it cannot be taken, and then can. */
void irq_window(struct probe_shared *shared, uint64_t count)
{
	apic_enable(shared);
	for (; count; count--) {
		also_write_msr(shared, MSR_X2APIC_ICR, ICR_SELF);
		take_interrupt(shared);
	}
}

/* Likewise, by the task priority. */
void tpr_threshold(struct probe_shared *shared, uint64_t count)
{
	apic_enable(shared);
	for (; count; count--) {
		asm volatile("mov %0, %%cr8" : : "r"(8ul));
		also_write_msr(shared, MSR_X2APIC_ICR, ICR_SELF);
		bump(shared, PROBE_TPR_THRESHOLD);
		asm volatile("sti\n\tmov %0, %%cr8\n\tnop\n\tnop\n\tcli" : : "r"(0ul) : "memory");
	}
}

/*
 * An exception with an interrupt pending, which KVM cannot inject at once: it forces an exit right after the entry.
 * The #UD comes in the shadow of STI; where the CPU forgets about that, the interrupt has been taken before.
 */
void ud2_pending(struct probe_shared *shared, uint64_t count)
{
	apic_enable(shared);
	for (; count; count--) {
		also_write_msr(shared, MSR_X2APIC_ICR, ICR_SELF);
		bump(shared, PROBE_IRQ_WINDOW);
		bump(shared, PROBE_UD2_PENDING);
		asm volatile("sti\n" MAY_FAULT("ud2") "cli" : : : "memory");
	}
}

/*
 * HLT with interrupts on, of which one wakes from it: STI takes effect one instruction late. Not so
 * if the vCPU exits between the two and the CPU forgets about it, as QEMU's TCG does now and then: see
 * guest_exception().
 */
static __attribute__((noinline, noclone)) void halt(void)
{
	asm volatile("sti\n\t"
		     ".globl pending_hlt\n"
		     "pending_hlt:\n\t"
		     "hlt\n\t"
		     "cli"
		     :
		     :
		     : "memory");
}

void hlt_pending(struct probe_shared *shared, uint64_t count)
{
	apic_enable(shared);
	for (; count; count--) {
		also_write_msr(shared, MSR_X2APIC_ICR, ICR_SELF);
		bump(shared, PROBE_HLT_PENDING);
		halt();
	}
}

void timer_enable(struct probe_shared *shared)
{
	apic_enable(shared);
	also_write_msr(shared, MSR_X2APIC_LVTT, LVTT_DEADLINE);
}

void timer_arm(struct probe_shared *shared)
{
	also_write_msr(shared, MSR_TSC_DEADLINE, rdtsc() + shared->ms_cycles);
}

void timer_disable(struct probe_shared *shared)
{
	also_write_msr(shared, MSR_X2APIC_LVTT, LVTT_DEADLINE_MASKED);
}

/*
 * HLT until a deadline, which is many exits away, and nearer than KVM is told to poll. How KVM waits for
 * it is the VMM's choice: see user/kvm/event.c.
 */
void hlt_timer(struct probe_shared *shared, uint64_t count)
{
	timer_enable(shared);
	for (; count; count--) {
		timer_arm(shared);
		bump(shared, shared->op);
		halt();
	}
	timer_disable(shared);
}
