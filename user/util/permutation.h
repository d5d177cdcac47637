/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PERMUTATION_H
#define PERMUTATION_H

/*
 * Whether two groups of files differ in any of many quantities by more than chance. If the groups are
 * alike, any other way to label the files A and B was as likely as theirs: the largest statistic of all
 * rows under each is what chance alone makes (Westfall and Young). So 5 % of comparisons of what is alike
 * show a difference anywhere, whatever the values' distributions and however the rows hang together.
 */

#include <stdbool.h>
#include <stddef.h>

#define PERMUTATION_ALPHA 0.05

struct permutation {
	unsigned int nr_a, nr_b;
	size_t nr_rows;
	/* By row, nr_a and then nr_b of them; NaN: that file has none. */
	double *values;
	/* By row: the least that two files can differ by, so that some which do not seem exact. */
	double *floors;

	/* What comes of it. */
	unsigned int labellings;
	bool too_few;	 /* no difference, however large, could be told */
	double critical; /* what the statistic of a row that differs is above */
};

struct permuted {
	unsigned int nr_a, nr_b; /* values that there are */
	double mean_a, mean_b;
	double error; /* of their difference; times critical: of the simultaneous 95 % interval */
	double p;     /* adjusted for the number of rows */
};

/* Of each row, in rows[nr_rows]. False: no memory. */
bool permutation_test(struct permutation *permutation, struct permuted *rows);

#endif
