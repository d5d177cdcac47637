// SPDX-License-Identifier: GPL-2.0-only
/* The page of a comparison. */
#include "report/comparison_html.h"

#include <string.h>

#include "report/bench_parts.h"
#include "report/comparison_parts.h"
#include "report/markup.h"
#include "report/page.h"
#include "report/parts.h"

static void comparison_figures(FILE *to, const json_t *document)
{
	static const char *const verdicts[] = { "same", "less", "more", "over", "too few" };
	const json_t *summary = json_object_get(document, "summary");

	markup(to, "<dl class=\"figures\">\n");
	figure(to, text_u64(json_array_size(json_object_get(document, "rows"))).s, "rows");
	for (unsigned int i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++)
		figure(to, doc_count(summary, verdicts[i]).s, verdicts[i]);
	markup(to, "</dl>\n");
}

static const char *class_of(const char *verdict)
{
	if (!strcmp(verdict, "over"))
		return "fail";
	return strcmp(verdict, "same") && strncmp(verdict, "only", 4) ? "open" : "plain";
}

static void comparison_rows(FILE *to, const json_t *document)
{
	const char *heads[COMPARISON_NR_COLUMNS + 1] = { NULL };
	char numbers[COMPARISON_NR_COLUMNS][24];
	struct comparison_row row;
	const json_t *entry;
	size_t i;

	for (int c = 0; c < COMPARISON_NR_COLUMNS; c++) {
		snprintf(numbers[c], sizeof(numbers[c]), "%s%s", comparison_is_words(c) ? "" : "#",
			 comparison_columns[c]);
		heads[c] = numbers[c];
	}
	heads[COMPARISON_NAME] = "of";
	heads[COMPARISON_VERDICT] = "verdict";
	section_begin(to, "rows", "Row by row");
	table_begin(to, "B against A");
	table_heads(to, heads);
	json_array_foreach(json_object_get(document, "rows"), i, entry) {
		comparison_row(entry, &row);
		markup(to, "<tr class=\"%s\"><th scope=\"row\">%s",
		       class_of(row.cell[COMPARISON_VERDICT]), row.cell[COMPARISON_NAME]);
		if (!doc_is_null(entry, "exit"))
			markup(to, " <span class=\"number\">%s</span>", doc_string(entry, "exit"));
		markup(to, "</th>");
		for (int c = COMPARISON_QUANTITY; c < COMPARISON_NR_COLUMNS; c++) {
			if (c == COMPARISON_VERDICT)
				markup(to, "<td class=\"verdict-cell\">%s</td>", row.cell[c]);
			else if (comparison_is_words(c))
				markup(to, "<td>%s</td>", row.cell[c]);
			else
				number_cell(to, row.cell[c]);
		}
		markup(to, "</tr>\n");
	}
	table_end(to);
	markup(to, "<p class=\"note\">%s%s</p>\n", comparison_note,
	       strcmp(doc_string(document, "of"), "bench") ? "" : bench_clock_note);
	section_end(to);
}

static void comparison_files(FILE *to, const json_t *document, const char *key, const char *side)
{
	const json_t *files = json_object_get(json_object_get(document, key), "files"), *file;
	size_t i;

	json_array_foreach(files, i, file)
		markup(to,
		       "<tr><th scope=\"row\">%s</th><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n",
		       side, doc_string(file, "file"), doc_string(file, "verdict"),
		       doc_string(file, "kernel"), doc_string(file, "cpu"));
}

void report_comparison_html(FILE *to, const json_t *document)
{
	static const char *const heads[] = { "", "file", "verdict", "kernel", "CPU", NULL };

	comparison_figures(to, document);
	section_begin(to, "charts", "Changes");
	markup(to, "<noscript><p class=\"note\">The chart needs JavaScript; the table below has its"
		   " numbers.</p></noscript>\n");
	canvas(to, "changes",
	       "Change of B in per cent of A, and its interval; the largest of all rows first",
	       "Bar chart of the changes; the table below has the numbers");
	section_end(to);
	comparison_rows(to, document);
	section_begin(to, "files", "Files");
	table_begin(to, "What was compared");
	table_heads(to, heads);
	comparison_files(to, document, "a", "A");
	comparison_files(to, document, "b", "B");
	table_end(to);
	section_end(to);
}
