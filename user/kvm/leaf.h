/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LEAF_H
#define LEAF_H

#include <stdbool.h>
#include <stdint.h>

#include "exitcheck.h"
#include "kvm/guest/probe_abi.h"

enum leaf_state {
	LEAF_VALUE,	       /* *value is set */
	LEAF_NUMBER_UNDEFINED, /* 0, 0, 0, 0xffffffff */
	LEAF_MALFORMED,	       /* registers that the ABI does not allow */
};

/* Decodes what a leaf returned (all of LEAF_FIRST..LEAF_LAST but LEAF_DISCOVERY). */
enum leaf_state leaf_decode(const struct probe_read *read, uint64_t *value);

/*
 * Likewise, of any leaf of another implementation: looks at no register but those that the published
 * assignment names, and at the low half of a count only. Never LEAF_MALFORMED.
 */
enum leaf_state leaf_foreign_decode(const struct probe_read *read, bool cycles, uint64_t *value);

#define LEAF_EPOCH_ABI_VERSION 2 /* from this version on, LEAF_DISCOVERY has the epoch as index 2 */

/* Discovery, from LEAF_DISCOVERY with index 0 and 1. */
struct leaf_discovery {
	bool present; /* the signature is there */
	uint32_t abi_version;
	uint32_t tsc_khz;
	uint32_t isa;	   /* enum exit_isa */
	uint32_t features; /* LEAF_FEATURE_* */
	uint32_t nr_counters;
};

void leaf_discovery_decode(const struct probe_read *sub0, const struct probe_read *sub1,
			   struct leaf_discovery *discovery);

#endif
