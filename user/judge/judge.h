/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef JUDGE_H
#define JUDGE_H

/* What the check_*.c have in common; checks.h is for everybody else. */

#include "judge/checks.h"

struct judge {
	const struct result *result;
	struct verdicts *verdicts;
	enum exit_isa isa;
	uint64_t lost; /* events that eBPF did not see or keep */
	unsigned int op_index[PROBE_NR_OPS];
	enum truth_kind op_truth[PROBE_NR_OPS];
	bool asynchronous[EXIT_NR_INDICES];
	bool caused[EXIT_NR_INDICES];	/* a workload causes it */
	bool expected[EXIT_NR_INDICES]; /* a workload or the host does */
	bool time_failed[EXIT_NR_INDICES];
};

/* How the comparisons of a check came out. */
struct tally {
	uint64_t compared, differed;
	uint64_t undecided; /* could not be made */
};

void judge_init(struct judge *judge, const struct result *result, struct verdicts *verdicts);

/* ---- writing a check down ---- */

/* What was compared, and how it came out. */
__attribute__((format(printf, 2, 3))) void check_detail(struct check *check, const char *format,
							...);

/* A comparison that did not hold, or could not be made; the first few are kept. */
__attribute__((format(printf, 2, 3))) void check_example(struct check *check, const char *format,
							 ...);

/* The verdict that follows from a tally. */
void check_settle(struct check *check, const struct tally *tally);

struct place {
	char s[96];
};

/* "VM 1 vCPU 0, 0x72 CPUID, after mov-cr8"; index may be EXIT_INDEX_OTHER, sweep NULL. */
struct place check_place(const struct judge *judge, unsigned int vcpu, unsigned int index,
			 const struct result_sweep *sweep);

/* ---- reads ---- */

const struct probe_read *sweep_reads(const struct result *result, const struct result_sweep *sweep);

/* The first valid read of that leaf and reason in a sweep, and its value; NULL if there is none. */
const struct probe_read *sweep_find(const struct judge *judge, const struct result_sweep *sweep,
				    uint32_t function, unsigned int index, uint64_t *value);

/* The last full sweep of a vCPU, NULL if it has none. */
const struct result_sweep *sweep_last_full(const struct result *result, unsigned int vcpu);

/* Whether a read of a leaf that is none of these answers as on a KVM without the accounting. */
bool read_is_ordinary(const struct result *result, const struct probe_read *read);

/* ---- the truth ---- */

struct bounds {
	uint64_t lower, upper;
};

bool bounds_have(uint64_t value, struct bounds bounds);

struct bounds_text {
	char s[64];
};

struct bounds_text bounds_text(struct bounds bounds);

/* Bounds of the exits of one reason that so many executions cause. */
struct bounds judge_truth(const struct judge *judge, const uint64_t *executed, unsigned int index);

/* What had been executed at that read: by this vCPU, or by the whole VM. */
void sweep_executed(const struct result_sweep *sweep, const struct probe_read *read, bool whole_vm,
		    uint64_t *executed);

/*
 * eBPF's count at that read, from its counts around the sweep and what
 * the vCPU did in between; a range where asynchronous exits came in the sweep.
 */
struct bounds judge_bpf(const struct judge *judge, const struct result_sweep *sweep,
			const struct probe_read *read, unsigned int index);

/* ---- the checks, in the order of the report ---- */

void check_discovery(struct judge *judge, struct check *check);
void check_count(struct judge *judge, struct check *check);
void check_count_vm(struct judge *judge, struct check *check);
void check_total(struct judge *judge, struct check *check);
void check_truth(struct judge *judge, struct check *check);
void check_stats(struct judge *judge, struct check *check);
void check_time(struct judge *judge, struct check *check);
void check_mono(struct judge *judge, struct check *check);
void check_undef(struct judge *judge, struct check *check);
void check_smp(struct judge *judge, struct check *check);
void check_isolation(struct judge *judge, struct check *check);
void check_migrate(struct judge *judge, struct check *check);
void check_unpatched(struct judge *judge, struct check *check);

#endif
