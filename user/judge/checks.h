/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECKS_H
#define CHECKS_H

/*
 * Judges a result: pure functions of its data, no input or output. What each
 * check demands stands in exitcheck.8.
 */

#include "judge/diagnose.h"
#include "run/result.h"

#define CHECKS(X)                 \
	X(DISCOVERY, "DISCOVERY") \
	X(COUNT, "COUNT")         \
	X(COUNT_VM, "COUNT-VM")   \
	X(TOTAL, "TOTAL")         \
	X(TRUTH, "TRUTH")         \
	X(STATS, "STATS")         \
	X(TIME, "TIME")           \
	X(MONO, "MONO")           \
	X(UNDEF, "UNDEF")         \
	X(SMP, "SMP")             \
	X(ISOLATION, "ISOLATION") \
	X(MIGRATE, "MIGRATE")     \
	X(UNPATCHED, "UNPATCHED") /* only where there are no leaves */

enum check_id {
#define X(id, name) CHECK_##id,
	CHECKS(X)
#undef X
	NR_CHECKS,
};

enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_INCONCLUSIVE,
	VERDICT_SKIP,
};

#define CHECK_MAX_EXAMPLES 3

struct check {
	enum check_id id;
	enum verdict verdict;
	char detail[320];
	/* The first comparisons that did not hold, or could not be made. */
	char examples[CHECK_MAX_EXAMPLES][160];
	unsigned int nr_examples;
};

/* A reason, in PHASE_SINGLE. */
struct reason_row {
	unsigned int index, number;
	bool has_truth; /* false: nothing the guest does decides it */
	bool exact;	/* false: truth is a bound ... */
	bool at_most;	/* ... an upper one */
	uint64_t truth;
	bool has_leaf;
	uint64_t leaf, bpf; /* at the same instant */
	int64_t difference; /* leaf - bpf, or bpf - truth where there is no leaf */
	bool has_leaf_cycles, has_bpf_cycles;
	double leaf_cycles, bpf_cycles; /* of an exit, mean */
	double bias;			/* their difference */
	enum verdict verdict;
};

struct verdicts {
	struct reason_row rows[EXIT_NR_INDICES];
	unsigned int nr_rows;
	struct check checks[NR_CHECKS];
	unsigned int nr_checks;
	uint64_t exits;		     /* seen by the eBPF program, all VMs */
	uint64_t compared, differed; /* leaf reads, in place */
	/* Of what failed; the most likely one first. */
	struct diagnosis diagnoses[NR_DIAGNOSES];
	unsigned int nr_diagnoses;
	enum exit_status status;
	char closing[320]; /* the last line of the report */
};

void checks_judge(const struct result *result, struct verdicts *verdicts);

const char *check_name(enum check_id id);
const char *verdict_name(enum verdict verdict);

/* Exits of one reason from the end of the sweep before a workload to that of the one after. */
struct workload_delta {
	uint64_t truth; /* at least */
	bool has_leaf;
	uint64_t leaf, bpf;
};

void workload_delta(const struct result *result, const struct result_workload *workload,
		    unsigned int index, struct workload_delta *delta);

#endif
