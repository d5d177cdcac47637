/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EXPORT_H
#define EXPORT_H

/* `exitcheck export`: exits of the VMs that run, and their time, for Prometheus. */

#include "live/http.h"
#include "live/meter.h"
#include "util/error.h"

#define EXPORT_ADDRESS "127.0.0.1:9798"
#define EXPORT_MAX_SERIES 100000

struct export_plan {
	struct meter_plan meter;
	const struct http_address *listen; /* NULL: no HTTP */
	const char *textfile;		   /* NULL: none */
	unsigned int interval;		   /* of that, in seconds */
	unsigned int max_series;
	bool per_vcpu;
};

/* Until a signal comes or the process ends. STATUS_CANNOT_RUN, STATUS_USAGE (no such process or VM). */
int export_run(const struct export_plan *plan, struct error *err);

#endif
