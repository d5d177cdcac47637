/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRACER_DETAILS_H
#define TRACER_DETAILS_H

/* Exits by what tells those of a reason apart, as the eBPF programs keep them: see enum ec_detail_kind. */

#include <stdbool.h>

#include "tracer/shared.h"

/* Exits of a reason of a vCPU that ended and have the same detail. */
struct detail {
	ec_u32 index; /* of the reason */
	ec_u64 key;   /* the detail, or EC_DETAIL_OTHER */
	ec_u64 timed, ns, max_ns;
	ec_u64 part_ns[EC_NR_PARTS];
	ec_u32 hist[EC_HIST_BUCKETS];
};

struct details {
	struct detail *list;
	unsigned int nr, room;
	unsigned int reasons; /* whose details were held against them, ... */
	unsigned int differ;  /* ... and do not sum up to them */
	bool moving;	      /* none was: the vCPU made exits at every try */
	bool failed;	      /* no memory */
};

/* The details of a slot, over what they were. */
void details_read(struct details *details, const struct shared *shared, const struct ec_slot *slot,
		  unsigned int khz);

/* Holds them against the rows, where both are of the same moment. */
void details_check(struct details *details, const struct shared *shared,
		   const struct ec_slot *slot);

/* Adds those of one vCPU to a sum; beyond a bound, to the others. */
void details_add(struct details *sum, const struct details *details);
void details_release(struct details *details);

/* Gives back what a slot has; map: where the programs look. */
void details_give_back(const struct shared *shared, struct ec_state *state, unsigned int slot,
		       int map);

#endif
