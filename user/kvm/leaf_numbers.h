/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LEAF_NUMBERS_H
#define LEAF_NUMBERS_H

/* Which CPUID leaf is which, in implementations that number them in another way. */

#include <stdint.h>

#include "util/error.h"

/* 0: there is no such leaf. */
struct leaf_numbers {
	uint32_t exits, cycles; /* of one exit number */
	uint32_t total_exits, total_cycles;
};

/*
 * "published", "ascending" or "combined", for those of the published assignment's terms, or a list such as
 * "exits=0x4ffffffe,cycles=0x4fffffff,total-exits=…,total-cycles=…", of which exits alone must be given.
 */
int leaf_numbers_parse(const char *text, struct leaf_numbers *numbers, struct error *err);

/* The name of a numbering, NULL if it has none; and the list. */
const char *leaf_numbers_name(const struct leaf_numbers *numbers);

struct leaf_numbers_text {
	char s[128];
};

struct leaf_numbers_text leaf_numbers_text(const struct leaf_numbers *numbers);

#endif
