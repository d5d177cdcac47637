/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef INGUEST_TABLE_H
#define INGUEST_TABLE_H

/* What happened between two snapshots, without this program's own exits. A pure function. */

#include "inguest/snapshot.h"

struct row {
	uint32_t number;
	uint64_t exits, cycles;
};

struct table {
	int cpu;	  /* of the vCPU that this CPU is, -1: of all */
	bool since_birth; /* of the counters, rather than since another snapshot */
	bool anew; /* they began between the two snapshots: their beginning is the first one's */
	uint64_t wall_ns; /* between the two, 0 if unknown */
	uint64_t own;	  /* CPUID exits of this program, in no row */
	/* The sum of all rows and of other; exits of numbers that nobody defines. */
	struct row total, other;
	struct row halted; /* in total, while the vCPU waited in HLT */
	unsigned int nr;
	struct row rows[SOURCE_MAX_NUMBERS]; /* the dearest first; those without exits are left out */
};

/*
 * From one snapshot to another; from NULL, since the counters began, when this program had executed base
 * CPUIDs.
 */
void table_make(struct table *table, const struct source *source, const struct snapshot *from,
		const struct snapshot *to, uint64_t base);

/* Cycles as nanoseconds, by the host's rate; negative: it is unknown. */
double table_ns(const struct source *source, uint64_t cycles);

#endif
