/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COLUMNS_H
#define COLUMNS_H

/* What is said of some exits, by what names and in what units: one table for all forms. */

#include <jansson.h>
#include <stdbool.h>

#include "live/usage.h"
#include "util/text.h"

enum column_id {
	COLUMN_EXITS,
	COLUMN_RATE,
	COLUMN_TIME,
	COLUMN_SHARE,
	COLUMN_MEAN,
	COLUMN_P50,
	COLUMN_P99,
	COLUMN_MAX,
	NR_COLUMNS,
};

/* What a column is computed from. */
struct column_input {
	const struct usage *usage;
	const struct usage_exits *exits;
	double seconds; /* in which they were made */
};

struct column {
	const char *name; /* in JSON and CSV, with its unit */
	const char *head; /* of a table */
	int width;
	bool is_whole;
	bool needs_hist; /* a source without histograms has it not */
	/* False: it is not known, such as the mean of no exits. */
	bool (*value)(const struct column_input *input, double *value);
	/* A value as a table has it. */
	struct text (*text)(const struct column_input *input, double value);
};

extern const struct column columns[NR_COLUMNS];

/* Where the time of those that ended went: the handler's first, then by enum ec_part. They sum up to it. */
#define NR_PART_COLUMNS (1 + EC_NR_PARTS)
extern const struct column part_columns[NR_PART_COLUMNS];

/* Sets it in a line of JSON, by its name. */
void column_add_json(json_t *json, const struct column *column, const struct column_input *input);

/* A cell of a table: "-" if it is not known. */
struct text column_cell(const struct column *column, const struct column_input *input);
struct text column_text(enum column_id id, const struct column_input *input);

#endif
