/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_TIME_H
#define CHECK_TIME_H

#include "judge/check.h"

/* How eBPF's clock and the TSC compare. */
struct timing {
	double khz, ppm, resolution; /* resolution in cycles */
	double deviation;	     /* ppm, too, and a part of it: not the clocks' usual one */
};

/* Fills in *timing; false if cycles and eBPF's nanoseconds cannot be compared, and the check says why. */
bool timing_begin(const struct result *result, struct check *check, struct timing *timing);

/* The same, for AUDIT, which allows for a fixed part of an exit's time. */
bool timing_audits(const struct result *result, struct check *check, struct timing *timing);

/*
 * Of windows between two reads in which exits took so long that the bias is nothing to them, how many there
 * are, and the greatest share that the leaves, and what AUDIT saw between the clocks, have of eBPF's cycles.
 */
#define TIME_MIN_LONG 3
#define TIME_LONG_SHARE 0.99
unsigned int time_long_share(const struct result *result, double *share);

/* The number of which all cycles are multiples, though the host's TSC has others; 0: there is none. */
uint64_t time_step(const struct result *result);

void check_time(struct facts *facts, struct check *check);

#endif
