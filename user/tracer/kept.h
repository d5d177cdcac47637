/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KEPT_H
#define KEPT_H

/* What the eBPF programs hand over one by one, through ring buffers. */

#include <stdbool.h>
#include <stddef.h>

#include "exitcheck.h"

struct bpf_object;
struct ring_buffer;

#define KEPT_OUTLIERS 1024

struct kept {
	struct ring_buffer *ring;
	const unsigned int
		*numbers; /* of vCPUs, plus 1, by the number of their slot; 0: it has none */
	struct ec_mismatch mismatches[EC_MAX_MISMATCHES];
	unsigned int nr_mismatches;
	struct ec_difference differences[EC_MAX_MISMATCHES];
	unsigned int nr_differences;
	unsigned int khz;	     /* of the programs' clock, 0: it is in ns */
	struct ec_outlier *outliers; /* since the last kept_outliers() */
	unsigned int nr_outliers;
	bool taken;		 /* they were by that */
	ec_u64 dropped_outliers; /* there was no room, or their vCPU is gone */
};

/* Returns 0 or a negative error. numbers stays the caller's. */
int kept_open(struct kept *kept, const struct bpf_object *object, const unsigned int *numbers);
void kept_close(struct kept *kept);

/* Takes what has come since the last time. A slot that is given back must have been looked at. */
void kept_take(struct kept *kept);

/* Outliers since the last time, up to KEPT_OUTLIERS. */
const struct ec_outlier *kept_outliers(struct kept *kept, unsigned int *nr);

#endif
