// SPDX-License-Identifier: GPL-2.0-only
#include "compare/document.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/parts.h"
#include "util/json.h"
#include "util/text.h"
#include "util/version.h"

static const char *const verdict_names[NR_COMPARE_VERDICTS] = {
	[COMPARE_SAME] = "same",     [COMPARE_LESS] = "less",	    [COMPARE_MORE] = "more",
	[COMPARE_OVER] = "over",     [COMPARE_TOO_FEW] = "too few", [COMPARE_ONLY_A] = "only A",
	[COMPARE_ONLY_B] = "only B",
};

static json_t *side_json(const struct compare_side *side)
{
	json_t *files = json_array();

	for (unsigned int i = 0; i < side->nr; i++) {
		const json_t *document = side->documents[i];
		const json_t *host = json_object_get(document, "host");
		const bool judged = *report_verdict(document);
		char name[256];

		snprintf(name, sizeof(name), "%s", side->names[i]);
		text_clean(name);
		json_array_append_new(
			files,
			json_pack("{s:s, s:o, s:o, s:s, s:s, s:s}", "file", name, "verdict",
				  judged ? json_string(report_verdict(document)) : json_null(),
				  "text",
				  judged ? json_string(report_closing(document)) : json_null(),
				  "cpu", doc_string(host, "cpu"), "isa", doc_string(host, "isa"),
				  "kernel", doc_string(host, "kernel")));
	}
	return json_pack("{s:o}", "files", files);
}

/* JSON has neither NaN nor infinity. */
static json_t *real_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *rows_json(const struct comparison *comparison)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < comparison->nr_rows; i++) {
		const struct compare_row *row = &comparison->rows[i];

		json_array_append_new(
			rows,
			json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:s}", "name",
				  row->name, "exit", json_string_or_null(row->exit), "quantity",
				  row->quantity, "a", real_or_null(row->a), "b",
				  real_or_null(row->b), "change_percent", real_or_null(row->change),
				  "low_percent", real_or_null(row->low), "high_percent",
				  real_or_null(row->high), "p", real_or_null(row->p), "exact",
				  row->exact, "verdict", verdict_names[row->verdict]));
	}
	return rows;
}

static const char *verdict_of(const struct comparison *comparison)
{
	switch (compare_status(comparison)) {
	case STATUS_MISMATCH:
		return compare_count(comparison, COMPARE_OVER) ? "OVER" : "FAIL";
	case STATUS_INCONCLUSIVE:
		return "INCONCLUSIVE";
	}
	return compare_count(comparison, COMPARE_LESS) + compare_count(comparison, COMPARE_MORE) ?
		       "DIFFERENT" :
		       "SAME";
}

/* "8 PASS, 1 FAIL against 9 PASS; ", "" where all files have the same verdict, or none. */
static int compare_sides(const struct comparison *comparison, char *text, size_t size)
{
	const unsigned int failed_a = compare_verdicts(&comparison->a, "FAIL"),
			   failed_b = compare_verdicts(&comparison->b, "FAIL");

	if (!failed_a && !failed_b)
		return 0;
	return snprintf(text, size, "%u of %u reports of A FAIL, %u of %u of B; ", failed_a,
			comparison->a.nr, failed_b, comparison->b.nr);
}

static json_t *summary_json(const struct comparison *comparison)
{
	const char *verdict = verdict_of(comparison);
	size_t counts[NR_COMPARE_VERDICTS], n;
	json_t *summary;
	char text[320];

	for (int v = 0; v < NR_COMPARE_VERDICTS; v++)
		counts[v] = compare_count(comparison, v);
	n = snprintf(text, sizeof(text), "%s: ", verdict);
	n += compare_sides(comparison, text + n, sizeof(text) - n);
	n += snprintf(text + n, sizeof(text) - n,
		      "%zu of %zu rows are the same, %zu less, %zu more", counts[COMPARE_SAME],
		      comparison->nr_rows, counts[COMPARE_LESS],
		      counts[COMPARE_MORE] + counts[COMPARE_OVER]);
	if (comparison->has_limit)
		n += snprintf(text + n, sizeof(text) - n, ", %zu by over %g %%",
			      counts[COMPARE_OVER], comparison->limit);
	if (comparison->may_be_over)
		n += snprintf(text + n, sizeof(text) - n, "; %zu may be over it",
			      comparison->may_be_over);
	if (counts[COMPARE_TOO_FEW])
		n += snprintf(text + n, sizeof(text) - n, "; %zu with too few files to tell",
			      counts[COMPARE_TOO_FEW]);
	if (counts[COMPARE_ONLY_A] + counts[COMPARE_ONLY_B])
		snprintf(text + n, sizeof(text) - n, "; %zu on one side only, not compared",
			 counts[COMPARE_ONLY_A] + counts[COMPARE_ONLY_B]);
	summary = json_pack("{s:s, s:i, s:s}", "verdict", verdict, "exit_status",
			    compare_status(comparison), "text", text);
	for (int v = 0; v < NR_COMPARE_VERDICTS; v++)
		json_object_set_new(summary, verdict_names[v], json_integer(counts[v]));
	return summary;
}

/* The last of the files that began. */
static int64_t started(const struct comparison *comparison)
{
	const struct compare_side *sides[] = { &comparison->a, &comparison->b };
	int64_t last = 0;

	for (int s = 0; s < 2; s++)
		for (unsigned int i = 0; i < sides[s]->nr; i++) {
			int64_t at = json_integer_value(
				json_object_get(sides[s]->documents[i], "started"));

			last = at > last ? at : last;
		}
	return last;
}

json_t *compare_document(const struct comparison *comparison)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:i, s:o, s:o}",
			 "schema_version", COMPARISON_SCHEMA_VERSION, "document", "comparison",
			 "exitcheck", EXITCHECK_VERSION, "of", comparison->kind, "started",
			 (json_int_t)started(comparison), "a", side_json(&comparison->a), "b",
			 side_json(&comparison->b), "fail_over_percent",
			 real_or_null(comparison->has_limit ? comparison->limit : NAN),
			 "labellings", (int)comparison->labellings, "rows", rows_json(comparison),
			 "summary", summary_json(comparison));
}
