// SPDX-License-Identifier: GPL-2.0-only
/* The page of a bench. */
#include "report/bench_html.h"

#include <string.h>

#include "report/bench_parts.h"
#include "report/markup.h"
#include "report/page.h"
#include "report/parts.h"

/* How many entries of a list ran. */
static struct text count_of(const json_t *document, const char *list, const char *key)
{
	const json_t *entry;
	uint64_t nr = 0;
	size_t i;

	json_array_foreach(json_object_get(document, list), i, entry)
		nr += doc_is_null(entry, key);
	return text_u64(nr);
}

static void bench_figures(FILE *to, const json_t *document)
{
	struct text text;

	markup(to, "<dl class=\"figures\">\n");
	figure(to, count_of(document, "workloads", "unsupported").s, "workloads");
	figure(to, count_of(document, "observers", "skipped").s, "observers");
	figure(to, doc_count(document, "rounds").s, "rounds");
	snprintf(text.s, sizeof(text.s), "%.1f s", doc_real(document, "seconds"));
	figure(to, text.s, "the bench took");
	markup(to, "</dl>\n");
}

static void cost_row(FILE *to, const json_t *document, const struct bench_group *group,
		     const json_t *cost)
{
	unsigned int nr = bench_nr_columns(document);
	struct bench_row row;

	bench_row(group, cost, &row);
	markup(to, "<tr><th scope=\"row\">%s</th>", row.cell[BENCH_OBSERVER]);
	for (unsigned int c = BENCH_OBSERVER + 1; c < nr; c++)
		number_cell(to, row.cell[c]);
	markup(to, "</tr>\n");
}

static void cost_heads(FILE *to, const json_t *document)
{
	unsigned int nr = bench_nr_columns(document);
	const char *heads[BENCH_NR_COLUMNS] = { NULL };
	char numbers[BENCH_NR_COLUMNS][24];

	for (unsigned int c = BENCH_OBSERVER + 1; c < nr; c++) {
		snprintf(numbers[c], sizeof(numbers[c]), "#%s", bench_column(document, c));
		heads[c - 1] = numbers[c];
	}
	markup(to,
	       "<tr><th scope=\"col\" rowspan=\"2\">%s</th>"
	       "<th scope=\"colgroup\" colspan=\"3\" class=\"group\">cost</th>"
	       "<th scope=\"colgroup\" colspan=\"%s\" class=\"group\">against %s</th></tr>\n",
	       bench_column(document, BENCH_OBSERVER), text_u64(nr - BENCH_ADDED).s,
	       doc_string(document, "base"));
	table_heads(to, heads);
}

/* A workload's table, and the place of its chart: report.js numbers the groups likewise. */
static void bench_group(FILE *to, const json_t *document, const struct bench_group *group,
			unsigned int nr)
{
	const json_t *costs = json_object_get(document, "costs");
	char id[24];

	snprintf(id, sizeof(id), "workload-%u", nr);
	section_begin(to, id, group->workload);
	table_begin(to, "Cycles of one execution, under each observer");
	cost_heads(to, document);
	for (size_t i = 0; i < group->nr; i++)
		cost_row(to, document, group, json_array_get(costs, group->from + i));
	table_end(to);
	snprintf(id, sizeof(id), "costs-%u", nr);
	canvas(to, id, "Cycles of one execution: median and interval",
	       "Bar chart of the cycles of one execution under each observer; the"
	       " table above has the numbers");
	section_end(to);
}

/* The cost of a group under that observer; NULL: it has none. */
static const json_t *cost_under(const json_t *document, const struct bench_group *group,
				const char *observer)
{
	for (size_t i = 0; i < group->nr; i++) {
		const json_t *cost =
			json_array_get(json_object_get(document, "costs"), group->from + i);

		if (!strcmp(doc_string(cost, "observer"), observer))
			return cost;
	}
	return NULL;
}

/* All workloads side by side: what the base costs, and what each observer adds to it. */
static void bench_overview(FILE *to, const json_t *document)
{
	const json_t *observers = json_object_get(document, "observers"), *observer;
	const char *base = doc_string(document, "base");
	struct bench_group group = { 0 };
	struct bench_row row;
	size_t i;

	section_begin(to, "overview", "All workloads");
	table_begin(to, "Cycles of one execution, and what each observer adds to them: medians");
	markup(to, "<tr><th scope=\"col\">workload</th><th scope=\"col\" class=\"n\">%s</th>",
	       base);
	json_array_foreach(observers, i, observer)
		if (doc_is_null(observer, "skipped") && strcmp(doc_string(observer, "name"), base))
			markup(to, "<th scope=\"col\" class=\"n\">%s</th>",
			       doc_string(observer, "name"));
	markup(to, "</tr>\n</thead>\n<tbody>\n");
	while (bench_next(document, &group)) {
		markup(to, "<tr><th scope=\"row\">%s</th>", group.workload);
		if (group.base)
			bench_row(&group, group.base, &row);
		number_cell(to, group.base ? row.cell[BENCH_CYCLES] : "-");
		json_array_foreach(observers, i, observer) {
			const char *name = doc_string(observer, "name");
			const json_t *cost = cost_under(document, &group, name);

			if (!doc_is_null(observer, "skipped") || !strcmp(name, base))
				continue;
			if (cost)
				bench_row(&group, cost, &row);
			number_cell(to, cost ? row.cell[BENCH_ADDED] : "-");
		}
		markup(to, "</tr>\n");
	}
	table_end(to);
	section_end(to);
}

static void bench_costs(FILE *to, const json_t *document)
{
	struct bench_group group = { 0 };

	markup(to,
	       "<p class=\"note\">%s.%s</p>\n"
	       "<noscript><p class=\"note\">The charts need JavaScript; the tables have their"
	       " numbers.</p></noscript>\n",
	       bench_note(document).s, bench_clock_note);
	bench_overview(to, document);
	for (unsigned int nr = 0; bench_next(document, &group); nr++)
		bench_group(to, document, &group, nr);
}

static void bench_observers_section(FILE *to, const json_t *document)
{
	static const char *const heads[] = { "observer", "what watches",       "#KVM’s exits",
					     "#eBPF’s",	 "why it did not run", NULL };
	const json_t *observer;
	size_t i;

	section_begin(to, "observers", "Observers");
	table_begin(to, "Exits of all vCPUs, the warm-up’s too, by KVM’s statistic and by eBPF");
	table_heads(to, heads);
	json_array_foreach(json_object_get(document, "observers"), i, observer) {
		markup(to, "<tr><th scope=\"row\">%s</th><td>%s</td>", doc_string(observer, "name"),
		       doc_string(observer, "help"));
		count_cell(to, observer, "exits");
		count_cell(to, observer, "counted");
		markup(to, "<td>%s</td></tr>\n", doc_string(observer, "skipped"));
	}
	table_end(to);
	section_end(to);
}

static void bench_workloads_section(FILE *to, const json_t *document)
{
	static const char *const heads[] = { "workload", "exit", "#executions",
					     "why it did not run", NULL };
	const json_t *workload;
	size_t i;

	section_begin(to, "workloads", "Workloads");
	table_begin(to, "The exit that each causes, and its executions for one sample");
	table_heads(to, heads);
	json_array_foreach(json_object_get(document, "workloads"), i, workload) {
		markup(to, "<tr><th scope=\"row\">%s</th><td>%s</td>", doc_string(workload, "name"),
		       report_workload_exit(document, workload).s);
		count_cell(to, workload, "executions");
		markup(to, "<td>%s</td></tr>\n", doc_string(workload, "unsupported"));
	}
	table_end(to);
	section_end(to);
}

void report_bench_html(FILE *to, const json_t *document)
{
	page_begin(to, "Bench", doc_string(json_object_get(document, "host"), "kernel"));
	page_header(to, document, "plain", "", "What watching costs",
		    "The same work under each observer in turn, in a new random order every"
		    " round.");
	bench_figures(to, document);
	bench_costs(to, document);
	bench_observers_section(to, document);
	bench_workloads_section(to, document);
	machine_section(to, document);
	page_end(to, document);
}
