// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/guest/guest.h"

#define CR0_CD (1ul << 30)

/* The first of the eight that has been accessed less often than DR0: they take turns, in random programs, too. */
static unsigned int next_register(const struct probe_shared *shared, enum probe_op op)
{
	for (unsigned int n = 1; n < 8; n++)
		if (shared->executed[op + n] < shared->executed[op])
			return n;
	return 0;
}

#define FROM(n)                                                   \
	case n:                                                   \
		asm volatile("mov %%dr" #n ", %0" : "=r"(value)); \
		break
#define TO(n)                                                 \
	case n:                                               \
		asm volatile("mov %0, %%dr" #n : : "r"(0ul)); \
		break

static void move_from(unsigned int n)
{
	unsigned long value;

	switch (n) {
		FROM(0);
		FROM(1);
		FROM(2);
		FROM(3);
		FROM(4); /* DR6's other name, without CR4.DE; this access has the number of DR4 */
		FROM(5);
		FROM(6);
		FROM(7);
	}
}

static void move_to(unsigned int n)
{
	switch (n) {
		TO(0);
		TO(1);
		TO(2);
		TO(3);
		TO(4);
		TO(5);
		TO(6);
		TO(7);
	}
}

void debug_registers(struct probe_shared *shared, enum probe_op op, uint64_t count)
{
	for (; count; count--) {
		unsigned int n = next_register(shared, op);

		bump_of(shared, op, op + n);
		if (op == PROBE_MOV_FROM_DR)
			move_from(n);
		else
			move_to(n);
	}
}

/*
 * On SVM, KVM intercepts all accesses to CR0 while it is not as the guest sees it; on VMX, writes that change
 * what the guest sees.
 */
void control_register_0(struct probe_shared *shared, enum probe_op op, uint64_t count)
{
	const uint64_t before = read_cr0();
	uint64_t cr0 = before | CR0_CD;

	bump(shared, PROBE_MOV_CR0);
	write_cr0(cr0);
	for (; count; count--) {
		bump(shared, op);
		if (op == PROBE_MOV_FROM_CR0)
			read_cr0();
		else
			write_cr0(cr0 ^= CR0_AM);
	}
	bump(shared, PROBE_MOV_TO_CR0);
	write_cr0(before);
}
