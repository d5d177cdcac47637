// SPDX-License-Identifier: GPL-2.0-only
/* Markdown as GitHub has it, that can be read as plain text in a mail, too. */
#include "report.h"

#include <ctype.h>
#include <string.h>

#include "report_parts.h"

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

static void table_line(FILE *to, const char *const *cell, const int *widths)
{
	for (int c = 0; c < NR_COLUMNS; c++) {
		bool left = report_is_words(c);
		int room;

		fputs("| ", to);
		if (!left) {
			fprintf(to, "%*s ", widths[c], cell[c]);
			continue;
		}
		room = widths[c] - literal(to, cell[c]);
		fprintf(to, "%*s", room > 0 ? room + 1 : 1, " ");
	}
	fputs("|\n", to);
}

static void table(FILE *to, const json_t *document)
{
	static const char dashes[] = "----------------------------------------------------------";
	const json_t *reasons = json_object_get(document, "reasons"), *reason;
	struct report_row row;
	int widths[NR_COLUMNS];
	size_t i;

	if (!json_array_size(reasons))
		return;
	for (int c = 0; c < NR_COLUMNS; c++)
		widths[c] = c == COLUMN_VERDICT ? 4 : strlen(report_columns[c]);
	json_array_foreach(reasons, i, reason) {
		report_row(document, reason, &row);
		for (int c = 0; c < NR_COLUMNS; c++)
			if ((int)strlen(row.cell[c]) > widths[c] && strlen(row.cell[c]) < 32)
				widths[c] = strlen(row.cell[c]);
	}
	fputs("\nExits of one vCPU by reason, and cycles (cyc) of one exit, mean\n\n", to);
	table_line(to, report_columns, widths);
	for (int c = 0; c < NR_COLUMNS; c++)
		fprintf(to, "|%.*s%s", widths[c] + 1, dashes, report_is_words(c) ? "-" : ":");
	fputs("|\n", to);
	json_array_foreach(reasons, i, reason) {
		report_row(document, reason, &row);
		table_line(to, row.cell, widths);
	}
}

static void unsupported(FILE *to, const json_t *document)
{
	const json_t *workload;
	bool any = false;
	size_t i;

	json_array_foreach(json_object_get(document, "workloads"), i, workload) {
		if (doc_is_null(workload, "unsupported"))
			continue;
		if (!any)
			fputs("\n#### Workloads that did not run\n\n", to);
		any = true;
		fputs("- ", to);
		literal(to, doc_string(workload, "name"));
		fputs(": ", to);
		literal(to, doc_string(workload, "unsupported"));
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
		literal(to, report_evidence(document, i));
		fputc('\n', to);
		json_array_foreach(json_object_get(check, "examples"), e, example) {
			fputs("  - ", to);
			literal(to, json_string_value(example));
			fputc('\n', to);
		}
	}
}

void report_markdown(FILE *to, const json_t *document)
{
	fprintf(to, "### exitcheck: %s\n\n", report_verdict(document));
	literal(to, report_closing(document));
	fputc('\n', to);
	if (report_is_error(document))
		return;
	diagnoses(to, document);
	fputc('\n', to);
	header(to, document);
	table(to, document);
	unsupported(to, document);
	checks(to, document);
}
