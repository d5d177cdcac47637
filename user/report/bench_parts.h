/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCH_PARTS_H
#define BENCH_PARTS_H

/* What the forms of a bench share, as parts.h has for those of a run. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The costs of one workload: as many of "costs", from that index on. */
struct bench_group {
	const char *workload;
	size_t from, nr;
	const json_t *base; /* the one that the others are compared with, or NULL */
};

/* The first group after one that is all zeros, or the next one; false: there is none. */
bool bench_next(const json_t *document, struct bench_group *group);

/* The table. */
enum bench_column {
	BENCH_OBSERVER,
	BENCH_CYCLES,
	BENCH_INTERVAL,
	BENCH_MAD,
	BENCH_ADDED,
	BENCH_ADDED_INTERVAL,
	BENCH_RATIO,
	BENCH_INSTRUCTIONS, /* added; the last one, for there may be none */
	BENCH_NR_COLUMNS,
};

struct bench_row {
	const char *cell[BENCH_NR_COLUMNS]; /* into the document, or into: */
	char buffer[BENCH_NR_COLUMNS][64];
};

/* The heads, and how many columns there are. */
const char *bench_column(const json_t *document, enum bench_column column);
unsigned int bench_nr_columns(const json_t *document);

/* An entry of "costs" in a group; filled in place, as it points into itself. */
void bench_row(const struct bench_group *group, const json_t *cost, struct bench_row *row);

/* What the columns are, one line. */
struct bench_note {
	char s[512];
};

struct bench_note bench_note(const json_t *document);

/* What else the page of a bench, or of a comparison of benches, says of cycles. */
extern const char bench_clock_note[];

#endif
