/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FACTS_H
#define FACTS_H

/* Facts of a result before anything is judged: the expected exits, and the reads of leaves. */

#include "judge/audit.h"
#include "judge/contract.h"
#include "run/result.h"

struct facts {
	const struct result *result;
	enum exit_isa isa;
	uint64_t lost; /* events that eBPF did not see or keep */
	unsigned int op_index[PROBE_NR_OPS];
	enum truth_kind op_truth[PROBE_NR_OPS];
	bool asynchronous[EXIT_NR_INDICES];
	bool caused[EXIT_NR_INDICES];	/* a workload causes it */
	bool expected[EXIT_NR_INDICES]; /* a workload or the host does */
	bool time_failed[EXIT_NR_INDICES];
	bool time_judged;
	struct audit *audit;	   /* where AUDIT leaves what it found */
	struct contract *contract; /* likewise, CONTRACT, and STATS: */
	struct account_found *account;
};

void facts_init(struct facts *facts, const struct result *result);

/* Whether a reason has a fast path on any of the kernels. */
bool facts_has_fast_path(enum exit_isa isa, unsigned int index);

/* ---- reads ---- */

const struct probe_read *sweep_reads(const struct result *result, const struct result_sweep *sweep);

/* The first valid read of that leaf and reason in a sweep, and its value; NULL if there is none. */
const struct probe_read *sweep_find(const struct facts *facts, const struct result_sweep *sweep,
				    uint32_t function, unsigned int index, uint64_t *value);

/* The last full sweep of a vCPU, NULL if it has none. */
const struct result_sweep *sweep_last_full(const struct result *result, unsigned int vcpu);

/* ---- the truth ---- */

struct bounds {
	uint64_t lower, upper;
};

bool bounds_have(uint64_t value, struct bounds bounds);

struct bounds_text {
	char s[64];
};

struct bounds_text bounds_text(struct bounds bounds);

/* Bounds of the exits of one reason that these executions cause. */
struct bounds facts_truth(const struct facts *facts, const uint64_t *executed, unsigned int index);

/* What had been executed at that read: by this vCPU, or by the whole VM. */
void sweep_executed(const struct result_sweep *sweep, const struct probe_read *read, bool whole_vm,
		    uint64_t *executed);

/*
 * eBPF's count at that read, from its counts around the sweep and what
 * the vCPU did in between; a range where asynchronous exits came in the sweep.
 */
struct bounds facts_bpf(const struct facts *facts, const struct result_sweep *sweep,
			const struct probe_read *read, unsigned int index);

#endif
