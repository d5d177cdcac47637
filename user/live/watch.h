/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WATCH_H
#define WATCH_H

/* What commands that watch VMs have in common: their room, what ends them, and their intervals. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "kvm/host.h"
#include "tracer/tracer.h"
#include "util/error.h"

struct watch_plan {
	const char *doing;     /* in the message that says how to end it, NULL: there is none */
	pid_t process;	       /* whose VMs, 0: all */
	unsigned int seconds;  /* 0: until the command or the process ends, or a signal comes */
	unsigned int interval; /* seconds between two looks, 0: none but the last */
	uint64_t count;	       /* of intervals, 0: any number */
	char **command;	       /* NULL: none */
	int fd;		       /* poll comes at once when this is readable; 0: there is none */
	/* Every tenth of a second, and at each interval. */
	int (*poll)(void *context, struct error *err);
	int (*look)(void *context, struct error *err);
	/* Likewise, and at once when standard input is readable; false: it is to end. NULL: nobody reads that. */
	bool (*input)(void *context);
};

/* vCPUs that the eBPF program should have room for: at least so many, 0: the default. */
unsigned int watch_room(const struct host *host, unsigned int least);

/* STATUS_USAGE if there is no such process. */
int watch_check_process(pid_t process, struct error *err);

/*
 * Watches until something ends it, from begin (CLOCK_MONOTONIC, ns) on, without the capabilities to load another
 * eBPF program; *command: what ended by itself, NULL if that was not it. STATUS_CANNOT_RUN, or what a look returned.
 */
int watch_run(const struct watch_plan *plan, void *context, uint64_t begin, const char **command,
	      struct error *err);

#endif
