// SPDX-License-Identifier: GPL-2.0-only
#include "exitcheck.h"
#include "kvm/guest/guest.h"

/* The VMM knows what to do. */
void event(void)
{
	asm volatile("outb %%al, %0" : : "i"(PROBE_PORT_EVENT), "a"(0) : "memory");
}

/* Spins, so that another thread gets its turn, and tells the VMM. */
void preempted(const struct probe_shared *shared)
{
	uint64_t begin = rdtsc();

	while (rdtsc() - begin < shared->ms_cycles / 2)
		;
	event();
}

void nmi(struct probe_shared *shared, uint64_t count)
{
	for (; count; count--) {
		bump(shared, PROBE_OUT);
		bump(shared, PROBE_NMI);
		/* The IRET of each handler; on VMX the window that the second one waits for. */
		if (shared->isa == EXIT_ISA_SVM)
			bump(shared, PROBE_NMI);
		event();
	}
}

/* The handler executes CPUID and RSM. */
void smi(struct probe_shared *shared, uint64_t count)
{
	for (; count; count--) {
		bump(shared, PROBE_OUT);
		bump(shared, PROBE_SMI);
		bump(shared, PROBE_RSM);
		event();
	}
}

/* The VMM says of a guest that has KVM's clock that it was paused; a reset takes that clock away. */
void state(struct probe_shared *shared, uint64_t count)
{
	enable_clock(shared);
	for (; count; count--) {
		bump(shared, PROBE_STATE);
		event();
	}
}
