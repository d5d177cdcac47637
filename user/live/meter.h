/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef METER_H
#define METER_H

/* Who counts the exits of the VMs that run, the patched KVM itself or the eBPF program, and what has been counted. */

#include "kvm/host.h"
#include "live/kernel_source.h"
#include "live/outliers.h"
#include "live/proof.h"
#include "live/prover.h"
#include "live/usage.h"
#include "tracer/tracer.h"
#include "util/error.h"

enum meter_source {
	METER_AUTO, /* the kernel if it accounts for every VM, else eBPF */
	METER_EBPF,
	METER_KERNEL,
	METER_BOTH, /* eBPF, held against the kernel */
};

struct meter_plan {
	enum meter_source source;
	enum tracer_path path;
	enum tracer_clock clock;
	pid_t process;	   /* whose VMs, 0: all */
	const char *vm;	   /* the VM of that name, NULL: any */
	unsigned int room; /* eBPF: for so many vCPUs at least, 0: the default */
	bool details;	   /* what tells the exits of a reason apart, by eBPF */
	bool split;	   /* where their time went, likewise */
	uint64_t over;	   /* ns; exits that take longer are kept one by one, likewise; 0: none */
};

struct meter {
	struct meter_plan plan;
	struct host host;
	char name[64]; /* in words */
	uint64_t begin;
	struct usage usage;	  /* of the last look, ... */
	struct proof proof;	  /* ... and whether that is all */
	struct outliers outliers; /* since the look before */
	uint64_t dropped;	  /* of these, ever */

	struct kernel_source *kernel; /* either this one, ... */
	struct tracer *tracer;	      /* ... or these */
	struct prover prover;
};

/*
 * Finds out what the host is, and the process that is asked for: it is in meter->plan then. STATUS_CANNOT_RUN,
 * STATUS_USAGE (no such process or VM). meter_close() in any case.
 */
int meter_find(struct meter *meter, const struct meter_plan *plan, struct error *err);

/* Exits count from here on. STATUS_CANNOT_RUN. */
int meter_open(struct meter *meter, struct error *err);

/* Takes notice of vCPUs that come and go: some times a second. STATUS_CANNOT_RUN. */
int meter_poll(struct meter *meter, struct error *err);

/* A look. Nothing counts after the last one. STATUS_CANNOT_RUN. */
int meter_take(struct meter *meter, bool is_last, struct error *err);

void meter_close(struct meter *meter);

#endif
