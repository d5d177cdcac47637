// SPDX-License-Identifier: GPL-2.0-only
/* The report as Markdown, as JUnit's XML and as a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "document.h"
#include "report/error_document.h"
#include "report/markup.h"
#include "util/array.h"

static void expect_parts(const char *text, const char *const *parts)
{
	for (; *parts; parts++) {
		if (!strstr(text, *parts))
			print_error("not in the report: %s\n", *parts);
		assert_non_null(strstr(text, *parts));
	}
}

static unsigned int count(const char *text, const char *part)
{
	unsigned int n = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

/* Whether every element that is opened is closed, in order, and nothing else is markup. */
static bool is_well_formed(const char *text)
{
	char open[32][32];
	unsigned int depth = 0;

	text = strstr(text, "?>") + 2;
	while ((text = strchr(text, '<'))) {
		bool closes = *++text == '/';
		size_t length = strcspn(text += closes, " />");
		const char *end = text + length;

		if (!length || length >= sizeof(open[0]) || depth == 32)
			return false;
		/* Attributes: name="value" */
		while (*end == ' ') {
			end = strchr(end, '"');
			if (!end || !(end = strchr(end + 1, '"')))
				return false;
			end++;
		}
		if (closes) {
			if (!depth || strlen(open[--depth]) != length ||
			    strncmp(open[depth], text, length))
				return false;
		} else if (*end != '/') {
			snprintf(open[depth++], sizeof(open[0]), "%.*s", (int)length, text);
		}
		end += *end == '/';
		if (*end != '>')
			return false;
		text = end + 1;
	}
	return !depth;
}

/* Puts a text wherever the schema allows any text, and adds what a healthy run lacks. */
static void spread(json_t *document, const char *text)
{
	static const char *const objects[][2] = {
		{ "host", "cpu" },    { "host", "kernel" },  { "host", "clocksource" },
		{ "leaves", "text" }, { "summary", "text" },
	};
	static const char *const lists[][2] = {
		{ "checks", "evidence" },	{ "reasons", "name" },	 { "latency", "name" },
		{ "workloads", "unsupported" }, { "workloads", "name" },
	};
	json_t *diagnoses = json_array(), *examples, *entry;
	struct error err;
	size_t i, j;

	json_object_set_new(document, "exitcheck", json_string(text));
	for (i = 0; i < NR(objects); i++)
		json_object_set_new(json_object_get(document, objects[i][0]), objects[i][1],
				    json_string(text));
	for (i = 0; i < NR(lists); i++)
		json_array_foreach(json_object_get(document, lists[i][0]), j, entry)
			json_object_set_new(entry, lists[i][1], json_string(text));
	json_array_foreach(json_object_get(document, "checks"), j, entry) {
		examples = json_array();
		json_array_append_new(examples, json_string(text));
		json_object_set_new(entry, "examples", examples);
		json_object_set_new(entry, "verdict", json_string("FAIL"));
	}
	json_array_append_new(diagnoses,
			      json_pack("{s:s, s:s, s:s, s:s}", "name", "unit", "confidence",
					"certain", "shows", text, "where", text));
	json_object_set_new(document, "diagnoses", diagnoses);
	assert_int_equal(schema_check(document, false, &err), 0);
}

static char *hostile(const char *text, enum report_form form)
{
	json_t *document = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_MISSED);
	char *report;

	spread(document, text);
	report = form_of(document, form);
	json_decref(document);
	return report;
}

/* ---- all ---- */

/* Of an unpatched KVM, most checks are skipped for one reason: each says it. */
static void skipped_checks_say_why(void **state)
{
	json_t *document = document_of(EXIT_ISA_SVM, LEAVES_UNPATCHED, DEFECT_NONE);
	char *text = form_of(document, REPORT_MARKDOWN);

	(void)state;
	assert_non_null(strstr(text, "- **SKIP** MONO: no exit leaves: kvm.ko is not patched"));
	free(text);
	json_decref(document);
}

static void the_table_says_whose_exits_it_has(void **state)
{
	static const enum report_form forms[] = { REPORT_TEXT, REPORT_MARKDOWN, REPORT_HTML };
	json_t *document = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	json_t *vcpus = json_object_get(document, "vcpus");

	(void)state;
	for (unsigned int i = 0; i < NR(forms); i++) {
		char *text = form_of(document, forms[i]);

		assert_non_null(strstr(text, "Exits of one vCPU by reason"));
		free(text);
	}
	json_array_append_new(vcpus, json_deep_copy(json_array_get(vcpus, 0)));
	for (unsigned int i = 0; i < NR(forms); i++) {
		char *text = form_of(document, forms[i]);

		assert_non_null(strstr(text, "Exits of two VMs of one vCPU, the second with"));
		free(text);
	}
	json_decref(document);
}

/* ---- Markdown ---- */

static void markdown_has_its_parts(void **state)
{
	static const char *const parts[] = {
		"### exitcheck: FAIL\n\n",
		"\n- CPU: Synthetic CPU; SVM; 2 online\n",
		"\n|       exit | reason    |  truth |",
		"\n|-----------:|-----------|-------:|",
		"|       0x7c | MSR       |    388 |",
		"\n- **FAIL** COUNT: ",
		"\n#### Diagnoses\n\n1. **",
		"\n  - VM 1 vCPU 0",
		NULL,
	};
	json_t *document = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_MISSED);
	char *text = form_of(document, REPORT_MARKDOWN);

	(void)state;
	expect_parts(text, parts);
	free(text);
	json_decref(document);
}

static void markdown_is_escaped(void **state)
{
	static const char *const parts[] = {
		"\n- kernel: \\<b>\\|a\\*b\\`\\[c](d) \\_e_f\\_ g < 1 \\&amp; \\\\; kvm.",
		"| \\<b>\\|a\\*b\\`\\[c](d) \\_e_f\\_ g < 1 \\&amp; \\\\ |",
		NULL,
	};
	char *text = hostile("<b>|a*b`[c](d) _e_f_ g < 1 &amp; \\", REPORT_MARKDOWN);

	(void)state;
	expect_parts(text, parts);
	free(text);
}

/* ---- JUnit ---- */

static void junit_has_its_parts(void **state)
{
	static const char *const parts[] = {
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n",
		" timestamp=\"2023-11-14T22:13:20\" time=\"1.900\" ",
		"<testcase classname=\"exitcheck\" name=\"verdict\" time=\"0\">\n"
		"\t\t\t<failure message=\"COUNT",
		"<testcase classname=\"exitcheck.check\" name=\"DISCOVERY\" time=\"0\"/>",
		"<testcase classname=\"exitcheck.check\" name=\"COUNT\" time=\"0\">\n"
		"\t\t\t<failure message=\"",
		"<testcase classname=\"exitcheck.reason\" name=\"0x81 VMMCALL\" time=\"0\">\n"
		"\t\t\t<failure message=\"truth ",
		NULL,
	};
	json_t *document = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_MISSED);
	char *text = form_of(document, REPORT_JUNIT);

	(void)state;
	expect_parts(text, parts);
	assert_true(is_well_formed(text));
	free(text);
	json_decref(document);
}

/* The totals of the suite match its cases. */
static void junit_adds_up(void **state)
{
	static const struct {
		enum leaves_state leaves;
		enum defect defect;
	} runs[] = {
		{ LEAVES_PRESENT, DEFECT_NONE },
		{ LEAVES_PRESENT, DEFECT_MISSED },
		{ LEAVES_PRESENT, DEFECT_BPF_LOSES },
		{ LEAVES_UNPATCHED, DEFECT_NONE },
	};

	(void)state;
	for (unsigned int i = 0; i < NR(runs); i++) {
		json_t *document = document_of(EXIT_ISA_SVM, runs[i].leaves, runs[i].defect);
		char *text = form_of(document, REPORT_JUNIT), figures[128];

		snprintf(figures, sizeof(figures),
			 " tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\">",
			 count(text, "<testcase "), count(text, "<failure "),
			 count(text, "<error "), count(text, "<skipped "));
		assert_non_null(strstr(text, figures));
		assert_true(is_well_formed(text));
		/* What is no pass is no pass here. */
		assert_int_equal(!strstr(text, "<failure ") && !strstr(text, "<error "),
				 runs[i].defect == DEFECT_NONE && runs[i].leaves == LEAVES_PRESENT);
		free(text);
		json_decref(document);
	}
}

static void junit_is_escaped(void **state)
{
	char *text = hostile("]]><a b='c'>&\"</failure>", REPORT_JUNIT);

	(void)state;
	assert_non_null(strstr(
		text, "message=\"]]&gt;&lt;a b=&#39;c&#39;&gt;&amp;&quot;&lt;/failure&gt;\""));
	assert_null(strstr(text, "<a "));
	assert_null(strstr(text, "]]>"));
	assert_true(is_well_formed(text));
	free(text);
}

/* ---- the page ---- */

static void page_has_its_parts(void **state)
{
	static const char *const parts[] = {
		"<!doctype html>\n",
		"<title>FAIL: exitcheck, 6.12.0</title>",
		"<header class=\"verdict fail\">",
		"<time datetime=\"2023-11-14T22:13:20Z\">2023-11-14 22:13 UTC</time>",
		"<caption><span>Exits of one vCPU by reason",
		"<tr class=\"fail\"><th scope=\"row\"><span class=\"number\">0x81</span> VMMCALL</th>",
		"<h2>Diagnoses</h2>",
		"<span class=\"confidence\">",
		"<canvas id=\"counts\"",
		"<div id=\"check-COUNT\" class=\"fail\">",
		"Reads that eBPF found wrong in place",
		"<script type=\"application/json\" id=\"report\">{\"schema_version\":1,",
		"Chart.js v",
		"</body>\n</html>\n",
		NULL,
	};
	json_t *document = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_MISSED);
	char *text = form_of(document, REPORT_HTML);

	(void)state;
	expect_parts(text, parts);
	free(text);
	json_decref(document);
}

/* Everything that could fetch from the network: a page has none of it. */
static void page_asks_for_nothing(void **state)
{
	static const char *const parts[] = { " src=",	"@import", "url(",  "<iframe",
					     "<object", "<embed",  "<base", "http-equiv=\"refresh" };
	json_t *document = document_of(EXIT_ISA_VMX, LEAVES_PRESENT, DEFECT_NONE);
	char *text = form_of(document, REPORT_HTML);

	(void)state;
	for (unsigned int i = 0; i < NR(parts); i++)
		assert_null(strstr(text, parts[i]));
	assert_non_null(strstr(text, "content=\"default-src 'none';"));
	assert_int_equal(count(text, " href=\"data:,\""), 1);
	assert_int_equal(count(text, " href=\""), 1 + count(text, " href=\"#check-"));
	free(text);
	json_decref(document);
}

static void page_is_escaped(void **state)
{
	static const char text[] = "</script><!--<script>alert(\"'&\")</script>";
	json_t *document = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_MISSED);
	char *plain = form_of(document, REPORT_HTML), *page = hostile(text, REPORT_HTML);

	(void)state;
	assert_int_equal(count(page, "<script>"), count(plain, "<script>"));
	assert_int_equal(count(page, "</script>"), count(plain, "</script>"));
	assert_int_equal(count(page, "<!--"), count(plain, "<!--"));
	assert_non_null(
		strstr(page, "&lt;/script&gt;&lt;!--&lt;script&gt;alert(&quot;&#39;&amp;&quot;)"));
	assert_non_null(strstr(page, "\\u003c/script>\\u003c!--\\u003cscript>alert(\\\"'&\\\")"));
	free(plain);
	free(page);
	json_decref(document);
}

/* The document is in the page as it was. */
static void page_carries_the_document(void **state)
{
	json_t *document = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE), *carried;
	char *page, *from, *end;

	(void)state;
	spread(document, "</script> \\ \"");
	page = form_of(document, REPORT_HTML);
	from = strstr(page, "id=\"report\">") + strlen("id=\"report\">");
	end = strstr(from, "</script>");
	carried = json_loadb(from, end - from, 0, NULL);
	assert_non_null(carried);
	assert_true(json_equal(document, carried));
	free(page);
	json_decref(carried);
	json_decref(document);
}

static void pages_of_other_runs(void **state)
{
	const struct error err = { "no <kvm>" };
	json_t *document = report_error_document(&err);
	char *page = form_of(document, REPORT_HTML);

	(void)state;
	assert_non_null(strstr(page, "<title>ERROR: exitcheck, no &lt;kvm&gt;</title>"));
	assert_null(strstr(page, "<script"));
	free(page);
	json_decref(document);
	document = document_of(EXIT_ISA_SVM, LEAVES_UNPATCHED, DEFECT_NONE);
	page = form_of(document, REPORT_HTML);
	assert_non_null(strstr(page, "<header class=\"verdict open\">"));
	free(page);
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(skipped_checks_say_why),
		cmocka_unit_test(the_table_says_whose_exits_it_has),
		cmocka_unit_test(markdown_has_its_parts),
		cmocka_unit_test(markdown_is_escaped),
		cmocka_unit_test(junit_has_its_parts),
		cmocka_unit_test(junit_adds_up),
		cmocka_unit_test(junit_is_escaped),
		cmocka_unit_test(page_has_its_parts),
		cmocka_unit_test(page_asks_for_nothing),
		cmocka_unit_test(page_is_escaped),
		cmocka_unit_test(page_carries_the_document),
		cmocka_unit_test(pages_of_other_runs),
	};

	return cmocka_run_group_tests_name("forms", tests, NULL, NULL);
}
