// SPDX-License-Identifier: GPL-2.0-only
/* The page of a run. */
#include "report/html.h"

#include "report/bench_html.h"
#include "report/comparison_html.h"

#include <math.h>
#include <string.h>

#include "report/markup.h"
#include "report/page.h"
#include "report/parts.h"
#include "report/schema.h"
#include "util/array.h"

/* ---- verdicts: each has a word, a sign and a colour ---- */

struct look {
	const char *verdict, *class, *sign;
};

static const struct look *look(const char *verdict)
{
	static const struct look looks[] = {
		{ "SKIP", "skip", "–" },	 { "PASS", "pass", "✓" },
		{ "FAIL", "fail", "✕" },	 { "ERROR", "fail", "!" },
		{ "INCONCLUSIVE", "open", "?" }, { "UNPATCHED", "open", "?" },
		{ "SAME", "pass", "=" },	 { "DIFFERENT", "open", "≠" },
		{ "OVER", "fail", "✕" },
	};
	unsigned int i = NR(looks) - 1;

	while (i && strcmp(looks[i].verdict, verdict))
		i--;
	return &looks[i];
}

static void badge(FILE *to, const char *verdict)
{
	const struct look *as = look(verdict);

	markup(to, "<span class=\"badge %s\"><span aria-hidden=\"true\">%s</span> %s</span>",
	       as->class, as->sign, verdict);
}

/* ---- the top ---- */

static void page_figures(FILE *to, const json_t *document)
{
	const json_t *summary = json_object_get(document, "summary"), *check;
	unsigned int hold = 0, made = 0;
	struct text text;
	size_t i;

	json_array_foreach(json_object_get(document, "checks"), i, check) {
		hold += !strcmp(doc_string(check, "verdict"), "PASS");
		made += strcmp(doc_string(check, "verdict"), "SKIP") != 0;
	}
	markup(to, "<dl class=\"figures\">\n");
	snprintf(text.s, sizeof(text.s), "%u of %u", hold, made);
	figure(to, text.s, "checks hold");
	figure(to, doc_count(summary, "reasons").s, "exit reasons");
	figure(to, doc_count(summary, "exits").s, "exits seen by eBPF");
	figure(to, doc_count(summary, "compared").s, "comparisons in place");
	figure(to, doc_count(summary, "differed").s, "of them different");
	snprintf(text.s, sizeof(text.s), "%.1f s", doc_real(summary, "seconds"));
	figure(to, text.s, "the run took");
	markup(to, "</dl>\n");
}

static void page_diagnoses(FILE *to, const json_t *document)
{
	const json_t *list = json_object_get(document, "diagnoses"), *diagnosis;
	size_t i;

	if (strcmp(report_verdict(document), "FAIL"))
		return;
	section_begin(to, "diagnoses", "Diagnoses");
	if (!json_array_size(list))
		markup(to, "<p>%s</p>\n", REPORT_NO_DIAGNOSIS);
	markup(to, "<ol class=\"diagnoses\">\n");
	json_array_foreach(list, i, diagnosis)
		markup(to,
		       "<li><h3>%s <span class=\"confidence\">%s</span></h3>\n<p>%s</p>\n"
		       "<p><strong>Where to look</strong> %s</p></li>\n",
		       doc_string(diagnosis, "name"), doc_string(diagnosis, "confidence"),
		       doc_string(diagnosis, "shows"), doc_string(diagnosis, "where"));
	markup(to, "</ol>\n");
	section_end(to);
}

static void page_findings(FILE *to, const json_t *document, bool remarks)
{
	const json_t *list = report_findings(document, remarks), *finding;
	size_t i;

	if (!json_array_size(list))
		return;
	section_begin(to, remarks ? "remarks" : "defects", remarks ? "Remarks" : "Defects");
	if (remarks)
		markup(to, "<p class=\"note\">What the assignment leaves open.</p>\n");
	markup(to, "<ol class=\"diagnoses\">\n");
	json_array_foreach(list, i, finding) {
		markup(to, "<li><h3>%s <span class=\"confidence\">%s</span></h3>\n<p>%s</p>\n",
		       doc_string(finding, "name"),
		       remarks ? "" : report_points(document, finding).s,
		       doc_string(finding, "shows"));
		if (*doc_string(finding, "where"))
			markup(to, "<p><strong>Where to look</strong> %s</p>",
			       doc_string(finding, "where"));
		markup(to, "</li>\n");
	}
	markup(to, "</ol>\n");
	section_end(to);
}

/* All checks at a glance; each leads to its evidence. */
static void page_overview(FILE *to, const json_t *document)
{
	const json_t *check;
	size_t i;

	markup(to, "<nav aria-label=\"Checks\">\n<ul class=\"overview\">\n");
	json_array_foreach(json_object_get(document, "checks"), i, check) {
		markup(to, "<li><a href=\"#check-%s\">", doc_string(check, "id"));
		badge(to, doc_string(check, "verdict"));
		markup(to, " %s</a></li>\n", doc_string(check, "id"));
	}
	markup(to, "</ul>\n</nav>\n");
}

/* ---- the table by reason ---- */

static void page_reasons(FILE *to, const json_t *document)
{
	const json_t *reasons = json_object_get(document, "reasons"), *reason;
	static const char *const heads[] = { "#truth",	     "#leaf",	   "#eBPF",
					     "#leaf − eBPF", "#leaf",	   "#eBPF",
					     "#bias",	     "#uncovered", NULL };
	struct report_row row;
	size_t i;

	if (!json_array_size(reasons))
		return;
	section_begin(to, "reasons", "By exit reason");
	table_begin(to, report_title(document).s);
	markup(to, "<tr><th scope=\"col\" rowspan=\"2\">exit</th>"
		   "<th scope=\"colgroup\" colspan=\"4\" class=\"group\">exits</th>"
		   "<th scope=\"colgroup\" colspan=\"4\" class=\"group\">cycles of one exit</th>"
		   "<th scope=\"col\" rowspan=\"2\">verdict</th></tr>\n");
	table_heads(to, heads);
	json_array_foreach(reasons, i, reason) {
		const char *verdict = doc_string(reason, "verdict");

		report_row(document, reason, &row);
		markup(to,
		       "<tr class=\"%s\"><th scope=\"row\"><span class=\"number\">%s</span> %s</th>",
		       look(verdict)->class, row.cell[COLUMN_EXIT], row.cell[COLUMN_REASON]);
		for (int c = COLUMN_TRUTH; c < COLUMN_VERDICT; c++) {
			bool differs = c == COLUMN_DIFFERENCE &&
				       strspn(row.cell[c], "-0") != strlen(row.cell[c]);

			markup(to,
			       differs ? "<td class=\"n off\">%s</td>" : "<td class=\"n\">%s</td>",
			       row.cell[c]);
		}
		markup(to, "<td class=\"verdict-cell\">");
		badge(to, verdict);
		markup(to, "</td></tr>\n");
	}
	table_end(to);
	markup(to, "<p class=\"note\">%s</p>\n", report_legend);
	section_end(to);
}

/* ---- charts ---- */

/* Whether any reason has times of the leaves and of eBPF. */
static bool has_bias(const json_t *document)
{
	const json_t *reason;
	size_t i;

	json_array_foreach(json_object_get(document, "reasons"), i, reason)
		if (!doc_is_null(reason, "bias"))
			return true;
	return false;
}

static void page_charts(FILE *to, const json_t *document)
{
	if (!json_array_size(json_object_get(document, "reasons")))
		return;
	section_begin(to, "charts", "Exits and their cycles, by reason");
	markup(to, "<noscript><p class=\"note\">The charts need JavaScript; the table above has"
		   " their numbers.</p></noscript>\n<div class=\"charts\">\n");
	canvas(to, "counts", "Exits by eBPF, and by how many the leaf is off",
	       "Bar chart of exits by reason, and of what the leaf differs by; the table above has the"
	       " numbers");
	canvas(to, "cycles",
	       has_bias(document) ?
		       "Bias: cycles of one exit by eBPF’s clock, less those of the leaf" :
		       "Cycles of one exit by eBPF’s clock, mean",
	       "Bar chart of cycles of one exit by reason; the table above has the numbers");
	markup(to, "</div>\n");
	section_end(to);
}

/* The time that a share of a reason's exits stayed below, as far as the histogram tells. */
static struct text quantile(const json_t *reason, double share)
{
	const json_t *log2_ns = json_object_get(reason, "log2_ns"), *element;
	double wanted = share * doc_real(reason, "timed"), seen = 0;
	size_t b;

	if (!(wanted > 0))
		return (struct text){ "-" };
	json_array_foreach(log2_ns, b, element) {
		seen += json_integer_value(element);
		if (seen >= wanted)
			return text_duration(fmin(ldexp(1, b + 1), doc_real(reason, "max_ns")));
	}
	return (struct text){ "-" };
}

static void page_latency(FILE *to, const json_t *document)
{
	static const char *const heads[] = { "exit",	  "#of the time", "#exits",
					     "#shortest", "#mean",	  "#half ≤",
					     "#99 % ≤",	  "#longest",	  NULL };
	const json_t *list = json_object_get(document, "latency"), *reason;
	struct text share;
	double all = 0;
	size_t i;

	if (!json_array_size(list))
		return;
	section_begin(to, "latency", "How long the exits took");
	markup(to,
	       "<p class=\"note\">By eBPF’s clock, from the VM exit to the vCPU’s next VM entry,"
	       " over all vCPUs of the run; that includes halting, user space and preemption."
	       " Each bar is twice as long a time as the one before it; grey: less than one in a hundred of the"
	       " exits.</p>\n"
	       "<div id=\"histograms\"></div>\n");
	table_begin(to, "Time of one exit, by reason");
	table_heads(to, heads);
	json_array_foreach(list, i, reason)
		all += doc_real(reason, "ns");
	json_array_foreach(list, i, reason) {
		double timed = doc_real(reason, "timed");

		snprintf(share.s, sizeof(share.s), "%.1f %%",
			 all > 0 ? 100 * doc_real(reason, "ns") / all : 0);
		markup(to, "<tr><th scope=\"row\">%s</th>", report_reason(document, reason).s);
		number_cell(to, share.s);
		count_cell(to, reason, "timed");
		number_cell(to, text_duration(doc_real(reason, "min_ns")).s);
		number_cell(to, timed > 0 ? text_duration(doc_real(reason, "ns") / timed).s : "-");
		number_cell(to, quantile(reason, 0.5).s);
		number_cell(to, quantile(reason, 0.99).s);
		number_cell(to, text_duration(doc_real(reason, "max_ns")).s);
		markup(to, "</tr>\n");
	}
	table_end(to);
	section_end(to);
}

/* ---- checks ---- */

static void page_checks(FILE *to, const json_t *document)
{
	const json_t *check, *example;
	size_t i, e;

	section_begin(to, "checks", "Checks");
	markup(to, "<dl class=\"checks\">\n");
	json_array_foreach(json_object_get(document, "checks"), i, check) {
		markup(to, "<div id=\"check-%s\" class=\"%s\"><dt>", doc_string(check, "id"),
		       look(doc_string(check, "verdict"))->class);
		badge(to, doc_string(check, "verdict"));
		markup(to, " %s <span class=\"asserts\">%s</span></dt>\n<dd>%s</dd>\n",
		       doc_string(check, "id"), doc_string(check, "asserts"),
		       doc_string(check, "evidence"));
		json_array_foreach(json_object_get(check, "examples"), e, example)
			markup(to, "<dd class=\"example\">%s</dd>\n", json_string_value(example));
		markup(to, "</div>\n");
	}
	markup(to, "</dl>\n");
	section_end(to);
}

static void hex(FILE *to, const json_t *value)
{
	fprintf(to, "0x%08llx", (unsigned long long)json_integer_value(value));
}

static void page_mismatches(FILE *to, const json_t *document)
{
	static const char *const heads[] = {
		"vCPU", "leaf",		"index", "EAX, EBX, ECX, EDX", "#value", "#from",
		"#to",	"#at its exit", NULL,
	};
	const json_t *list = json_object_get(document, "mismatches"), *mismatch, *value;
	size_t i, r;

	if (!json_array_size(list))
		return;
	section_begin(to, "mismatches", "Reads that eBPF found wrong in place");
	markup(to, "<details>\n<summary>The first %s of %s</summary>\n",
	       text_u64(json_array_size(list)).s,
	       doc_count(json_object_get(document, "witness"), "mismatches").s);
	table_begin(to, "What the guest read, and the range that would have been right");
	table_heads(to, heads);
	json_array_foreach(list, i, mismatch) {
		markup(to, "<tr><th scope=\"row\">VM %s vCPU %s</th><td>",
		       doc_digits(mismatch, "vm").s, doc_digits(mismatch, "vcpu").s);
		hex(to, json_object_get(mismatch, "leaf"));
		markup(to, "</td><td>");
		hex(to, json_object_get(mismatch, "index"));
		markup(to, "</td><td>");
		json_array_foreach(json_object_get(mismatch, "registers"), r, value) {
			markup(to, r ? " " : "");
			hex(to, value);
		}
		markup(to, "</td>");
		if (json_is_true(json_object_get(mismatch, "malformed")))
			number_cell(to, "none: malformed registers");
		else
			count_cell(to, mismatch, "value");
		count_cell(to, mismatch, "lower");
		count_cell(to, mismatch, "upper");
		count_cell(to, mismatch, "at_exit");
		markup(to, "</tr>\n");
	}
	table_end(to);
	markup(to, "</details>\n");
	section_end(to);
}

/* ---- the run ---- */

static void page_vcpus(FILE *to, const json_t *document)
{
	static const char *const heads[] = {
		"vCPU",		  "phase",
		"#exits by eBPF", "#exits by KVM’s statistic",
		"#entries",	  "#compared in place",
		"#different",	  NULL,
	};
	const json_t *list = json_object_get(document, "vcpus"), *vcpu;
	size_t i;

	if (!json_array_size(list))
		return;
	section_begin(to, "vcpus", "vCPUs");
	table_begin(to, "What eBPF counted of each vCPU, and KVM’s own statistic");
	table_heads(to, heads);
	json_array_foreach(list, i, vcpu) {
		markup(to, "<tr><th scope=\"row\">VM %s vCPU %s</th><td>%s</td>",
		       doc_digits(vcpu, "vm").s, doc_digits(vcpu, "vcpu").s,
		       doc_string(vcpu, "phase"));
		count_cell(to, vcpu, "exits");
		count_cell(to, vcpu, "stat_exits");
		count_cell(to, vcpu, "entries");
		count_cell(to, vcpu, "compared");
		count_cell(to, vcpu, "differed");
		markup(to, "</tr>\n");
	}
	table_end(to);
	section_end(to);
}

static void page_workloads(FILE *to, const json_t *document)
{
	static const char *const heads[] = { "workload", "#executions", "why it did not run",
					     NULL };
	const json_t *list = json_object_get(document, "workloads"), *workload;
	size_t i;

	if (!json_array_size(list))
		return;
	section_begin(to, "workloads", "Workloads");
	markup(to, "<details>\n<summary>What the guest executed, in the order of the run"
		   "</summary>\n");
	table_begin(to, "Workloads");
	table_heads(to, heads);
	json_array_foreach(list, i, workload) {
		bool ran = doc_is_null(workload, "unsupported");

		markup(to, "<tr><th scope=\"row\">%s</th>", doc_string(workload, "name"));
		if (ran)
			count_cell(to, workload, "executions");
		else
			number_cell(to, "-");
		markup(to, "<td>%s</td></tr>\n", doc_string(workload, "unsupported"));
	}
	table_end(to);
	markup(to, "</details>\n");
	section_end(to);
}

/* ---- the page ---- */

void report_html(FILE *to, const json_t *document)
{
	const char *verdict = report_verdict(document);
	const bool is_comparison = schema_kind(document) == SCHEMA_COMPARISON;

	if (schema_kind(document) == SCHEMA_BENCH) {
		report_bench_html(to, document);
		return;
	}
	page_begin(to, verdict,
		   report_is_error(document) ? report_closing(document) :
		   is_comparison	     ? "a comparison" :
				   doc_string(json_object_get(document, "host"), "kernel"));
	page_header(to, document, look(verdict)->class, look(verdict)->sign, verdict,
		    report_closing(document));
	if (is_comparison) {
		report_comparison_html(to, document);
		machine_section(to, document);
	} else if (!report_is_error(document)) {
		page_figures(to, document);
		page_overview(to, document);
		if (!report_is_published(document))
			page_diagnoses(to, document);
		page_findings(to, document, false);
		page_findings(to, document, true);
		page_reasons(to, document);
		page_charts(to, document);
		page_latency(to, document);
		page_checks(to, document);
		page_mismatches(to, document);
		page_vcpus(to, document);
		page_workloads(to, document);
		machine_section(to, document);
	}
	page_end(to, document);
}
