// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "compare.h"

#define HOST(isa, khz) \
	"'schema_version':1,'host':{'cpu':'C','kernel':'K','isa':'" isa "','tsc_khz':" khz "}"
#define SVM HOST("SVM", "1000000")

static struct comparison *comparison;
static struct error err;

/* Writes a document, ' for ", to a new file. */
static void write_document(char *path, const char *text)
{
	int fd;

	strcpy(path, "/tmp/exitcheck-test.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	for (; *text; text++)
		assert_int_equal(write(fd, *text == '\'' ? "\"" : text, 1), 1);
	close(fd);
}

static int compare(const char *a, const char *b, double limit)
{
	char path_a[32], path_b[32];
	int status;

	compare_destroy(comparison);
	comparison = NULL;
	write_document(path_a, a);
	write_document(path_b, b);
	status = compare_files(path_a, path_b, limit, &comparison, &err);
	unlink(path_a);
	unlink(path_b);
	return status;
}

static void expect(const char *a, const char *b, double limit)
{
	int status = compare(a, b, limit);

	if (status)
		print_error("%s\n", err.text);
	assert_int_equal(status, 0);
}

static void expect_error(const char *a, const char *b, const char *text)
{
	assert_int_equal(compare(a, b, -1), STATUS_USAGE);
	assert_null(comparison);
	if (!strstr(err.text, text))
		print_error("\"%s\" does not say \"%s\"\n", err.text, text);
	assert_non_null(strstr(err.text, text));
	assert_null(strchr(err.text, '\n'));
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

	if (got->verdict != verdict)
		print_error("%s %s: %s, %g [%g, %g]\n", name, quantity,
			    compare_verdict_name(got->verdict), got->change, got->low, got->high);
	assert_int_equal(got->verdict, verdict);
	if (isinf(change))
		assert_true(isinf(got->change));
	else
		assert_true(fabs(got->change - change) < 0.05);
}

/* ---- benches ---- */

#define COST(observer, samples) \
	"{'workload':'cpuid','observer':'" observer "','cycles':{'samples':[" samples "]}}"
#define BENCH(costs) "{" SVM ",'costs':[" costs "]}"

static const char calm[] = BENCH(COST("none", "1000,1001,999,1000,1002,998,1000"));

static void bench_with_itself(void **state)
{
	(void)state;
	expect(calm, calm, 5);
	assert_string_equal(comparison->kind, "bench");
	assert_int_equal(comparison->nr_rows, 1);
	expect_row("cpuid none", "cycles", COMPARE_SAME, 0);
	assert_int_equal(compare_status(comparison), STATUS_PASS);
}

static void bench_beyond_noise(void **state)
{
	const char *more = BENCH(COST("none", "1040,1041,1039,1040,1042,1038,1040"));

	(void)state;
	expect(calm, more, -1);
	expect_row("cpuid none", "cycles", COMPARE_MORE, 4);
	assert_int_equal(compare_status(comparison), STATUS_PASS);
	expect(calm, more, 5);
	expect_row("cpuid none", "cycles", COMPARE_MORE, 4);
	assert_int_equal(compare_status(comparison), STATUS_PASS);
	expect(calm, more, 3);
	expect_row("cpuid none", "cycles", COMPARE_OVER, 4);
	assert_int_equal(compare_status(comparison), STATUS_MISMATCH);
	expect(more, calm, 3);
	expect_row("cpuid none", "cycles", COMPARE_LESS, -3.85);
	assert_int_equal(compare_status(comparison), STATUS_PASS);
}

/* It is the change that the limit is for, not what it might be at most. */
static void bench_at_the_limit(void **state)
{
	(void)state;
	expect(calm, BENCH(COST("none", "1040,1041,1020,1040,1080,1060,1040")), 5);
	assert_true(row("cpuid none", "cycles")->high > 5);
	expect_row("cpuid none", "cycles", COMPARE_MORE, 4);
}

/* A tenth more by the medians, of samples that are wider apart than that. */
static void bench_within_noise(void **state)
{
	(void)state;
	expect(BENCH(COST("none", "800,900,1000,1100,1200,1000,700,1300")),
	       BENCH(COST("none", "900,1000,1100,1200,1300,1100,800,1400")), 5);
	expect_row("cpuid none", "cycles", COMPARE_SAME, 10);
	assert_int_equal(compare_status(comparison), STATUS_PASS);
}

static void bench_of_too_few_samples(void **state)
{
	(void)state;
	expect(BENCH(COST("none", "1000,1000")), BENCH(COST("none", "2000,2000")), 5);
	expect_row("cpuid none", "cycles", COMPARE_SAME, 100);
}

static void bench_other_observers(void **state)
{
	(void)state;
	expect(calm, BENCH(COST("btf", "1400,1400,1400,1400,1400,1400")), 5);
	assert_int_equal(comparison->nr_rows, 2);
	assert_int_equal(row("cpuid none", "cycles")->verdict, COMPARE_ONLY_A);
	assert_int_equal(row("cpuid btf", "cycles")->verdict, COMPARE_ONLY_B);
	assert_int_equal(compare_status(comparison), STATUS_INCONCLUSIVE);
}

/* Twice the cycles at twice the rate are the same time. */
static void bench_of_two_machines(void **state)
{
	(void)state;
	expect(calm,
	       "{" HOST("VMX", "2000000") ",'costs':[" COST(
		       "none", "2000,2002,1998,2000,2004,1996,2000") "]}",
	       5);
	expect_row("cpuid none", "ns", COMPARE_SAME, 0);
}

/* ---- runs ---- */

#define REASON(number, kind, truth, bpf, cycles)                                    \
	"{'number':" number ",'truth_kind':'" kind "','truth':" truth ",'bpf':" bpf \
	",'leaf_cycles':" cycles ",'bpf_cycles':" cycles "}"
/* Times of 1,024 to 2,047 ns. */
#define TIMES(number, nr) \
	"{'number':" number ",'min_ns':1024,'max_ns':2047,'log2_ns':[0,0,0,0,0,0,0,0,0,0," nr "]}"
#define RUN(reasons, times) \
	"{" SVM ",'reasons':[" reasons "],'vcpus':[{'phase':'single','reasons':[" times "]}]}"

static const char quiet[] = RUN(REASON("114", "exact", "1000", "1000", "1500") "," REASON(
					"1024", "at-least", "500", "550",
					"3000") "," REASON("96", "none", "null", "100", "2000"),
				TIMES("114", "1000"));

static void run_with_itself(void **state)
{
	(void)state;
	expect(quiet, quiet, 0);
	assert_string_equal(comparison->kind, "run");
	expect_row("0x72 CPUID", "exits", COMPARE_SAME, 0);
	expect_row("0x72 CPUID", "cycles", COMPARE_SAME, 0);
	expect_row("0x400 NPF", "exits", COMPARE_SAME, 0);
	expect_row("0x60 INTR", "exits", COMPARE_SAME, 0);
	assert_int_equal(compare_status(comparison), STATUS_PASS);
}

/* Other numbers of executions are no change; one exit more for each is. */
static void run_counts_by_cause(void **state)
{
	(void)state;
	expect(quiet, RUN(REASON("114", "exact", "2000", "2000", "1500"), TIMES("114", "2000")), 5);
	expect_row("0x72 CPUID", "exits", COMPARE_SAME, 0);
	assert_true(row("0x72 CPUID", "exits")->b == 2000);
	expect(quiet, RUN(REASON("114", "exact", "1000", "2000", "1500"), TIMES("114", "2000")), 5);
	expect_row("0x72 CPUID", "exits", COMPARE_OVER, 100);
	assert_int_equal(compare_status(comparison), STATUS_MISMATCH);
}

/* 50 faults on top of 500, give or take: 60 are not many more, 150 are. */
static void run_counts_of_chance(void **state)
{
	(void)state;
	expect(quiet, RUN(REASON("1024", "at-least", "500", "560", "3000"), ""), 0);
	expect_row("0x400 NPF", "exits", COMPARE_SAME, 1.82);
	/* What the guest caused is not by chance: else these 50 were not beyond the noise. */
	expect(quiet, RUN(REASON("1024", "at-least", "500", "600", "3000"), ""), 0);
	expect_row("0x400 NPF", "exits", COMPARE_OVER, 9.09);
	expect(quiet, RUN(REASON("1024", "at-least", "500", "650", "3000"), ""), 0);
	expect_row("0x400 NPF", "exits", COMPARE_OVER, 18.18);
}

static void run_times(void **state)
{
	(void)state;
	/* The standard error of 1,000 in that bucket is some 9 ns. */
	expect(quiet, RUN(REASON("114", "exact", "1000", "1000", "1510"), TIMES("114", "1000")), 0);
	expect_row("0x72 CPUID", "cycles", COMPARE_SAME, 0.67);
	expect(quiet, RUN(REASON("114", "exact", "1000", "1000", "1600"), TIMES("114", "1000")), 5);
	expect_row("0x72 CPUID", "cycles", COMPARE_OVER, 6.67);
	expect(quiet, RUN(REASON("114", "exact", "1000", "1000", "1600"), TIMES("114", "1000")),
	       10);
	expect_row("0x72 CPUID", "cycles", COMPARE_MORE, 6.67);
	/* Without a histogram there is no telling. */
	expect_row("0x72 CPUID", "exits", COMPARE_SAME, 0);
	expect(quiet, RUN(REASON("114", "exact", "1000", "1000", "9999"), ""), 5);
	expect_row("0x72 CPUID", "cycles", COMPARE_SAME, 566.6);
}

static void run_other_reasons(void **state)
{
	(void)state;
	expect(quiet, RUN(REASON("123", "exact", "10", "10", "1500"), ""), 5);
	assert_int_equal(row("0x72 CPUID", "exits")->verdict, COMPARE_ONLY_A);
	assert_int_equal(row("0x7b IOIO", "exits")->verdict, COMPARE_ONLY_B);
	assert_int_equal(compare_status(comparison), STATUS_INCONCLUSIVE);
}

/* ---- what is no document ---- */

static void bad_documents(void **state)
{
	(void)state;
	expect_error("", calm, "no JSON");
	expect_error("[1", calm, "no JSON");
	expect_error("[]", calm, "not a report");
	expect_error("{}", calm, "schema_version");
	expect_error(calm, "{'schema_version':2}", "schema_version");
	expect_error(calm, "{'schema_version':1,'error':'no /dev/kvm'}", "no /dev/kvm");
	expect_error(calm, "{'schema_version':1}", "neither");
	expect_error(calm, "{'schema_version':1,'costs':[]}", "host");
	expect_error(calm, "{" HOST("SVM", "0") ",'costs':[]}", "tsc_khz");
	expect_error(calm, BENCH("1"), "object");
	expect_error(calm, BENCH("{'workload':'cpuid','observer':'none'}"), "cycles");
	expect_error(calm, BENCH(COST("none", "")), "without samples");
	expect_error(calm, BENCH(COST("none", "1,'x'")), "no number");
	expect_error(quiet, RUN("{'number':114}", ""), "truth_kind");
	expect_error(quiet, calm, "same kind");
	expect_error(quiet, "{" HOST("VMX", "1000000") ",'reasons':[]}", "SVM");
}

static void no_file(void **state)
{
	(void)state;
	assert_int_equal(compare_files("/nowhere/a", "/nowhere/b", -1, &comparison, &err),
			 STATUS_USAGE);
	assert_non_null(strstr(err.text, "/nowhere/a"));
}

/* ---- forms ---- */

static void as_json(void **state)
{
	char *text;
	json_t *root;
	const char *verdict;
	int status;

	(void)state;
	expect(calm, BENCH(COST("none", "2000,2000,2000,2000,2000,2000")), 5);
	text = compare_json(comparison);
	root = json_loads(text, 0, NULL);
	assert_int_equal(json_unpack(root, "{s:i, s:[{s:s}]}", "exit_status", &status, "rows",
				     "verdict", &verdict),
			 0);
	assert_int_equal(status, STATUS_MISMATCH);
	assert_string_equal(verdict, "over");
	json_decref(root);
	free(text);
	/* Neither is what JSON has no number for. */
	expect(calm, BENCH(COST("btf", "1,1")), -1);
	text = compare_json(comparison);
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	json_decref(root);
	free(text);
}

static int tear_down(void **state)
{
	(void)state;
	compare_destroy(comparison);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bench_with_itself),
		cmocka_unit_test(bench_beyond_noise),
		cmocka_unit_test(bench_at_the_limit),
		cmocka_unit_test(bench_within_noise),
		cmocka_unit_test(bench_of_too_few_samples),
		cmocka_unit_test(bench_other_observers),
		cmocka_unit_test(bench_of_two_machines),
		cmocka_unit_test(run_with_itself),
		cmocka_unit_test(run_counts_by_cause),
		cmocka_unit_test(run_counts_of_chance),
		cmocka_unit_test(run_times),
		cmocka_unit_test(run_other_reasons),
		cmocka_unit_test(bad_documents),
		cmocka_unit_test(no_file),
		cmocka_unit_test(as_json),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
