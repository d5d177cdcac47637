/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPARISON_PARTS_H
#define COMPARISON_PARTS_H

/* What the forms of a comparison share, as parts.h has for those of a run. */

#include <jansson.h>
#include <stdbool.h>

enum comparison_column {
	COMPARISON_NAME,
	COMPARISON_QUANTITY,
	COMPARISON_A,
	COMPARISON_B,
	COMPARISON_CHANGE,
	COMPARISON_INTERVAL,
	COMPARISON_VERDICT,
	COMPARISON_NR_COLUMNS,
};

extern const char *const comparison_columns[COMPARISON_NR_COLUMNS];

static inline bool comparison_is_words(enum comparison_column column)
{
	return column <= COMPARISON_QUANTITY || column == COMPARISON_VERDICT;
}

struct comparison_row {
	const char *cell[COMPARISON_NR_COLUMNS]; /* into the document, or into: */
	char buffer[COMPARISON_NR_COLUMNS][64];
};

/* An entry of "rows"; filled in place, as it points into itself. */
void comparison_row(const json_t *entry, struct comparison_row *row);

/* What the columns are, one line. */
extern const char comparison_note[];

#endif
