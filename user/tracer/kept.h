/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KEPT_H
#define KEPT_H

/* What the eBPF programs hand over one by one, through ring buffers. */

#include <stddef.h>

#include "exitcheck.h"

struct bpf_object;
struct ring_buffer;

struct kept {
	struct ring_buffer *ring;
	const unsigned int
		*numbers; /* of vCPUs, plus 1, by the number of their slot; 0: it has none */
	struct ec_mismatch mismatches[EC_MAX_MISMATCHES];
	unsigned int nr_mismatches;
	struct ec_difference differences[EC_MAX_MISMATCHES];
	unsigned int nr_differences;
};

/* Returns 0 or a negative error. numbers stays the caller's. */
int kept_open(struct kept *kept, const struct bpf_object *object, const unsigned int *numbers);
void kept_close(struct kept *kept);

/* Takes what has come since the last time. A slot that is given back must have been looked at. */
void kept_take(struct kept *kept);

#endif
