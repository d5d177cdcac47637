/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TOP_H
#define TOP_H

/* `exitcheck top`: the same as stat's, live on a terminal. */

#include <stdbool.h>
#include <stdint.h>

#include "live/meter.h"
#include "util/error.h"

struct top_plan {
	struct meter_plan meter;
	unsigned int seconds;  /* 0: until the process ends, a signal comes or a key ends it */
	unsigned int interval; /* seconds between two looks */
	uint64_t count;	       /* of intervals, 0: any number */
	bool color;
};

/* *verdict: an enum exit_status. STATUS_CANNOT_RUN, STATUS_USAGE (no such process or VM). */
int top_run(const struct top_plan *plan, int *verdict, struct error *err);

#endif
