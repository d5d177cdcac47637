/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_H
#define CHECK_H

/* Recording the outcome of a check. */

#include "judge/facts.h"
#include "judge/verdicts.h"

/* How the comparisons of a check came out. */
struct tally {
	uint64_t compared, differed;
	uint64_t undecided; /* could not be made */
};

/* What was compared, and how it came out. */
__attribute__((format(printf, 2, 3))) void check_detail(struct check *check, const char *format,
							...);

/* A comparison that failed, or could not be made; the first few are kept. */
__attribute__((format(printf, 2, 3))) void check_example(struct check *check, const char *format,
							 ...);

/* The verdict that follows from a tally. */
void check_settle(struct check *check, const struct tally *tally);

struct place {
	char s[96];
};

/* "VM 1 vCPU 0, 0x72 CPUID, after mov-cr8"; index may be EXIT_INDEX_OTHER, sweep NULL. */
struct place check_place(const struct facts *facts, unsigned int vcpu, unsigned int index,
			 const struct result_sweep *sweep);

#endif
