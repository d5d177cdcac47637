/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_COUNTS_H
#define CHECK_COUNTS_H

#include "judge/check.h"

void check_truth(struct facts *facts, struct check *check);
void check_count(struct facts *facts, struct check *check);
void check_count_vm(struct facts *facts, struct check *check);
void check_mono(struct facts *facts, struct check *check);
void check_smp(struct facts *facts, struct check *check);
void check_isolation(struct facts *facts, struct check *check);
void check_migrate(struct facts *facts, struct check *check);

/*
 * Of one phase, or of all (counts_around() with NR_PHASES): leaves and eBPF against what the guest executed; leaves in place, and against eBPF's counts around a
 * read, where both must be equal.
 */
void counts_truth(const struct facts *facts, struct check *check, enum result_phase phase,
		  struct tally *leaf, struct tally *bpf);
void counts_around(const struct facts *facts, struct check *check, enum result_phase phase,
		   struct tally *tally);

#endif
