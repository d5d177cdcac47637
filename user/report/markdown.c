// SPDX-License-Identifier: GPL-2.0-only
/* Markdown as GitHub has it, that can be read as plain text in a mail, too. */
#include "report/markdown.h"

#include <ctype.h>
#include <string.h>

#include "report/bench_parts.h"
#include "report/comparison_parts.h"
#include "report/parts.h"
#include "report/schema.h"

/* Whether a character would be taken for markup where it stands. */
static bool is_markup(char before, const char *at)
{
	switch (*at) {
	case '\\':
	case '`':
	case '*':
	case '~':
	case '|':
	case '[':
		return true;
	case '_': /* not within a word */
		return !isalnum((unsigned char)before) || !isalnum((unsigned char)at[1]);
	case '<': /* a tag, a comment */
		return isalpha((unsigned char)at[1]) || strchr("/!?", at[1]);
	case '&': /* an entity */
		return isalpha((unsigned char)at[1]) || at[1] == '#';
	}
	return false;
}

/* Text on one line, escaped; returns how long it has become. */
static int literal(FILE *to, const char *text)
{
	int length = 0;
	char before = ' ';

	for (; *text; before = *text++) {
		if (is_markup(before, text)) {
			fputc('\\', to);
			length++;
		}
		fputc(*text, to);
		length++;
	}
	return length;
}

static void header(FILE *to, const json_t *document)
{
	struct report_fact facts[REPORT_MAX_FACTS];
	unsigned int nr = report_facts(document, facts);

	for (unsigned int i = 0; i < nr; i++) {
		fprintf(to, "- %s: ", facts[i].name);
		literal(to, facts[i].text);
		fputc('\n', to);
	}
}

static void diagnoses(FILE *to, const json_t *document)
{
	const json_t *list = json_object_get(document, "diagnoses"), *diagnosis;
	size_t i;

	if (strcmp(report_verdict(document), "FAIL"))
		return;
	fputs("\n#### Diagnoses\n\n", to);
	if (!json_array_size(list))
		fputs(REPORT_NO_DIAGNOSIS "\n", to);
	json_array_foreach(list, i, diagnosis) {
		fputs("1. **", to);
		literal(to, doc_string(diagnosis, "name"));
		fputs("** (", to);
		literal(to, doc_string(diagnosis, "confidence"));
		fputs("): ", to);
		literal(to, doc_string(diagnosis, "shows"));
		fputc(' ', to);
		literal(to, doc_string(diagnosis, "where"));
		fputc('\n', to);
	}
}

static void findings(FILE *to, const json_t *document, bool remarks)
{
	const json_t *list = report_findings(document, remarks), *finding;
	size_t i;

	if (!json_array_size(list))
		return;
	fputs(remarks ? "\n#### Remarks: the assignment leaves this open\n\n" :
			"\n#### Defects\n\n",
	      to);
	json_array_foreach(list, i, finding) {
		fputs("1. **", to);
		literal(to, doc_string(finding, "name"));
		fputs("**", to);
		if (!remarks) {
			fputs(" (", to);
			literal(to, report_points(document, finding).s);
			fputs(")", to);
		}
		fputs(": ", to);
		literal(to, doc_string(finding, "shows"));
		if (*doc_string(finding, "where")) {
			fputc(' ', to);
			literal(to, doc_string(finding, "where"));
		}
		fputc('\n', to);
	}
}

/* A column of a table: its width, and whether it is of words, which begin at its left. */
struct column {
	int width;
	bool words;
};

static void table_line(FILE *to, const char *const *cell, const struct column *columns,
		       unsigned int nr)
{
	for (unsigned int c = 0; c < nr; c++) {
		int room;

		fputs("| ", to);
		if (!columns[c].words) {
			fprintf(to, "%*s ", columns[c].width, cell[c]);
			continue;
		}
		room = columns[c].width - literal(to, cell[c]);
		fprintf(to, "%*s", room > 0 ? room + 1 : 1, " ");
	}
	fputs("|\n", to);
}

static void table_head(FILE *to, const char *const *heads, const struct column *columns,
		       unsigned int nr)
{
	static const char dashes[] = "----------------------------------------------------------";

	table_line(to, heads, columns, nr);
	for (unsigned int c = 0; c < nr; c++)
		fprintf(to, "|%.*s%s", columns[c].width + 1, dashes, columns[c].words ? "-" : ":");
	fputs("|\n", to);
}

static void widen(struct column *columns, const char *const *cell, unsigned int nr)
{
	for (unsigned int c = 0; c < nr; c++) {
		int length = strlen(cell[c]);

		if (length > columns[c].width && length < 32)
			columns[c].width = length;
	}
}

static void table(FILE *to, const json_t *document)
{
	const json_t *reasons = json_object_get(document, "reasons"), *reason;
	struct column columns[NR_COLUMNS];
	struct report_row row;
	size_t i;

	if (!json_array_size(reasons))
		return;
	for (int c = 0; c < NR_COLUMNS; c++)
		columns[c] = (struct column){ c == COLUMN_VERDICT ? 4 : 0, report_is_words(c) };
	widen(columns, report_columns, NR_COLUMNS);
	json_array_foreach(reasons, i, reason) {
		report_row(document, reason, &row);
		widen(columns, row.cell, NR_COLUMNS);
	}
	fprintf(to, "\n%s\n\n", report_title(document).s);
	table_head(to, report_columns, columns, NR_COLUMNS);
	json_array_foreach(reasons, i, reason) {
		report_row(document, reason, &row);
		table_line(to, row.cell, columns, NR_COLUMNS);
	}
}

/* What did not run of a list, and why. */
static void missing(FILE *to, const json_t *document, const char *list, const char *key,
		    const char *title)
{
	const json_t *entry;
	bool any = false;
	size_t i;

	json_array_foreach(json_object_get(document, list), i, entry) {
		if (doc_is_null(entry, key))
			continue;
		if (!any)
			fprintf(to, "\n#### %s\n\n", title);
		any = true;
		fputs("- ", to);
		literal(to, doc_string(entry, "name"));
		fputs(": ", to);
		literal(to, doc_string(entry, key));
		fputc('\n', to);
	}
}

static void checks(FILE *to, const json_t *document)
{
	const json_t *check, *example;
	size_t i, e;

	fputs("\n#### Checks\n\n", to);
	json_array_foreach(json_object_get(document, "checks"), i, check) {
		fprintf(to, "- **%s** %s: ", doc_string(check, "verdict"), doc_string(check, "id"));
		literal(to, doc_string(check, "evidence"));
		fputc('\n', to);
		json_array_foreach(json_object_get(check, "examples"), e, example) {
			fputs("  - ", to);
			literal(to, json_string_value(example));
			fputc('\n', to);
		}
	}
}

static void run(FILE *to, const json_t *document)
{
	fprintf(to, "### exitcheck: %s\n\n", report_verdict(document));
	literal(to, report_closing(document));
	fputc('\n', to);
	if (report_is_error(document))
		return;
	if (!report_is_published(document))
		diagnoses(to, document);
	findings(to, document, false);
	findings(to, document, true);
	fputc('\n', to);
	header(to, document);
	table(to, document);
	missing(to, document, "workloads", "unsupported", "Workloads that did not run");
	checks(to, document);
}

/* ---- a bench ---- */

static void costs_of(FILE *to, const json_t *document, const struct bench_group *group)
{
	const json_t *costs = json_object_get(document, "costs");
	unsigned int nr = bench_nr_columns(document);
	struct column columns[BENCH_NR_COLUMNS] = { [BENCH_OBSERVER] = { .words = true } };
	const char *heads[BENCH_NR_COLUMNS];
	struct bench_row row;

	for (unsigned int c = 0; c < nr; c++)
		heads[c] = bench_column(document, c);
	widen(columns, heads, nr);
	for (size_t i = 0; i < group->nr; i++) {
		bench_row(group, json_array_get(costs, group->from + i), &row);
		widen(columns, row.cell, nr);
	}
	fputs("\n#### ", to);
	literal(to, group->workload);
	fputs("\n\n", to);
	table_head(to, heads, columns, nr);
	for (size_t i = 0; i < group->nr; i++) {
		bench_row(group, json_array_get(costs, group->from + i), &row);
		table_line(to, row.cell, columns, nr);
	}
}

static void bench(FILE *to, const json_t *document)
{
	struct bench_group group = { 0 };

	fputs("### exitcheck: what watching costs\n\n", to);
	header(to, document);
	fputc('\n', to);
	literal(to, bench_note(document).s);
	fputc('\n', to);
	while (bench_next(document, &group))
		costs_of(to, document, &group);
	missing(to, document, "workloads", "unsupported", "Workloads that did not run");
	missing(to, document, "observers", "skipped", "Observers that did not run");
}

/* ---- a comparison ---- */

static void comparison(FILE *to, const json_t *document)
{
	struct column columns[COMPARISON_NR_COLUMNS];
	struct comparison_row row;
	const json_t *rows = json_object_get(document, "rows"), *entry;
	size_t i;

	fprintf(to, "### exitcheck compare: %s\n\n", report_verdict(document));
	literal(to, report_closing(document));
	fputs("\n\n", to);
	header(to, document);
	fputc('\n', to);
	for (int c = 0; c < COMPARISON_NR_COLUMNS; c++)
		columns[c] = (struct column){ 0, comparison_is_words(c) };
	widen(columns, comparison_columns, COMPARISON_NR_COLUMNS);
	json_array_foreach(rows, i, entry) {
		comparison_row(entry, &row);
		widen(columns, row.cell, COMPARISON_NR_COLUMNS);
	}
	table_head(to, comparison_columns, columns, COMPARISON_NR_COLUMNS);
	json_array_foreach(rows, i, entry) {
		comparison_row(entry, &row);
		table_line(to, row.cell, columns, COMPARISON_NR_COLUMNS);
	}
	fputc('\n', to);
	literal(to, comparison_note);
	fputc('\n', to);
}

void report_markdown(FILE *to, const json_t *document)
{
	if (schema_kind(document) == SCHEMA_BENCH)
		bench(to, document);
	else if (schema_kind(document) == SCHEMA_COMPARISON)
		comparison(to, document);
	else
		run(to, document);
}
