/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef JUDGE_PUBLISHED_H
#define JUDGE_PUBLISHED_H

/*
 * What --leaves shows of an implementation of the assignment: how its leaves grew, next to eBPF's
 * numbers. Only differences count, as counters of all VMs never begin at 0.
 */

#include "judge/facts.h"
#include "judge/verdicts.h"

/* One count of a single vCPU, from its first sweep to its last; or that of a window. */
struct grown {
	bool has;	       /* it was read, and not refused */
	int64_t leaf;	       /* 32 bits of it */
	uint64_t lower, upper; /* what would be right, by eBPF */
	int64_t error;	       /* beyond that range */
};

/* Cycles of one number, of the workloads that cause it. */
struct passed {
	unsigned int windows;
	double cycles, lower, upper; /* by the leaf; at least and at most, by eBPF */
	double timed;
	bool outside; /* user space handles such exits */
};

struct published {
	struct facts facts;
	const struct result *result;
	const struct leaf_numbers *leaves;
	struct verdicts *verdicts;
	enum published_scope scope;

	struct grown counts[EXIT_NR_INDICES], total; /* one vCPU alone */
	struct grown smp[EXIT_NR_INDICES], smp_total;
	struct passed times[EXIT_NR_INDICES];
	bool refused[EXIT_NR_INDICES]; /* by the leaf of exits */
	bool happened[EXIT_NR_INDICES];
	/* How cycles must be read. */
	bool swapped, narrow;
	bool total_grows; /* of cycles */
	bool late;	  /* eBPF sees an exit when KVM handles it: its clock begins late */
	uint64_t reads;	  /* of the leaves */
	uint64_t compared[NR_POINTS], differed[NR_POINTS];
};

/* The registers of that leaf and number in a sweep: the first such read, or the last; NULL: none. */
const struct probe_read *published_read(const struct published *p, const struct result_sweep *sweep,
					uint32_t leaf, uint32_t number, bool last);

/* EAX = EBX = ECX = 0, EDX = 0xffffffff */
bool read_is_refused(const struct probe_read *read);

/* Cycles, as EBX:ECX has them. */
uint64_t read_cycles(const struct published *p, const struct probe_read *read);

/* How a count grew between two sweeps; others: what else than the vCPU's own exits is in it. */
struct grown published_grown(const struct published *p, const struct probe_read *before,
			     const struct probe_read *after, const struct result_sweep *first,
			     const struct result_sweep *last, unsigned int index, uint64_t others);

/* Whether the leaves also have exits of VMs that are none of this run's: too many of anything says nothing. */
bool published_has_others(const struct published *p);

/* Adds a finding; shows is what was seen, as sentences. */
__attribute__((format(printf, 4, 5))) void published_find(struct published *p, enum finding_id id,
							  unsigned int points, const char *shows,
							  ...);

#define POINT(id) (1u << POINT_##id)

/* "0x72 CPUID (12 of 1,274), ... and 3 more": the n numbers of a list, those that lack most first. */
struct number_list {
	char s[240];
};

struct number_list published_list(const struct published *p, const bool *in);

/* "35, 38, 71 to 255" */
struct range_list {
	char s[120];
};

struct range_list range_list(enum exit_isa isa, const uint32_t *numbers, unsigned int nr);

#endif
