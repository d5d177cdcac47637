/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LIVE_AUDIT_H
#define LIVE_AUDIT_H

/* `exitcheck audit`: every exit of the VMs that run, while they do. */

#include <stdbool.h>
#include <sys/types.h>

#include "tracer/tracer.h"
#include "util/error.h"

struct audit_plan {
	enum tracer_path path;
	enum tracer_clock clock;
	pid_t process;	       /* whose VMs, 0: all */
	unsigned int seconds;  /* 0: until the command or the process ends, or a signal comes */
	unsigned int interval; /* seconds between two lines, 0: no lines */
	char **command;	       /* NULL: none */
	const char *json; /* file for a line of JSON at each interval and at the end, "-": stdout */
};

/* *verdict: an enum exit_status. STATUS_CANNOT_RUN, STATUS_USAGE (no such process). */
int audit_run(const struct audit_plan *plan, int *verdict, struct error *err);

#endif
