/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef USAGE_H
#define USAGE_H

/*
 * Exits of the VMs that run and their time, in all and since the last look: plain data, whatever the source.
 * A source gives what it has counted in all; what is new since the last look is found here.
 */

#include <stdbool.h>
#include <stdint.h>

#include "exitcheck.h"

/* Some exits together. */
struct usage_exits {
	uint64_t exits;	  /* that began */
	uint64_t ended;	  /* by an entry: those whose time is known ... */
	uint64_t ns;	  /* ... and this is it */
	uint64_t time_ns; /* spent in exits, those under way until now: at most what passed */
	uint64_t max_ns;  /* of those that ended; with max_is_bound, none was longer */
	bool max_is_bound;
	uint64_t part_ns[EC_NR_PARTS]; /* of ns, where the source has them; the rest is the handler's */
	uint64_t hist[EC_HIST_BUCKETS]; /* of those that ended; all 0 if the source has none */
};

/* In all, and since the last look. */
struct usage_part {
	struct usage_exits all, now;
	struct usage_exits
		unknown; /* of all, those whose detail is not known yet; none of them is in now */
};

/* Exits of a reason with the same detail, as exit_detail() takes it. */
struct usage_detail {
	unsigned int index; /* of the reason */
	uint64_t detail;
	struct usage_part part;
};

struct usage_vcpu {
	uint64_t key;	 /* which one it is to its source */
	unsigned int vm; /* number of its VM; 0: vCPUs that went long ago, of any VM */
	unsigned int id, process, thread;
	bool late; /* had run before it was seen: its first exit may be missing */
	bool gone;
	double gone_at; /* seconds of the look that saw it first; of a vCPU that has gone */
	bool looked_at;
	struct usage_part *reason[EXIT_NR_INDICES]; /* NULL: it has not happened */
	/* Those of a reason sum up to it, if it has any, with those that are unknown. */
	struct usage_detail *details;
	unsigned int nr_details;
};

struct usage_vm {
	unsigned int number, process;
	char name[64];
	unsigned int vcpus, gone, late;
};

struct usage {
	unsigned int khz; /* of the histograms' unit, 0: it is ns */
	bool has_hist;
	bool has_parts;
	uint64_t excess_ns;	   /* by which its source found parts longer than their exits */
	double seconds, interval;  /* since the beginning, and since the last look */
	struct usage_vcpu **vcpus; /* by VM and number */
	unsigned int nr_vcpus;
	struct usage_vm *vms; /* by number */
	unsigned int nr_vms;
	/* Reasons of vCPUs whose details their source held against them; that do not sum up to them. */
	unsigned int details_held, details_differ;
	unsigned int details_moving; /* vCPUs of which none could be held */
	bool failed;		     /* no memory */
};

/* Begins a look: seconds since the beginning. */
void usage_begin(struct usage *usage, double seconds);

/*
 * The vCPU that has the key, made if it is new: for the source to fill in what it is. It is not sorted in
 * before usage_end(). NULL: no memory.
 */
struct usage_vcpu *usage_vcpu(struct usage *usage, uint64_t key);

/* What it has of a reason, in all: exits, ended, ns, time_ns, max_ns, hist. */
void usage_set(struct usage *usage, struct usage_vcpu *vcpu, unsigned int index,
	       const struct usage_exits *all);

/*
 * What it has of a detail, in all: as of a moment not later than usage_set()'s of that reason. After these,
 * usage_end_details() of each reason that has details, even if none is known yet: what the reason has more, such as an
 * exit under way, is unknown.  It is new since the last look once it is known.
 */
void usage_set_detail(struct usage *usage, struct usage_vcpu *vcpu, unsigned int index,
		      uint64_t detail, const struct usage_exits *all);
void usage_end_details(struct usage *usage, struct usage_vcpu *vcpu, unsigned int index);

/* vCPUs that the source has at this look no more are part of this one from here on. Before its usage_set(). */
void usage_merge_missing(struct usage *usage, struct usage_vcpu *former);

/* A VM of which there will be vCPUs: for those who name VMs before the next look. */
void usage_add_vm(struct usage *usage, unsigned int number, unsigned int process);

/* Ends a look: vCPUs and VMs are in order. False: no memory. */
bool usage_end(struct usage *usage);

void usage_release(struct usage *usage);

/* How exits are put together, in bits. */
enum usage_by {
	USAGE_BY_VM = 1,
	USAGE_BY_VCPU = 2, /* with USAGE_BY_VM */
	USAGE_BY_REASON = 4,
	USAGE_BY_DETAIL = 8, /* with USAGE_BY_REASON */
};

/* Which ones count. */
struct usage_filter {
	unsigned int vm;	       /* 0: any */
	const struct usage_vcpu *vcpu; /* NULL: any */
};

struct usage_row {
	const struct usage_vm *vm;     /* NULL: not by VM */
	const struct usage_vcpu *vcpu; /* likewise */
	int index;		       /* of the reason, -1: all of them */
	bool has_detail;
	uint64_t detail;
	struct usage_exits sum;
};

/*
 * Rows with exits or time, since the last look or in all, the dearest first; *rows is the caller's to free. The sum
 * of all goes to *total. False: no memory.
 */
bool usage_rows(const struct usage *usage, unsigned int by, const struct usage_filter *filter,
		bool now, struct usage_row **rows, unsigned int *nr, struct usage_exits *total);

/* A quantile of the times: between low and high (a factor of two), estimated in between. */
struct usage_quantile {
	double low, high, ns;
};

/* False: there is no histogram, or no exit ended. */
bool usage_quantile(const struct usage *usage, const struct usage_exits *exits, double part,
		    struct usage_quantile *quantile);

/* What is left to the handler of those that ended. */
uint64_t usage_handler_ns(const struct usage_exits *exits);

/* Where a bucket of the histograms begins, in ns; it ends where the next one begins. */
double usage_bucket_ns(const struct usage *usage, unsigned int bucket);

#endif
