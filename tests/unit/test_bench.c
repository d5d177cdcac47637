// SPDX-License-Identifier: GPL-2.0-only
/* The document of a bench, and the forms of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "compare/compare.h"
#include "document.h"
#include "report/file.h"
#include "synthetic_bench.h"

static json_t *bench_fixture(void)
{
	json_t *document = synthetic_bench_document();

	assert_non_null(document);
	return document;
}

static json_t *cost(const json_t *document, size_t i)
{
	return json_array_get(json_object_get(document, "costs"), i);
}

static void expect_parts(const json_t *document, enum report_form form, const char *const *parts)
{
	char *text = form_of(document, form);

	for (; *parts; parts++) {
		if (!strstr(text, *parts))
			print_error("not in the report: %s\n", *parts);
		assert_non_null(strstr(text, *parts));
	}
	free(text);
}

/* ---- the document ---- */

static void as_json(void **state)
{
	json_t *document = bench_fixture(), *costs = json_object_get(document, "costs"), *added;
	const char *seed, *base;

	(void)state;
	assert_fits(document);
	assert_int_equal(json_unpack(document, "{s:s, s:s}", "seed", &seed, "base", &base), 0);
	assert_string_equal(seed, "18446744073709551615");
	assert_string_equal(base, "none");
	/* Two workloads under each observer that was not skipped. */
	assert_int_equal(json_array_size(costs), 2 * (nr_bench_observers - 2));
	added = json_object_get(json_object_get(cost(document, 2), "cycles"), "added");
	assert_true(json_number_value(json_object_get(added, "median")) == 31);
	added = json_object_get(json_object_get(cost(document, 0), "cycles"), "added");
	assert_true(json_is_null(added));
	assert_true(json_is_null(json_object_get(cost(document, 0), "instructions")));
	json_decref(document);
}

/* The base is the first that ran. */
static void base_is_skipped(void **state)
{
	static const char *const parts[] = { "from \"patch-other\" in", NULL };
	struct bench *bench = synthetic_bench();
	json_t *document;

	(void)state;
	error_set(&bench->watches[0].skipped, STATUS_CANNOT_RUN, "every VM has the leaves");
	assert_int_equal(bench_base(bench), 1);
	document = bench_document(bench);
	assert_fits(document);
	expect_parts(document, REPORT_TEXT, parts);
	json_decref(document);
	bench_destroy(bench);
}

/* Read back, a bench has the same forms, byte for byte. */
static void read_again(void **state)
{
	json_t *document = bench_fixture(), *again = NULL;
	char *json = form_of(document, REPORT_JSON);
	struct error err;

	(void)state;
	assert_int_equal(report_parse(json, strlen(json), &again, &err), 0);
	for (enum report_form form = 0; form < NR_REPORT_FORMS; form++) {
		char *first, *second;

		assert_int_equal(report_has_form(document, form), form != REPORT_JUNIT);
		if (!report_has_form(document, form))
			continue;
		first = form_of(document, form);
		second = form_of(again, form);
		assert_string_equal(first, second);
		free(first);
		free(second);
	}
	free(json);
	json_decref(again);
	json_decref(document);
}

/* What bench writes fits its schema when it is read back. */
static void misfits_are_named(void **state)
{
	json_t *document = bench_fixture(), *samples;
	struct error err;

	(void)state;
	samples = json_object_get(json_object_get(cost(document, 1), "cycles"), "samples");
	json_array_append_new(samples, json_string("x"));
	assert_int_equal(schema_check(document, false, &err), STATUS_USAGE);
	assert_string_equal(err.text, "costs[1].cycles.samples[7] has another type");
	json_array_clear(samples);
	assert_int_equal(schema_check(document, false, &err), STATUS_USAGE);
	assert_string_equal(err.text, "costs[1].cycles.samples has too few elements");
	while (json_array_size(samples) < 1001)
		json_array_append_new(samples, json_integer(1));
	assert_int_equal(schema_check(document, false, &err), STATUS_USAGE);
	assert_string_equal(err.text, "costs[1].cycles.samples has too many elements");
	json_object_set_new(document, "document", json_string("benches"));
	assert_int_equal(schema_check(document, false, &err), STATUS_USAGE);
	assert_string_equal(err.text, "count is missing");
	json_decref(document);
}

static void compared_with_itself(void **state)
{
	json_t *document = bench_fixture();
	struct comparison *comparison;
	struct error err;

	(void)state;
	assert_int_equal(compare_with_itself(document, 4, 0, &comparison, &err), 0);
	assert_int_equal(comparison->nr_rows, 2 * (2 * (nr_bench_observers - 2) - 1));
	assert_int_equal(compare_status(comparison), STATUS_PASS);
	compare_destroy(comparison);
	json_decref(document);
}

/* ---- forms ---- */

static void as_text(void **state)
{
	static const char *const parts[] = {
		"kernel     6.12.0; kvm.exit_leaves=optin\n",
		"cost       cycles of the TSC; no instructions: no counter\n",
		"seed       18446744073709551615 (--seed 18446744073709551615 repeats the order)\n",
		"median, its 95 % confidence interval",
		"\ncpuid         none              2,300 [2,000, 2,600]           200         - -  ",
		"\ncpuid         patch             2,331 [2,031, 2,631]           200        31 "
		"[31, 31]               1.013\n",
		"\nout           btf               5,708 [5,408, 6,008]           200       408 ",
		"\nWorkloads that did not run\n\nvmxon            not on SVM\n",
		"\nObservers that did not run\n\nclassic          no tracefs\n",
		NULL,
	};
	json_t *document = bench_fixture();
	char *text = form_of(document, REPORT_TEXT);

	(void)state;
	expect_parts(document, REPORT_TEXT, parts);
	assert_null(strstr(text, "instr."));
	free(text);
	json_decref(document);
}

static void instructions_as_text(void **state)
{
	static const char *const parts[] = { "cycles of the TSC and the kernel's instructions\n",
					     " ratio  instr.\n", " 1.013   4,711\n", NULL };
	struct bench *bench = synthetic_bench();
	json_t *document;

	(void)state;
	bench->no_instructions[0] = '\0';
	for (unsigned int i = 0; i < SYNTHETIC_ROUNDS; i++)
		bench_instructions(bench, 0, 2)[i] = 4711;
	document = bench_document(bench);
	assert_fits(document);
	expect_parts(document, REPORT_TEXT, parts);
	json_decref(document);
	bench_destroy(bench);
}

/* There is no interval of a few. */
static void few_rounds(void **state)
{
	static const char *const parts[] = { "its smallest and largest sample", " min, max ",
					     NULL };
	struct bench *bench = synthetic_bench();
	json_t *document;

	(void)state;
	bench->rounds = 5;
	document = bench_document(bench);
	expect_parts(document, REPORT_TEXT, parts);
	json_decref(document);
	bench_destroy(bench);
}

/* One sample has no scatter, and nothing to be measured by. */
static void one_round(void **state)
{
	static const char *const parts[] = {
		"\ncpuid         none              2,000 [2,000, 2,000]             -         - -  ",
		NULL
	};
	struct bench *bench = synthetic_bench();
	json_t *document;

	(void)state;
	bench->rounds = 1;
	document = bench_document(bench);
	expect_parts(document, REPORT_TEXT, parts);
	json_decref(document);
	bench_destroy(bench);
}

/* A median of differences may be less where the difference of the medians is more. */
static void ratio_is_of_what_is_added(void **state)
{
	static const double none[] = { 100, 200, 300 }, patch[] = { 250, 190, 260 };
	static const char *const parts[] = {
		"\ncpuid         patch               250 [190, 260]                10       -10 "
		"[-40, 150]             0.950\n",
		NULL,
	};
	struct bench *bench = synthetic_bench();
	json_t *document;

	(void)state;
	bench->rounds = NR(none);
	for (unsigned int i = 0; i < NR(none); i++) {
		bench_cycles(bench, 0, 0)[i] = none[i];
		bench_cycles(bench, 0, 2)[i] = patch[i];
	}
	document = bench_document(bench);
	expect_parts(document, REPORT_TEXT, parts);
	json_decref(document);
	bench_destroy(bench);
}

static void as_markdown(void **state)
{
	static const char *const parts[] = {
		"### exitcheck: what watching costs\n\n- CPU: Synthetic CPU; SVM; 2 online\n",
		"\n#### cpuid\n\n| observer    | cycles |  95 % interval |",
		"\n|-------------|-------:|---------------:|",
		"\n| patch       |  2,331 | [2,031, 2,631] | 200 |    31 |      [31, 31] | 1.013 |\n",
		"\n#### Observers that did not run\n\n- classic: no tracefs\n",
		NULL,
	};
	json_t *document = bench_fixture();

	(void)state;
	expect_parts(document, REPORT_MARKDOWN, parts);
	json_decref(document);
}

static void as_page(void **state)
{
	static const char *const parts[] = {
		"<title>Bench: exitcheck, 6.12.0</title>",
		"<header class=\"verdict plain\">",
		"<h1>What watching costs</h1>",
		"<section id=\"overview\">\n<h2>All workloads</h2>",
		"<tr><th scope=\"row\">out</th><td class=\"n\">5,300</td><td class=\"n\">0</td>"
		"<td class=\"n\">31</td><td class=\"n\">408</td>",
		"<section id=\"workload-0\">\n<h2>cpuid</h2>",
		"<th scope=\"row\">patch</th><td class=\"n\">2,331</td>"
		"<td class=\"n\">[2,031, 2,631]</td><td class=\"n\">200</td><td class=\"n\">31</td>"
		"<td class=\"n\">[31, 31]</td><td class=\"n\">1.013</td></tr>",
		"<canvas id=\"costs-0\"",
		"<section id=\"workload-1\">\n<h2>out</h2>",
		"<canvas id=\"costs-1\"",
		"<th scope=\"row\">cpuid</th><td>0x72 CPUID</td><td class=\"n\">2,000</td>",
		"<td>no tracefs</td>",
		"<dt>cost</dt><dd>cycles of the TSC; no instructions: no counter</dd>",
		"<script type=\"application/json\" id=\"report\">{\"schema_version\":1,"
		"\"document\":\"bench\",",
		"</body>\n</html>\n",
		NULL,
	};
	json_t *document = bench_fixture();

	(void)state;
	expect_parts(document, REPORT_HTML, parts);
	json_decref(document);
}

/*
 * Whatever the texts of a bench are, they add neither elements to the page nor tables to the
 * Markdown.
 */
static void hostile_texts(void **state)
{
	static const char text[] = "</script><b>|\"'&";
	static const char *const escaped[] = {
		"<h2>&lt;/script&gt;&lt;b&gt;|&quot;&#39;&amp;</h2>",
		"against &lt;/script&gt;",
		"\"workload\":\"\\u003c/script>",
		NULL,
	};
	static const char *const markdown[] = { "#### \\</script>\\<b>\\|", NULL };
	json_t *document = bench_fixture(), *entry;
	char *page;
	size_t i;

	(void)state;
	json_object_set_new(document, "base", json_string(text));
	json_array_foreach(json_object_get(document, "costs"), i, entry) {
		json_object_set_new(entry, "workload", json_string(text));
		json_object_set_new(entry, "observer", json_string(text));
	}
	json_array_foreach(json_object_get(document, "observers"), i, entry)
		json_object_set_new(entry, "skipped", json_string(text));
	assert_fits(document);
	expect_parts(document, REPORT_HTML, escaped);
	expect_parts(document, REPORT_MARKDOWN, markdown);
	page = form_of(document, REPORT_HTML);
	assert_null(strstr(page, "<b>"));
	free(page);
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_json),
		cmocka_unit_test(base_is_skipped),
		cmocka_unit_test(read_again),
		cmocka_unit_test(misfits_are_named),
		cmocka_unit_test(compared_with_itself),
		cmocka_unit_test(as_text),
		cmocka_unit_test(instructions_as_text),
		cmocka_unit_test(few_rounds),
		cmocka_unit_test(one_round),
		cmocka_unit_test(ratio_is_of_what_is_added),
		cmocka_unit_test(as_markdown),
		cmocka_unit_test(as_page),
		cmocka_unit_test(hostile_texts),
	};

	return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
