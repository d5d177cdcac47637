// SPDX-License-Identifier: GPL-2.0-only
#include "compare/forms.h"

#include <jansson.h>
#include <math.h>

#include "util/text.h"
#include "util/version.h"

static const char *const verdict_names[] = {
	[COMPARE_SAME] = "same", [COMPARE_LESS] = "less",     [COMPARE_MORE] = "more",
	[COMPARE_OVER] = "over", [COMPARE_ONLY_A] = "only A", [COMPARE_ONLY_B] = "only B",
};

const char *compare_verdict_name(enum compare_verdict verdict)
{
	return verdict_names[verdict];
}

static struct text value_text(double value)
{
	return isnan(value) ? (struct text){ "-" } : text_real(value);
}

static void print_row(FILE *to, const struct compare_row *row)
{
	char interval[48] = "";

	fprintf(to, "%-28s %-12s %12s %12s", row->name, row->quantity, value_text(row->a).s,
		value_text(row->b).s);
	if (row->verdict == COMPARE_ONLY_A || row->verdict == COMPARE_ONLY_B) {
		fprintf(to, " %9s %-20s %s\n", "", "", verdict_names[row->verdict]);
		return;
	}
	snprintf(interval, sizeof(interval), "[%+.1f, %+.1f]", row->low, row->high);
	fprintf(to, " %+8.1f%% %-20s %s\n", row->change, interval, verdict_names[row->verdict]);
}

void compare_text(FILE *to, const struct comparison *comparison)
{
	unsigned int nr[COMPARE_ONLY_B + 1] = { 0 };

	fprintf(to, "exitcheck %s: two of exitcheck %s\n\n", EXITCHECK_VERSION, comparison->kind);
	fprintf(to, "A          %s; %s\n", comparison->a.cpu, comparison->a.kernel);
	fprintf(to, "B          %s; %s\n\n", comparison->b.cpu, comparison->b.kernel);
	fprintf(to, "%-28s %-12s %12s %12s %9s %-20s\n", "", "", "A", "B", "change",
		"95 % confidence");
	for (unsigned int i = 0; i < comparison->nr_rows; i++) {
		print_row(to, &comparison->rows[i]);
		nr[comparison->rows[i].verdict]++;
	}
	fprintf(to, "\n%u same, %u less, %u more", nr[COMPARE_SAME], nr[COMPARE_LESS],
		nr[COMPARE_MORE]);
	if (comparison->has_limit)
		fprintf(to, ", %u more by over %g %%", nr[COMPARE_OVER], comparison->limit);
	if (nr[COMPARE_ONLY_A] + nr[COMPARE_ONLY_B])
		fprintf(to, "; %u in one only, not compared",
			nr[COMPARE_ONLY_A] + nr[COMPARE_ONLY_B]);
	fputc('\n', to);
}

/* JSON has neither NaN nor infinity. */
static json_t *real_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *origin_json(const struct compare_origin *origin)
{
	return json_pack("{s:s, s:s}", "cpu", origin->cpu, "kernel", origin->kernel);
}

char *compare_json(const struct comparison *comparison)
{
	json_t *rows = json_array(), *root;
	char *text;

	for (unsigned int i = 0; i < comparison->nr_rows; i++) {
		const struct compare_row *row = &comparison->rows[i];
		bool only = row->verdict == COMPARE_ONLY_A || row->verdict == COMPARE_ONLY_B;

		json_array_append_new(
			rows, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s}", "name",
					row->name, "quantity", row->quantity, "a",
					real_or_null(row->a), "b", real_or_null(row->b),
					"change_percent", real_or_null(only ? NAN : row->change),
					"low_percent", real_or_null(only ? NAN : row->low),
					"high_percent", real_or_null(only ? NAN : row->high),
					"verdict", verdict_names[row->verdict]));
	}
	root = json_pack("{s:i, s:s, s:s, s:s, s:o, s:o, s:o, s:i, s:o}", "schema_version",
			 COMPARISON_SCHEMA_VERSION, "document", "comparison", "exitcheck",
			 EXITCHECK_VERSION, "of", comparison->kind, "a",
			 origin_json(&comparison->a), "b", origin_json(&comparison->b),
			 "fail_over_percent",
			 real_or_null(comparison->has_limit ? comparison->limit : NAN),
			 "exit_status", compare_status(comparison), "rows", rows);
	text = root ? json_dumps(root,
				 JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9)) :
		      NULL;
	json_decref(root);
	return text;
}
