/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef METRICS_H
#define METRICS_H

/* What `exitcheck export` says, as metrics: in OpenMetrics' text, and in Prometheus' own. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "live/exported.h"
#include "live/meter.h"
#include "util/error.h"

enum metrics_form {
	METRICS_PROMETHEUS, /* text format 0.0.4 */
	METRICS_OPENMETRICS,
};

enum metrics_type {
	METRICS_COUNTER,
	METRICS_GAUGE,
	METRICS_HISTOGRAM,
	METRICS_INFO,
};

struct metrics_family {
	const char *name; /* without the suffix that its type gives to its samples */
	enum metrics_type type;
	const char *unit; /* that the name ends with, NULL: none */
	const char *help;
};

enum {
	METRICS_EXITS,
	METRICS_EXIT_SECONDS,
	METRICS_DURATION,
	METRICS_VCPUS,
	METRICS_VM,
	METRICS_ALL_EXITS,
	METRICS_ALL_SECONDS,
	METRICS_COMPLETE,
	METRICS_INCOMPLETE,
	METRICS_LOST,
	METRICS_DROPPED_VMS,
	METRICS_DROPPED_SERIES,
	METRICS_LOOK_SECONDS,
	METRICS_CPU_SECONDS,
	METRICS_MEMORY,
	METRICS_START,
	METRICS_BUILD,
	NR_METRICS,
};

extern const struct metrics_family metrics_families[NR_METRICS];

/* The exporter itself. */
struct metrics_self {
	const char *version, *commit;
	double look_seconds, cpu_seconds, start_seconds;
	uint64_t resident_bytes;
};

struct metrics {
	const struct meter *meter; /* after a look */
	const struct exported *exported;
	struct metrics_self self;
	bool per_vcpu;		 /* the counters */
	unsigned int max_series; /* of VMs */
};

/* STATUS_CANNOT_RUN if there is no memory, or it cannot be written. */
int metrics_write(FILE *to, const struct metrics *metrics, enum metrics_form form,
		  struct error *err);

/* What a client that says this of itself ("Accept:", NULL: nothing) is to be given, and its name. */
enum metrics_form metrics_form_of(const char *accept);
const char *metrics_content_type(enum metrics_form form);

#endif
