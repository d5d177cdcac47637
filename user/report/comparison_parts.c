// SPDX-License-Identifier: GPL-2.0-only
#include "report/comparison_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/parts.h"

const char *const comparison_columns[COMPARISON_NR_COLUMNS] = {
	"", "quantity", "A", "B", "change", "95 % interval", "",
};

const char comparison_note[] =
	"A and B are means of their files, of costs geometric ones. Change: of B, in per cent of A (of what"
	" an observer adds: of the cost without it). In 95 % of comparisons of what is alike no row differs:"
	" the intervals, which hold all together, are from the largest difference of all rows under other"
	" ways to share out the files.";

/* Rates need more digits than costs. */
static void value(const json_t *entry, const char *key, char *text, size_t size)
{
	const bool is_rate = strstr(doc_string(entry, "quantity"), "exits");
	const double real = doc_real(entry, key);

	if (doc_is_null(entry, key))
		snprintf(text, size, "-");
	else if (fabs(real) < 100)
		snprintf(text, size, "%.*f", real == round(real) ? 0 : is_rate ? 3 : 1, real);
	else
		snprintf(text, size, "%s", text_real(real).s);
}

void comparison_row(const json_t *entry, struct comparison_row *row)
{
	for (int c = 0; c < COMPARISON_NR_COLUMNS; c++)
		row->cell[c] = row->buffer[c];
	row->cell[COMPARISON_NAME] = doc_string(entry, "name");
	row->cell[COMPARISON_QUANTITY] = doc_string(entry, "quantity");
	value(entry, "a", row->buffer[COMPARISON_A], sizeof(row->buffer[0]));
	value(entry, "b", row->buffer[COMPARISON_B], sizeof(row->buffer[0]));
	snprintf(row->buffer[COMPARISON_CHANGE], sizeof(row->buffer[0]), "-");
	if (!doc_is_null(entry, "change_percent"))
		snprintf(row->buffer[COMPARISON_CHANGE], sizeof(row->buffer[0]), "%+.1f %%",
			 doc_real(entry, "change_percent"));
	snprintf(row->buffer[COMPARISON_INTERVAL], sizeof(row->buffer[0]), "-");
	if (json_is_true(json_object_get(entry, "exact")))
		snprintf(row->buffer[COMPARISON_INTERVAL], sizeof(row->buffer[0]), "exact");
	else if (!doc_is_null(entry, "low_percent") && !doc_is_null(entry, "high_percent"))
		snprintf(row->buffer[COMPARISON_INTERVAL], sizeof(row->buffer[0]), "[%+.1f, %+.1f]",
			 doc_real(entry, "low_percent"), doc_real(entry, "high_percent"));
	row->cell[COMPARISON_VERDICT] = doc_string(entry, "verdict");
}
