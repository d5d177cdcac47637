/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPARE_H
#define COMPARE_H

/*
 * Reports of `exitcheck run`, or of `exitcheck bench`, in two groups: what differs between these, and
 * whether that is more than what files of one group differ by.
 */

#include <jansson.h>
#include <stdbool.h>

#include "util/error.h"

enum compare_verdict {
	COMPARE_SAME, /* within what chance does */
	COMPARE_LESS,
	COMPARE_MORE,
	COMPARE_OVER,	 /* more, and by more than --fail-over allows */
	COMPARE_TOO_FEW, /* too few files to tell */
	COMPARE_ONLY_A,	 /* not in the other: not compared */
	COMPARE_ONLY_B,
	NR_COMPARE_VERDICTS,
};

/* One quantity of one exit reason, or of one workload under one observer. */
struct compare_row {
	char name[64], exit[64]; /* as a quantity has them */
	const char *quantity;
	bool exact;  /* nothing of it is left to chance */
	bool is_log; /* compared by ratio */
	double a, b;
	/*
	 * By how much b is more than a, in per cent, with an interval: of all rows' intervals, all hold in 95 %
	 * of comparisons. NaN: not known.
	 */
	double change, low, high, p;
	enum compare_verdict verdict;
};

/* A group of files. */
struct compare_side {
	json_t *const *documents;
	const char *const *names;
	unsigned int nr;
};

struct comparison {
	struct compare_side a, b;
	const char *kind; /* "run" or "bench" */
	bool has_limit;
	double limit; /* --fail-over, per cent */
	unsigned int labellings;
	struct compare_row *rows;
	size_t nr_rows;
	/* What a row that cannot be told is short of: of the rows that are the same, some may be over the limit. */
	size_t may_be_over;
};

/*
 * Compares two groups of documents, which must stay. limit: per cent, negative if there is none.
 * STATUS_USAGE for that of a run that failed, or not of the same kind as the others. The caller destroys
 * *comparison, which is not set then.
 */
int compare_documents(const struct compare_side *a, const struct compare_side *b, double limit,
		      struct comparison **comparison, struct error *err);
void compare_destroy(struct comparison *comparison);

/* How many rows have that verdict. */
size_t compare_count(const struct comparison *comparison, enum compare_verdict verdict);

/* Reports of a side that end with that verdict: "PASS", "FAIL" ... */
unsigned int compare_verdicts(const struct compare_side *side, const char *verdict);

/* STATUS_MISMATCH if a row is over the limit, or only B fails; STATUS_INCONCLUSIVE if it cannot be told. */
int compare_status(const struct comparison *comparison);

#endif
