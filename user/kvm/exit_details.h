/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EXIT_DETAILS_H
#define EXIT_DETAILS_H

/* What tells the exits of a reason apart: where KVM has it, and what it says. */

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"

/* Sets what each reason has, for the eBPF program. */
void exit_details_set(enum exit_isa isa, struct ec_detail_of details[EXIT_NR_INDICES]);

/* What one says. */
struct exit_detail {
	char text[48]; /* "OUT 0x3f8, 1 byte"; "other": unknown ones, and those beyond the bound */
	bool has_number;    /* of the leaf, MSR, port, page, vector, register ... */
	uint64_t number;    /* the page's is its address */
	const char *access; /* "read" or "write", NULL: the reason has only one, or it is unknown */
	unsigned int bytes; /* 0: of no size */
};

struct exit_detail exit_detail(enum exit_isa isa, unsigned int index, uint64_t detail);

#endif
