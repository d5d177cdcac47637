// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "compare/compare.h"
#include "compare/document.h"
#include "document.h"
#include "report/file.h"
#include "report/parts.h"
#include "synthetic_bench.h"
#include "util/array.h"

#define MAX_FILES 8

/* The files of a side. */
struct files {
	json_t *documents[MAX_FILES];
	const char *names[MAX_FILES];
	unsigned int nr;
};

static struct files sides[2];
static struct comparison *comparison;
static struct error err;

static void forget(struct files *files)
{
	while (files->nr)
		json_decref(files->documents[--files->nr]);
}

static void add(struct files *files, json_t *document)
{
	static const char *const names[MAX_FILES] = { "1", "2", "3", "4", "5", "6", "7", "8" };

	files->names[files->nr] = names[files->nr];
	files->documents[files->nr++] = document;
}

static int compare(double limit)
{
	const struct compare_side a = { sides[0].documents, sides[0].names, sides[0].nr };
	const struct compare_side b = { sides[1].documents, sides[1].names, sides[1].nr };

	compare_destroy(comparison);
	comparison = NULL;
	return compare_documents(&a, &b, limit, &comparison, &err);
}

static void expect_status(double limit, enum exit_status status)
{
	const int failed = compare(limit);

	if (failed)
		print_error("%s\n", err.text);
	assert_int_equal(failed, 0);
	assert_int_equal(compare_status(comparison), status);
}

static void expect_error(const char *text)
{
	assert_int_equal(compare(-1), STATUS_USAGE);
	assert_null(comparison);
	assert_string_equal(err.text, text);
}

static const struct compare_row *row(const char *name, const char *quantity)
{
	for (unsigned int i = 0; i < comparison->nr_rows; i++)
		if (!strcmp(comparison->rows[i].name, name) &&
		    !strcmp(comparison->rows[i].quantity, quantity))
			return &comparison->rows[i];
	print_error("no row %s, %s\n", name, quantity);
	fail();
	return NULL;
}

static void expect_row(const char *name, const char *quantity, enum compare_verdict verdict,
		       double change)
{
	const struct compare_row *got = row(name, quantity);
	const double tolerance = 0.05 + fabs(change) / 50;

	if (got->verdict != verdict || !(fabs(got->change - change) < tolerance))
		print_error("%s %s: %d, %g [%g, %g]\n", name, quantity, got->verdict, got->change,
			    got->low, got->high);
	assert_int_equal(got->verdict, verdict);
	assert_true(fabs(got->change - change) < tolerance);
}

/* ---- benches ---- */

static json_t *estimate(double median)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f}", "median", median, "low", median, "high",
			 median, "mad", 0.0, "mean", median);
}

static json_t *cost(const char *observer, double cycles, double added)
{
	json_t *quantity = estimate(cycles);

	json_object_set_new(quantity, "added", added ? estimate(added) : json_null());
	json_object_set_new(quantity, "samples", json_pack("[f]", cycles));
	return json_pack("{s:s, s:s, s:o, s:n}", "workload", "cpuid", "observer", observer,
			 "cycles", quantity, "instructions");
}

/* What an exit costs, and what the patch adds; 0: it did not run. */
static json_t *bench(double cycles, double added, double khz)
{
	json_t *root = synthetic_bench_document(), *costs = json_array();

	json_array_append_new(costs, cost("none", cycles, 0));
	if (added)
		json_array_append_new(costs, cost("patch", cycles + added, added));
	json_object_set_new(root, "costs", costs);
	json_object_set_new(json_object_get(root, "host"), "tsc_khz",
			    json_integer((json_int_t)khz));
	assert_fits(root);
	return root;
}

/* So many files of a side: alike but for some in a thousand. */
static void benches(unsigned int side, unsigned int nr, double cycles, double added, double scatter)
{
	static const double sway[MAX_FILES] = { 0, 1, -1, 0.5, -0.6, 0.3, 0.8, -0.9 };

	forget(&sides[side]);
	for (unsigned int i = 0; i < nr; i++) {
		const double off = sway[(i + 3 * side) % MAX_FILES] * scatter / 1000;

		add(&sides[side],
		    bench(cycles * (1 + off), added ? added + cycles * off / 10 : 0, 1e6));
	}
}

static void benches_that_are_alike(void **state)
{
	(void)state;
	benches(0, 4, 1000, 30, 5);
	benches(1, 4, 1000, 30, 5);
	expect_status(-1, STATUS_PASS);
	assert_string_equal(comparison->kind, "bench");
	assert_string_equal(row("cpuid none", "cycles")->exit, "0x72 CPUID");
	assert_int_equal(comparison->nr_rows, 3);
	assert_int_equal(compare_count(comparison, COMPARE_SAME), 3);
	expect_status(5, STATUS_PASS);
}

/* The change, and an interval that has it and not 0. */
static void benches_that_are_not(void **state)
{
	(void)state;
	benches(0, 4, 1000, 30, 5);
	benches(1, 4, 1100, 30, 5);
	expect_status(-1, STATUS_PASS);
	expect_row("cpuid none", "cycles", COMPARE_MORE, 10);
	assert_true(row("cpuid none", "cycles")->low > 0);
	assert_true(row("cpuid none", "cycles")->high > 10);
	assert_int_equal(row("cpuid patch", "added cycles")->verdict, COMPARE_SAME);
	expect_status(5, STATUS_MISMATCH);
	expect_row("cpuid none", "cycles", COMPARE_OVER, 10);
	expect_status(40, STATUS_PASS);
	expect_row("cpuid none", "cycles", COMPARE_MORE, 10);
	/* It may be more than that. */
	expect_status(row("cpuid none", "cycles")->high - 0.1, STATUS_INCONCLUSIVE);
	assert_true(comparison->may_be_over > 0);
	benches(1, 4, 900, 30, 5);
	expect_status(5, STATUS_PASS);
	expect_row("cpuid none", "cycles", COMPARE_LESS, -10);
}

/* Of what an observer adds, in per cent of the cost without it: a few cycles more are a few. */
static void what_is_added_is_of_the_cost(void **state)
{
	(void)state;
	benches(0, 5, 1000, 30, 1);
	benches(1, 5, 1000, 90, 1);
	expect_status(-1, STATUS_PASS);
	expect_row("cpuid patch", "added cycles", COMPARE_MORE, 6);
	assert_true(row("cpuid none", "cycles")->verdict == COMPARE_SAME);
}

/* However large the difference: the files of a side may differ by as much. */
static void few_files_tell_nothing(void **state)
{
	(void)state;
	for (unsigned int nr = 1; nr <= 3; nr++) {
		benches(0, nr, 1000, 30, 5);
		benches(1, nr, 9000, 300, 5);
		expect_status(5, STATUS_INCONCLUSIVE);
		expect_row("cpuid none", "cycles", COMPARE_TOO_FEW, 800);
		assert_true(isnan(row("cpuid none", "cycles")->low));
	}
}

/* A limit that nobody could see is not kept. */
static void a_gate_does_not_sleep(void **state)
{
	(void)state;
	benches(0, 4, 1000, 0, 300);
	benches(1, 4, 1000, 0, 300);
	expect_status(-1, STATUS_PASS);
	expect_status(5, STATUS_INCONCLUSIVE);
	assert_int_equal(row("cpuid none", "cycles")->verdict, COMPARE_TOO_FEW);
	assert_true(row("cpuid none", "cycles")->high > 5);
}

static void what_only_one_side_has(void **state)
{
	(void)state;
	benches(0, 4, 1000, 30, 5);
	benches(1, 4, 1000, 0, 5);
	expect_status(-1, STATUS_PASS);
	assert_int_equal(row("cpuid patch", "cycles")->verdict, COMPARE_ONLY_A);
	assert_int_equal(row("cpuid patch", "added cycles")->verdict, COMPARE_ONLY_A);
}

/* Twice the cycles at twice the rate are the same time. */
static void two_machines(void **state)
{
	(void)state;
	benches(0, 4, 1000, 0, 5);
	forget(&sides[1]);
	for (unsigned int i = 0; i < 4; i++)
		add(&sides[1], bench(2000 + 2.0 * i, 0, 2e6));
	expect_status(5, STATUS_PASS);
	assert_int_equal(row("cpuid none", "ns")->verdict, COMPARE_SAME);
}

/* ---- runs ---- */

static json_t *reason(int number, const char *kind, int truth, int count, double cycles)
{
	json_t *of_truth = truth < 0 ? json_null() : json_integer(truth);

	return json_pack("{s:i, s:s, s:s, s:o, s:n, s:i, s:i, s:n, s:f, s:n, s:n, s:s}", "number",
			 number, "name", "X", "truth_kind", kind, "truth", of_truth, "leaf", "bpf",
			 count, "difference", 0, "leaf_cycles", "bpf_cycles", cycles, "bias",
			 "uncovered", "verdict", "PASS");
}

/* A run in which the guest executed CPUID so often, at random interrupted (or never). */
static json_t *run(int truth, int count, double cycles, int interrupts)
{
	json_t *root = document_of(EXIT_ISA_SVM, LEAVES_UNPATCHED, DEFECT_NONE);
	json_t *reasons = json_array();

	json_array_append_new(reasons, reason(0x72, "exact", truth, count, cycles));
	json_array_append_new(reasons, reason(0x400, "at-least", 500, 540 + count % 7, 3000));
	if (interrupts)
		json_array_append_new(reasons, reason(0x60, "none", -1, interrupts, 2000));
	json_object_set_new(root, "reasons", reasons);
	assert_fits(root);
	return root;
}

static void counts_by_cause(void **state)
{
	(void)state;
	forget(&sides[0]);
	forget(&sides[1]);
	add(&sides[0], run(1000, 1000, 1500, 0));
	add(&sides[1], run(2000, 2000, 1500, 0));
	expect_status(-1, STATUS_INCONCLUSIVE);
	/* What the guest alone decides, one file of each tells. */
	expect_row("0x72 X", "exits per cause", COMPARE_SAME, 0);
	assert_true(row("0x72 X", "exits per cause")->exact);
	assert_int_equal(row("0x72 X", "cycles")->verdict, COMPARE_TOO_FEW);
	assert_int_equal(row("0x400 X", "exits per cause")->verdict, COMPARE_TOO_FEW);
	forget(&sides[1]);
	add(&sides[1], run(1000, 2000, 1500, 0));
	expect_status(5, STATUS_MISMATCH);
	expect_row("0x72 X", "exits per cause", COMPARE_OVER, 100);
}

/* Exits that come at random are a rate, which is 0 where there are none. */
static void counts_at_random(void **state)
{
	(void)state;
	forget(&sides[0]);
	forget(&sides[1]);
	for (int i = 0; i < 5; i++) {
		add(&sides[0], run(1000, 1000, 1500 + i, i));
		add(&sides[1], run(1000, 1000, 1500 + i, 400 + 10 * i));
	}
	expect_status(-1, STATUS_PASS);
	assert_int_equal(row("0x60 X", "of 1,000 exits")->verdict, COMPARE_MORE);
	assert_true(row("0x60 X", "of 1,000 exits")->a < 2);
	assert_true(row("0x60 X", "of 1,000 exits")->b > 200);
	assert_true(row("0x60 X", "of 1,000 exits")->low > 0);
	forget(&sides[0]);
	for (int i = 0; i < 5; i++)
		add(&sides[0], run(1000, 1000, 1500 + i, 900 + 100 * (i % 2)));
	expect_status(-1, STATUS_PASS);
	assert_int_equal(row("0x60 X", "of 1,000 exits")->verdict, COMPARE_LESS);
	assert_true(row("0x60 X", "of 1,000 exits")->low >= -100);
}

/* A KVM that fails is not the same, however long its exits take. */
static void a_side_that_fails(void **state)
{
	json_t *root;

	(void)state;
	forget(&sides[0]);
	forget(&sides[1]);
	for (int i = 0; i < 4; i++) {
		add(&sides[0], document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE));
		add(&sides[1], document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NOT_TIMED));
	}
	expect_status(-1, STATUS_MISMATCH);
	root = compare_document(comparison);
	assert_string_equal(report_verdict(root), "FAIL");
	assert_non_null(strstr(report_closing(root), "0 of 4 reports of A FAIL, 4 of 4 of B;"));
	json_decref(root);
}

/* ---- what cannot be compared ---- */

static void bad_documents(void **state)
{
	json_t *vmx = document_of(EXIT_ISA_VMX, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	benches(0, 1, 1000, 30, 5);
	forget(&sides[1]);
	add(&sides[1], json_pack("{s:i, s:s}", "schema_version", 1, "error", "no /dev/kvm"));
	expect_error("1 is from a run that failed: no /dev/kvm");
	forget(&sides[1]);
	add(&sides[1], bench(1000, 30, 0));
	expect_error("1: host.tsc_khz is not above 0");
	forget(&sides[1]);
	add(&sides[1], run(1, 1, 1, 0));
	expect_error("one file is from exitcheck bench and the other from exitcheck run: use files"
		     " of the same kind");
	forget(&sides[0]);
	add(&sides[0], vmx);
	expect_error("one report is from SVM and the other from VMX: their exit reasons differ");
	benches(0, 4, 1000, 30, 5);
	benches(1, 4, 1000, 30, 5);
	expect_status(-1, STATUS_PASS);
	forget(&sides[1]);
	add(&sides[1], compare_document(comparison));
	expect_error("1 is a comparison: use what it is of");
}

/* ---- forms ---- */

/* The rows fit into a terminal of 80 columns. */
static void expect_narrow(const char *text)
{
	const char *row = text;

	while ((row = strstr(row, "\ncpuid "))) {
		row++;
		assert_true(strcspn(row, "\n") <= 80);
	}
}

static void every_form(void **state)
{
	static const unsigned int files[] = { 1, 4 };

	(void)state;
	for (unsigned int i = 0; i < NR(files); i++) {
		json_t *root, *again = NULL;
		char *text;

		benches(0, files[i], 1000, 30, 5);
		benches(1, files[i], 1100, 30, 5);
		expect_status(5, files[i] == 1 ? STATUS_INCONCLUSIVE : STATUS_MISMATCH);
		root = compare_document(comparison);
		assert_fits(root);
		for (enum report_form form = 0; form < NR_REPORT_FORMS; form++) {
			text = form_of(root, form);
			assert_non_null(strstr(text, "cpuid none"));
			if (form == REPORT_TEXT)
				expect_narrow(text);
			assert_non_null(strstr(text, files[i] == 1 ? "too few" : "over"));
			if (form == REPORT_HTML)
				assert_non_null(strstr(text, ">0x72 CPUID</span></th>"));
			free(text);
		}
		text = form_of(root, REPORT_JSON);
		assert_int_equal(report_parse(text, strlen(text), &again, &err), 0);
		assert_true(json_equal(root, again));
		free(text);
		json_decref(again);
		json_decref(root);
	}
}

static int tear_down(void **state)
{
	(void)state;
	compare_destroy(comparison);
	forget(&sides[0]);
	forget(&sides[1]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(benches_that_are_alike),
		cmocka_unit_test(benches_that_are_not),
		cmocka_unit_test(what_is_added_is_of_the_cost),
		cmocka_unit_test(few_files_tell_nothing),
		cmocka_unit_test(a_gate_does_not_sleep),
		cmocka_unit_test(what_only_one_side_has),
		cmocka_unit_test(two_machines),
		cmocka_unit_test(counts_by_cause),
		cmocka_unit_test(counts_at_random),
		cmocka_unit_test(a_side_that_fails),
		cmocka_unit_test(bad_documents),
		cmocka_unit_test(every_form),
	};

	return cmocka_run_group_tests_name("compare", tests, NULL, tear_down);
}
