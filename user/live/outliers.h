/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef OUTLIERS_H
#define OUTLIERS_H

/* Exits that took longer than was asked for, one by one. */

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "exitcheck.h"
#include "live/usage.h"

/* Of an interval. */
struct outliers {
	uint64_t over_ns;
	uint64_t begin; /* of all, on CLOCK_MONOTONIC in ns */
	const struct ec_outlier *list;
	unsigned int nr;
	uint64_t dropped; /* that are not in the list, as there were too many at a time, or their vCPU is gone */
};

/* The row that it would be alone. */
struct usage_row outlier_row(const struct usage *usage, const struct ec_outlier *outlier);

void outliers_text(FILE *to, enum exit_isa isa, const struct usage *usage,
		   const struct outliers *outliers);

/* What a line of JSON has of one beside its vCPU, reason and detail. */
void outlier_add_json(json_t *json, const struct outliers *outliers,
		      const struct ec_outlier *outlier);

#endif
