/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPARE_H
#define COMPARE_H

/*
 * Two reports of `exitcheck run`, or two of `exitcheck bench`, against one
 * another: what differs, and whether that is more than noise.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "util/error.h"

enum compare_verdict {
	COMPARE_SAME, /* within the noise */
	COMPARE_LESS,
	COMPARE_MORE,
	COMPARE_OVER,	/* more, and by more than --fail-over allows */
	COMPARE_ONLY_A, /* not in the other: not compared */
	COMPARE_ONLY_B,
};

/* One quantity of one exit reason, or of one workload under one observer. */
struct compare_row {
	char name[64];
	const char *quantity; /* "exits", "cycles", "ns", "instructions" */
	double a, b;
	/*
	 * By how much b is more than a, in per cent of a, with the 95 % confidence
	 * interval; of exits, by what caused them. Infinite where a is 0.
	 */
	double change, low, high;
	enum compare_verdict verdict;
};

/* Where a document comes from. */
struct compare_origin {
	char cpu[64], kernel[65];
};

struct comparison {
	const char *kind; /* "run" or "bench" */
	struct compare_origin a, b;
	bool has_limit;
	double limit; /* --fail-over, per cent */
	struct compare_row *rows;
	unsigned int nr_rows;
};

/*
 * Compares two documents. limit: per cent, negative if there is none. STATUS_USAGE for that of a
 * run that failed, or not of the same kind as the other. The caller destroys *comparison, which
 * is not set then.
 */
int compare_documents(const json_t *a, const json_t *b, double limit,
		      struct comparison **comparison, struct error *err);

/* The same of two files, each read by report_read(), with its errors. */
int compare_files(const char *a, const char *b, double limit, struct comparison **comparison,
		  struct error *err);
void compare_destroy(struct comparison *comparison);

/* STATUS_MISMATCH if a row is over the limit, STATUS_INCONCLUSIVE if none could be compared. */
int compare_status(const struct comparison *comparison);

/* "same", "more" ... */
const char *compare_verdict_name(enum compare_verdict verdict);

#endif
