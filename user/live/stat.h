/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LIVE_STAT_H
#define LIVE_STAT_H

/* `exitcheck stat`: exits of the VMs that run, and their time. */

#include <stdint.h>

#include "live/meter.h"
#include "util/error.h"

struct stat_plan {
	struct meter_plan meter;
	unsigned int by;       /* bits of enum usage_by */
	unsigned int seconds;  /* 0: until the command or the process ends, or a signal comes */
	unsigned int interval; /* seconds between two tables, 0: one at the end */
	uint64_t count;	       /* of intervals, 0: any number */
	char **command;	       /* NULL: none */
	const char *json,
		*csv; /* files for these forms, "-": stdout instead of the text; NULL: none */
};

/* *verdict: an enum exit_status. STATUS_CANNOT_RUN, STATUS_USAGE (no such process or VM). */
int stat_run(const struct stat_plan *plan, int *verdict, struct error *err);

#endif
