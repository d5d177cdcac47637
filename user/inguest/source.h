/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef INGUEST_SOURCE_H
#define INGUEST_SOURCE_H

/* What there is to read: which leaves, of which host, and the exit numbers that they know. */

#include <stdbool.h>
#include <stdint.h>

#include "exit_numbers.h"
#include "inguest/reader.h"
#include "kvm/leaf.h"
#include "kvm/leaf_numbers.h"
#include "util/error.h"

#define SOURCE_MAX_NEW 64 /* numbers that a newer host defines */
#define SOURCE_MAX_NUMBERS (EXIT_NR_DEFINED_SVM + SOURCE_MAX_NEW)

struct source {
	bool foreign; /* the leaves of --leaves, without discovery: scope and clock are unknown */
	bool per_vcpu;
	struct leaf_numbers leaves;
	enum exit_isa isa;
	struct leaf_discovery host;
	bool has_epoch;
	uint64_t epoch;
	unsigned int nr;
	uint32_t number[SOURCE_MAX_NUMBERS]; /* the first is that of CPUID */
};

/*
 * Looks for the leaves: KVM's as exitcheck defines them, or for those of another implementation
 * unless foreign is NULL. STATUS_CANNOT_RUN if there are none.
 */
int source_open(struct source *source, struct reader *reader, const struct leaf_numbers *foreign,
		bool per_vcpu, struct error *err);

/* Looks again. *anew: the counters are not those of before, but began anew (another host). */
int source_again(struct source *source, struct reader *reader, bool *anew, struct error *err);

/* Reads one of the source's leaves: LEAF_MALFORMED is an error already, and a number that is undefined 0. */
int source_read(const struct source *source, struct reader *reader, uint32_t leaf, uint32_t number,
		uint64_t *value, struct error *err);

#endif
