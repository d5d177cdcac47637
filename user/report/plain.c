// SPDX-License-Identifier: GPL-2.0-only
/* asprintf() */
#define _GNU_SOURCE
#include "report/plain.h"

#include <stdlib.h>
#include <string.h>

#include "report/bench_parts.h"
#include "report/comparison_parts.h"
#include "report/parts.h"
#include "report/schema.h"
#include "util/array.h"
#include "util/color.h"

struct out {
	FILE *to;
	bool color;
};

static const char *color_on(const struct out *out, enum color color)
{
	return out->color ? color_begin(color) : "";
}

static const char *color_off(const struct out *out, enum color color)
{
	return out->color ? color_end(color) : "";
}

/* PASS, FAIL and all others, of a row, a check or a run. */
static enum color verdict_color(const char *verdict)
{
	if (!strcmp(verdict, "PASS"))
		return COLOR_GREEN;
	if (!strcmp(verdict, "FAIL"))
		return COLOR_RED;
	return strcmp(verdict, "SKIP") ? COLOR_YELLOW : COLOR_DIM;
}

static void print_header(const struct out *out, const json_t *document)
{
	struct report_fact facts[REPORT_MAX_FACTS];
	unsigned int nr = report_facts(document, facts);

	fprintf(out->to, "%sexitcheck %s%s\n\n", color_on(out, COLOR_BOLD),
		doc_string(document, "exitcheck"), color_off(out, COLOR_BOLD));
	for (unsigned int i = 0; i < nr; i++) {
		fprintf(out->to, "%s%-11s%s", color_on(out, COLOR_DIM), facts[i].name,
			color_off(out, COLOR_DIM));
		text_wrapped(out->to, 11, facts[i].text);
	}
}

/* ---- table ---- */

static void print_line(const struct out *out, const char *const *cell, const int *widths,
		       enum color color, enum color verdict)
{
	fputs(color_on(out, color), out->to);
	for (int c = 0; c < NR_COLUMNS; c++) {
		bool left = report_is_words(c);

		if (!widths[c] && c != COLUMN_VERDICT)
			continue;
		if (c)
			fputc(' ', out->to);
		if (c == COLUMN_VERDICT)
			fprintf(out->to, "%s%s%s", color_on(out, verdict), cell[c],
				color_off(out, verdict));
		else
			fprintf(out->to, "%*s", left ? -widths[c] : widths[c], cell[c]);
	}
	fprintf(out->to, "%s\n", color_off(out, color));
}

/* In a narrow window columns are left out that others imply; in a wide one there is more room between them. */
static void fit(int *widths, int columns)
{
	static const enum report_column implied[] = { COLUMN_BPF_CYCLES, COLUMN_DIFFERENCE,
						      COLUMN_UNCOVERED };
	const int verdict = 4;
	int total = verdict;

	for (int c = 0; c < COLUMN_VERDICT; c++)
		total += widths[c] + 1;
	for (unsigned int i = 0; i < NR(implied) && total > columns; i++) {
		total -= widths[implied[i]] + 1;
		widths[implied[i]] = 0;
	}
	for (int c = COLUMN_TRUTH; c < COLUMN_VERDICT && total < columns; c++)
		if (widths[c]) {
			widths[c]++;
			total++;
		}
}

static void print_table(const struct out *out, const json_t *document)
{
	const json_t *reasons = json_object_get(document, "reasons"), *reason;
	struct report_row row;
	int widths[NR_COLUMNS];
	size_t i;

	if (!json_array_size(reasons))
		return;
	for (int c = 0; c < NR_COLUMNS; c++)
		widths[c] = strlen(report_columns[c]);
	json_array_foreach(reasons, i, reason) {
		report_row(document, reason, &row);
		for (int c = 0; c < NR_COLUMNS; c++)
			if ((int)strlen(row.cell[c]) > widths[c])
				widths[c] = strlen(row.cell[c]);
	}
	fit(widths, text_columns(out->to));

	fputc('\n', out->to);
	text_wrapped(out->to, 0, report_title(document).s);
	fputc('\n', out->to);
	print_line(out, report_columns, widths, COLOR_BOLD, COLOR_NONE);
	json_array_foreach(reasons, i, reason) {
		report_row(document, reason, &row);
		print_line(out, row.cell, widths, COLOR_NONE,
			   verdict_color(doc_string(reason, "verdict")));
	}
	fputc('\n', out->to);
	text_wrapped(out->to, 0, report_legend);
}

/* ---- workloads and checks ---- */

/* What did not run of a list, and why. */
static void print_missing(const struct out *out, const json_t *document, const char *list,
			  const char *key, const char *title)
{
	const json_t *entry;
	bool any = false;
	size_t i;

	json_array_foreach(json_object_get(document, list), i, entry) {
		if (doc_is_null(entry, key))
			continue;
		if (!any)
			fprintf(out->to, "\n%s\n\n", title);
		any = true;
		fprintf(out->to, "%-16s ", doc_string(entry, "name"));
		text_wrapped(out->to, 17, doc_string(entry, key));
	}
}

/* What it asserts, and what was seen. */
static void print_check(const struct out *out, const json_t *check, int indent)
{
	const char *asserts = doc_string(check, "asserts"),
		   *evidence = doc_string(check, "evidence");
	char *both = NULL;

	if (*asserts && asprintf(&both, "%s: %s", asserts, evidence) < 0)
		both = NULL;
	text_wrapped(out->to, indent, both ? both : evidence);
	free(both);
}

static void print_checks(const struct out *out, const json_t *document)
{
	const json_t *checks = json_object_get(document, "checks"), *check, *example;
	int width = 0, names = 9;
	size_t i, e;

	json_array_foreach(checks, i, check) {
		int length = strlen(doc_string(check, "verdict"));

		if (length > width)
			width = length;
		length = strlen(doc_string(check, "id"));
		if (length > names)
			names = length;
	}
	fputs("\nChecks\n\n", out->to);
	json_array_foreach(checks, i, check) {
		const char *verdict = doc_string(check, "verdict");

		fprintf(out->to, "%s%-*s%s %-*s ", color_on(out, verdict_color(verdict)), width,
			verdict, color_off(out, verdict_color(verdict)), names,
			doc_string(check, "id"));
		print_check(out, check, width + names + 2);
		json_array_foreach(json_object_get(check, "examples"), e, example) {
			fprintf(out->to, "%*s", width + names + 2, "");
			text_wrapped(out->to, width + names + 4, json_string_value(example));
		}
	}
}

/* The diagnoses, or that none fits. */
static void print_diagnoses(const struct out *out, const json_t *document)
{
	const json_t *list = json_object_get(document, "diagnoses"), *diagnosis;
	size_t i;

	if (strcmp(report_verdict(document), "FAIL"))
		return;
	fputs("\nDiagnoses\n\n", out->to);
	if (!json_array_size(list))
		text_wrapped(out->to, 0, REPORT_NO_DIAGNOSIS);
	json_array_foreach(list, i, diagnosis) {
		const char *confidence = doc_string(diagnosis, "confidence");
		enum color color = strcmp(confidence, "possible") ? COLOR_BOLD : COLOR_NONE;

		fprintf(out->to, "%-8s %s%s%s\n%9s", confidence, color_on(out, color),
			doc_string(diagnosis, "name"), color_off(out, color), "");
		text_wrapped(out->to, 9, doc_string(diagnosis, "shows"));
		fprintf(out->to, "%9s", "");
		text_wrapped(out->to, 9, doc_string(diagnosis, "where"));
	}
}

/* Every one; for a remark there may be no place to look. */
static void print_findings(const struct out *out, const json_t *document, bool remarks)
{
	const json_t *list = report_findings(document, remarks), *finding;
	size_t i;

	if (!json_array_size(list))
		return;
	fputs(remarks ? "\nRemarks: the assignment leaves this open\n\n" : "\nDefects\n\n",
	      out->to);
	json_array_foreach(list, i, finding) {
		fprintf(out->to, "%s%s%s", color_on(out, COLOR_BOLD), doc_string(finding, "name"),
			color_off(out, COLOR_BOLD));
		if (!remarks)
			fprintf(out->to, " (%s)", report_points(document, finding).s);
		fputs("\n  ", out->to);
		text_wrapped(out->to, 2, doc_string(finding, "shows"));
		if (!*doc_string(finding, "where"))
			continue;
		fputs("  ", out->to);
		text_wrapped(out->to, 2, doc_string(finding, "where"));
	}
}

static void print_run(const struct out *out, const json_t *document)
{
	enum color closing = verdict_color(report_verdict(document));

	if (!report_is_error(document)) {
		print_header(out, document);
		print_table(out, document);
		print_missing(out, document, "workloads", "unsupported",
			      "Workloads that did not run");
		print_checks(out, document);
		if (!report_is_published(document))
			print_diagnoses(out, document);
		print_findings(out, document, false);
		print_findings(out, document, true);
		fputc('\n', out->to);
	}
	fprintf(out->to, "%s%s%s: %s\n", color_on(out, closing), report_verdict(document),
		color_off(out, closing), report_closing(document));
}

/* ---- a bench ---- */

static void print_cost(const struct out *out, const char *workload, const char *const *cell,
		       unsigned int nr, enum color color)
{
	/* Intervals begin at the left of their columns, as names do. */
	static const int widths[BENCH_NR_COLUMNS] = { -13, 9, -20, 7, 9, -20, 7, 7 };

	fprintf(out->to, "%s%-13s", color_on(out, color), workload);
	for (unsigned int c = 0; c < nr; c++)
		fprintf(out->to, " %*s", widths[c], cell[c]);
	fprintf(out->to, "%s\n", color_off(out, color));
}

static void print_bench(const struct out *out, const json_t *document)
{
	const json_t *costs = json_object_get(document, "costs");
	unsigned int nr = bench_nr_columns(document);
	const char *heads[BENCH_NR_COLUMNS];
	struct bench_group group = { 0 };
	struct bench_row row;

	print_header(out, document);
	fputc('\n', out->to);
	text_wrapped(out->to, 0, bench_note(document).s);
	fputc('\n', out->to);
	for (unsigned int c = 0; c < nr; c++)
		heads[c] = bench_column(document, c);
	print_cost(out, "workload", heads, nr, COLOR_BOLD);
	while (bench_next(document, &group)) {
		for (size_t i = 0; i < group.nr; i++) {
			bench_row(&group, json_array_get(costs, group.from + i), &row);
			print_cost(out, group.workload, row.cell, nr, COLOR_NONE);
		}
	}
	print_missing(out, document, "workloads", "unsupported", "Workloads that did not run");
	print_missing(out, document, "observers", "skipped", "Observers that did not run");
}

/* ---- a comparison ---- */

static enum color change_color(const char *verdict)
{
	if (!strcmp(verdict, "over"))
		return COLOR_RED;
	if (!strncmp(verdict, "only", 4))
		return COLOR_DIM;
	return strcmp(verdict, "same") ? COLOR_YELLOW : COLOR_NONE;
}

static void widen(int *widths, const char *const *cell)
{
	for (int c = 0; c < COMPARISON_NR_COLUMNS; c++) {
		int width = text_width(cell[c]);

		widths[c] = width > widths[c] ? width : widths[c];
	}
}

static void print_change(const struct out *out, const char *const *cell, const int *widths,
			 enum color color)
{
	fputs(color_on(out, color), out->to);
	for (int c = 0; c < COMPARISON_NR_COLUMNS; c++) {
		const int blanks = c == COMPARISON_VERDICT ? 0 : widths[c] - text_width(cell[c]);
		const bool left = comparison_is_words(c);

		fprintf(out->to, "%s%*s%s%*s", c ? " " : "", left ? 0 : blanks, "", cell[c],
			left ? blanks : 0, "");
	}
	fprintf(out->to, "%s\n", color_off(out, color));
}

static void print_comparison(const struct out *out, const json_t *document)
{
	const char *verdict = report_verdict(document);
	enum color closing = !strcmp(verdict, "SAME") ? COLOR_GREEN :
			     !strcmp(verdict, "OVER") ? COLOR_RED :
							verdict_color(verdict);
	const json_t *rows = json_object_get(document, "rows"), *entry;
	int widths[COMPARISON_NR_COLUMNS] = { 0 };
	struct comparison_row row;
	size_t i;

	print_header(out, document);
	fputc('\n', out->to);
	text_wrapped(out->to, 0, comparison_note);
	fputc('\n', out->to);
	widen(widths, comparison_columns);
	json_array_foreach(rows, i, entry) {
		comparison_row(entry, &row);
		widen(widths, row.cell);
	}
	print_change(out, comparison_columns, widths, COLOR_BOLD);
	json_array_foreach(rows, i, entry) {
		comparison_row(entry, &row);
		print_change(out, row.cell, widths, change_color(row.cell[COMPARISON_VERDICT]));
	}
	fprintf(out->to, "\n%s%s%s: %s\n", color_on(out, closing), verdict, color_off(out, closing),
		report_closing(document));
}

void report_text(FILE *to, const json_t *document, bool color)
{
	const struct out out = { .to = to, .color = color };

	if (schema_kind(document) == SCHEMA_BENCH)
		print_bench(&out, document);
	else if (schema_kind(document) == SCHEMA_COMPARISON)
		print_comparison(&out, document);
	else
		print_run(&out, document);
}
