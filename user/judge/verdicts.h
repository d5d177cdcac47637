/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VERDICTS_H
#define VERDICTS_H

/* The outcome of judging a run, as plain data. exitcheck.8 says what each check demands. */

#include <stdbool.h>
#include <stdint.h>

#include "exitcheck.h"
#include "judge/audit.h"
#include "judge/contract.h"
#include "judge/findings.h"
#include "judge/diagnoses.h"
#include "kvm/workload.h"
#include "util/error.h"

/* UNPATCHED: only where there are no leaves; the last ones: only of --leaves. */
#define CHECKS(X)                 \
	X(DISCOVERY, "DISCOVERY") \
	X(COUNT, "COUNT")         \
	X(COUNT_VM, "COUNT-VM")   \
	X(TOTAL, "TOTAL")         \
	X(TRUTH, "TRUTH")         \
	X(STATS, "STATS")         \
	X(AUDIT, "AUDIT")         \
	X(TIME, "TIME")           \
	X(UNCOVERED, "UNCOVERED") \
	X(MONO, "MONO")           \
	X(UNDEF, "UNDEF")         \
	X(SMP, "SMP")             \
	X(ISOLATION, "ISOLATION") \
	X(MIGRATE, "MIGRATE")     \
	X(STORM, "STORM")         \
	X(CONTRACT, "CONTRACT")   \
	X(WIDTH, "WIDTH")         \
	X(UNPATCHED, "UNPATCHED") \
	ASSIGNED_POINTS(X)

enum check_id {
#define X(id, name) CHECK_##id,
	CHECKS(X)
#undef X
	NR_CHECKS,
	CHECK_FIRST_POINT = CHECK_EXITS,
};

enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_INCONCLUSIVE,
	VERDICT_SKIP,
};

#define CHECK_MAX_DETAIL 400
#define CHECK_MAX_EXAMPLES 3

struct check {
	enum check_id id;
	enum verdict verdict;
	char detail[CHECK_MAX_DETAIL];
	/* The first comparisons that failed, or could not be made. */
	char examples[CHECK_MAX_EXAMPLES][CHECK_MAX_DETAIL];
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
	bool has_uncovered;
	double uncovered; /* cycles of an exit that the guest's clock has and the leaves have not */
	enum verdict verdict;
};

/* The exits of one reason that one workload caused, as each source has them. */
struct workload_exits {
	unsigned int workload, index; /* workload: in result->workloads */
	uint64_t truth;		      /* at least */
	bool has_leaf;
	uint64_t leaf, bpf;
};

#define VERDICTS_MAX_WORKLOAD_EXITS (WORKLOADS_MAX * EXIT_NR_DEFINED_SVM)

/* Of KVM's account by its statistics: numbers that differ, and of these, cycles of an exit that goes on. */
struct account_found {
	uint64_t differed, open;
};

struct verdicts {
	struct reason_row rows[EXIT_NR_INDICES];
	unsigned int nr_rows;
	struct check checks[NR_CHECKS];
	unsigned int nr_checks;
	struct audit audit;	  /* if AUDIT was not skipped */
	struct contract contract; /* if it was judged */
	struct account_found account;
	uint64_t exits;		     /* seen by the eBPF program, all VMs */
	uint64_t compared, differed; /* leaf reads, in place */
	/* Of what failed; the most likely one first. */
	struct diagnosis diagnoses[NR_DIAGNOSES];
	unsigned int nr_diagnoses;
	/* Of --leaves: all defects, then remarks. */
	struct finding findings[NR_FINDINGS];
	unsigned int nr_findings;
	enum published_scope scope;
	enum exit_status status;
	char closing[320]; /* the last line of the report */
	unsigned int nr_workload_exits;
	/* By workload, then by reason; those that nobody saw are left out. */
	struct workload_exits workload_exits[VERDICTS_MAX_WORKLOAD_EXITS];
};

const char *check_name(enum check_id id);
/* What it asserts, in half a line. */
const char *check_asserts(enum check_id id);
const char *verdict_name(enum verdict verdict);

#endif
