// SPDX-License-Identifier: GPL-2.0-only
/* JUnit's XML, for CI systems: a test case for the verdict, for each check and for each reason. */
#include "report/junit.h"

#include <string.h>

#include "report/comparison_parts.h"
#include "report/markup.h"
#include "report/parts.h"
#include "util/array.h"

/* How a verdict ends a test case. */
enum outcome {
	OUTCOME_PASS,
	OUTCOME_FAILURE,
	OUTCOME_ERROR,
	OUTCOME_SKIPPED,
	NR_OUTCOMES,
};

static const char *const elements[] = {
	[OUTCOME_FAILURE] = "failure",
	[OUTCOME_ERROR] = "error",
	[OUTCOME_SKIPPED] = "skipped",
};

static enum outcome outcome(const char *verdict)
{
	static const char *const fine[] = { "SAME", "DIFFERENT", "same", "less", "more" };

	if (!strcmp(verdict, "PASS"))
		return OUTCOME_PASS;
	if (!strcmp(verdict, "FAIL") || !strcmp(verdict, "OVER") || !strcmp(verdict, "over"))
		return OUTCOME_FAILURE;
	/* Of a comparison: a difference is no failure. */
	for (unsigned int i = 0; i < NR(fine); i++)
		if (!strcmp(verdict, fine[i]))
			return OUTCOME_PASS;
	if (!strncmp(verdict, "only ", 5))
		return OUTCOME_SKIPPED;
	return strcmp(verdict, "SKIP") ? OUTCOME_ERROR : OUTCOME_SKIPPED;
}

/* What a test case says besides its outcome: the strings of a list, one a line. */
static void test_case(FILE *to, const char *group, const char *name, const char *verdict,
		      const char *message, const json_t *lines)
{
	enum outcome how = outcome(verdict);
	const json_t *line;
	size_t i;

	markup(to, "\t\t<testcase classname=\"exitcheck%s\" name=\"%s\" time=\"0\"", group, name);
	if (how == OUTCOME_PASS) {
		markup(to, "/>\n");
		return;
	}
	markup(to, ">\n\t\t\t<%s message=\"%s\"", elements[how], message);
	if (how != OUTCOME_SKIPPED)
		markup(to, " type=\"%s\"", verdict);
	markup(to, ">");
	json_array_foreach(lines, i, line)
		markup(to, "%s%s", i ? "\n" : "", json_string_value(line));
	markup(to, "</%s>\n\t\t</testcase>\n", elements[how]);
}

static void reason_case(FILE *to, const json_t *document, const json_t *reason)
{
	struct report_row row;
	char message[320];

	report_row(document, reason, &row);
	snprintf(message, sizeof(message),
		 "truth %s, leaf %s, eBPF %s, difference %s; cycles of one exit: leaf %s, eBPF %s",
		 row.cell[COLUMN_TRUTH], row.cell[COLUMN_LEAF], row.cell[COLUMN_BPF],
		 row.cell[COLUMN_DIFFERENCE], row.cell[COLUMN_LEAF_CYCLES],
		 row.cell[COLUMN_BPF_CYCLES]);
	test_case(to, ".reason", report_reason(document, reason).s, doc_string(reason, "verdict"),
		  message, NULL);
}

static void change_case(FILE *to, const json_t *entry)
{
	struct comparison_row row;
	char name[160], message[320];

	comparison_row(entry, &row);
	snprintf(name, sizeof(name), "%s, %s", row.cell[COMPARISON_NAME],
		 row.cell[COMPARISON_QUANTITY]);
	snprintf(message, sizeof(message), "%s: A %s, B %s, change %s %s",
		 row.cell[COMPARISON_VERDICT], row.cell[COMPARISON_A], row.cell[COMPARISON_B],
		 row.cell[COMPARISON_CHANGE], row.cell[COMPARISON_INTERVAL]);
	test_case(to, ".row", name, row.cell[COMPARISON_VERDICT], message, NULL);
}

static void count_outcomes(const json_t *list, unsigned int *counts)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
		counts[outcome(doc_string(entry, "verdict"))]++;
}

static void system_out_findings(FILE *to, const json_t *document, bool remarks)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(report_findings(document, remarks), i, finding)
		markup(to, "%s (%s): %s %s\n", doc_string(finding, "name"),
		       remarks ? "remark" : report_points(document, finding).s,
		       doc_string(finding, "shows"), doc_string(finding, "where"));
}

void report_junit(FILE *to, const json_t *document)
{
	const json_t *checks = json_object_get(document, "checks"), *entry;
	const json_t *reasons = json_object_get(document, "reasons");
	const json_t *rows = json_object_get(document, "rows");
	struct report_fact facts[REPORT_MAX_FACTS];
	unsigned int counts[NR_OUTCOMES] = { 0 }, nr;
	size_t i;

	counts[outcome(report_verdict(document))]++;
	count_outcomes(checks, counts);
	count_outcomes(reasons, counts);
	count_outcomes(rows, counts);
	fprintf(to,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		"\t<testsuite id=\"0\" package=\"exitcheck\" name=\"exitcheck\" hostname=\"localhost\""
		" timestamp=\"%s\" time=\"%.3f\" tests=\"%zu\" failures=\"%u\" errors=\"%u\""
		" skipped=\"%u\">\n",
		report_time(document, "%Y-%m-%dT%H:%M:%S").s,
		doc_real(json_object_get(document, "summary"), "seconds"),
		1 + json_array_size(checks) + json_array_size(reasons) + json_array_size(rows),
		counts[OUTCOME_FAILURE], counts[OUTCOME_ERROR], counts[OUTCOME_SKIPPED]);
	markup(to, "\t\t<properties>\n");
	if (!report_is_error(document)) {
		nr = report_facts(document, facts);
		for (i = 0; i < nr; i++)
			markup(to, "\t\t\t<property name=\"%s\" value=\"%s\"/>\n", facts[i].name,
			       facts[i].text);
	}
	markup(to, "\t\t</properties>\n");
	test_case(to, "", "verdict", report_verdict(document), report_closing(document), NULL);
	json_array_foreach(checks, i, entry)
		test_case(to, ".check", doc_string(entry, "id"), doc_string(entry, "verdict"),
			  doc_string(entry, "evidence"), json_object_get(entry, "examples"));
	json_array_foreach(reasons, i, entry)
		reason_case(to, document, entry);
	json_array_foreach(rows, i, entry)
		change_case(to, entry);
	markup(to, "\t\t<system-out>");
	json_array_foreach(json_object_get(document, "diagnoses"), i, entry)
		markup(to, "%s (%s): %s %s\n", doc_string(entry, "name"),
		       doc_string(entry, "confidence"), doc_string(entry, "shows"),
		       doc_string(entry, "where"));
	system_out_findings(to, document, false);
	system_out_findings(to, document, true);
	markup(to, "</system-out>\n\t\t<system-err></system-err>\n\t</testsuite>\n</testsuites>\n");
}
