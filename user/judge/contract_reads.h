/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef JUDGE_CONTRACT_READS_H
#define JUDGE_CONTRACT_READS_H

/* CONTRACT: what CPUID answers. */

#include "judge/facts.h"

#define CONTRACT_MAX_VMS 8

/* Adds a comparison to a line; the text is of the first that fails. */
__attribute__((format(printf, 4, 5))) void contract_demand(struct contract *found,
							   enum contract_line_id line, bool holds,
							   const char *format, ...);

/* Whether it reads that leaf, with nothing in the upper halves, in 64-bit mode at CPL 0. */
bool contract_read_is_clean(const struct cpuid_read *read, uint32_t function, uint32_t index);

/* The lower halves of its registers. */
struct probe_read contract_low(const struct cpuid_read *read);

/* bits: what KVM has agreed to, by VM. */
void contract_judge_reads(const struct facts *facts, const uint64_t *bits, struct contract *found);

#endif
