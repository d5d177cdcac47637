/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef QUANTITIES_H
#define QUANTITIES_H

/* What files have in common that can be compared: a row of values, one a file, for each quantity. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct quantity {
	char name[64]; /* of the exit reason; or of workload and observer */
	char exit[64]; /* that the workload causes, "" for the rows of a run */
	const char *unit;
	bool is_log;	/* the values are logarithms */
	bool is_rate;	/* never below 0 */
	bool exact;	/* the guest alone decides it */
	double floor;	/* files that are alike may differ by so much */
	bool at_random; /* a file that has none has 0 */
	double base;	/* that a change is given in per cent of, 0: of the value itself */
};

struct quantities {
	struct quantity *list;
	double *values; /* by quantity, then by file; NaN: that file has none */
	size_t nr, room;
	unsigned int nr_a, nr_files;
	bool in_ns, leaves;
	json_t *places; /* by name and unit */
};

/* For so many files. in_ns: their cycles are not the same; leaves: all have the times of the leaves. */
bool quantities_begin(struct quantities *quantities, unsigned int nr_a, unsigned int nr_b,
		      bool in_ns, bool leaves);
/* Adds what a document has, of run or bench. False: no memory. */
bool quantities_add(struct quantities *quantities, const json_t *document, unsigned int file);
/* Once all are added. */
void quantities_complete(struct quantities *quantities);
void quantities_end(struct quantities *quantities);

#endif
