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

#include "compare/forms.h"
#include "document.h"
#include "report/file.h"

#define HOST(isa, khz)                                                                 \
	"'host':{'cpu':'C','kernel':'K','isa':'" isa "','tsc_khz':" khz                \
	",'online_cpus':1,'clocksource':'tsc','exit_leaves':null},'schema_version':1," \
	"'exitcheck':'0.1','started':0,'seed':1"
#define SVM HOST("SVM", "1000000")

static struct comparison *comparison;
static struct error err;

/* A document, with ' for "; members of a run that compare ignores are added. */
static json_t *document(const char *text)
{
	json_t *any = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE), *root;
	char *json = strdup(text);

	for (char *at = json; *at; at++)
		*at = *at == '\'' ? '"' : *at;
	root = json_loads(json, 0, NULL);
	assert_non_null(root);
	if (!schema_is_bench(root) && !json_object_get(root, "error"))
		json_object_update_missing(root, any);
	assert_fits(root);
	json_decref(any);
	free(json);
	return root;
}

static int compare(const char *a, const char *b, double limit)
{
	json_t *of_a = document(a), *of_b = document(b);
	int status;

	compare_destroy(comparison);
	comparison = NULL;
	status = compare_documents(of_a, of_b, limit, &comparison, &err);
	json_decref(of_a);
	json_decref(of_b);
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

#define QUANTITY(samples) \
	"{'median':1,'low':1,'high':1,'mad':0,'mean':1,'added':null,'samples':[" samples "]}"
#define COST(observer, samples)                     \
	"{'workload':'cpuid','observer':'" observer \
	"','cycles':" QUANTITY(samples) ",'instructions':null}"
#define BENCH_ON(host, costs)                                                                  \
	"{" host ",'document':'bench','seconds':1,'rounds':7,'vcpus':1,'vms':1,'base':'none'," \
	"'no_instructions':null,'observers':[],'workloads':[],'costs':[" costs "]}"
#define BENCH(costs) BENCH_ON(SVM, costs)

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

/* The limit applies to the change, not to its upper bound. */
static void bench_at_the_limit(void **state)
{
	(void)state;
	expect(calm, BENCH(COST("none", "1040,1041,1020,1040,1080,1060,1040")), 5);
	assert_true(row("cpuid none", "cycles")->high > 5);
	expect_row("cpuid none", "cycles", COMPARE_MORE, 4);
}

/* A tenth more by the medians, with samples that vary by more than that. */
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
	       BENCH_ON(HOST("VMX", "2000000"), COST("none", "2000,2002,1998,2000,2004,1996,2000")),
	       5);
	expect_row("cpuid none", "ns", COMPARE_SAME, 0);
}

/* ---- runs ---- */

#define REASON(number, name, kind, truth, bpf, cycles)                                            \
	"{'number':" number ",'name':'" name "','truth_kind':'" kind "','truth':" truth           \
	",'leaf':null,'bpf':" bpf ",'difference':0,'leaf_cycles':" cycles ",'bpf_cycles':" cycles \
	",'bias':null,'verdict':'PASS'}"
#define CPUID(truth, bpf, cycles) REASON("114", "CPUID", "exact", truth, bpf, cycles)
#define NPF(bpf) REASON("1024", "NPF", "at-least", "500", bpf, "3000")
/* Times of 1,024 to 2,047 ns, of CPUID. */
#define TIMES(nr)                                                            \
	"{'number':114,'name':'CPUID','count':" nr ",'timed':" nr ",'ns':1," \
	"'min_ns':1024,'max_ns':2047,'log2_ns':[0,0,0,0,0,0,0,0,0,0," nr "]}"
#define RUN_ON(host, reasons, times)                                                                \
	"{" host ",'reasons':[" reasons "],'vcpus':[{'phase':'single','vm':1,'vcpu':0,"             \
	"'stat_exits':null,'exits':0,'entries':0,'failed_entries':0,'lost_entries':0,'compared':0," \
	"'differed':0,'reasons':[" times "]}]}"
#define RUN(reasons, times) RUN_ON(SVM, reasons, times)

static const char quiet[] = RUN(CPUID("1000", "1000", "1500") "," NPF("550") "," REASON(
					"96", "INTR", "none", "null", "100", "2000"),
				TIMES("1000"));

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

/* Other numbers of executions are no change; one more exit per execution is. */
static void run_counts_by_cause(void **state)
{
	(void)state;
	expect(quiet, RUN(CPUID("2000", "2000", "1500"), TIMES("2000")), 5);
	expect_row("0x72 CPUID", "exits", COMPARE_SAME, 0);
	assert_true(row("0x72 CPUID", "exits")->b == 2000);
	expect(quiet, RUN(CPUID("1000", "2000", "1500"), TIMES("2000")), 5);
	expect_row("0x72 CPUID", "exits", COMPARE_OVER, 100);
	assert_int_equal(compare_status(comparison), STATUS_MISMATCH);
}

/* 50 faults on top of 500, give or take: 60 are not many more, 150 are. */
static void run_counts_of_chance(void **state)
{
	(void)state;
	expect(quiet, RUN(NPF("560"), ""), 0);
	expect_row("0x400 NPF", "exits", COMPARE_SAME, 1.82);
	/* Exits that the guest caused are not random: otherwise these 50 were within the noise. */
	expect(quiet, RUN(NPF("600"), ""), 0);
	expect_row("0x400 NPF", "exits", COMPARE_OVER, 9.09);
	expect(quiet, RUN(NPF("650"), ""), 0);
	expect_row("0x400 NPF", "exits", COMPARE_OVER, 18.18);
}

static void run_times(void **state)
{
	(void)state;
	/* The standard error of 1,000 in that bucket is some 9 ns. */
	expect(quiet, RUN(CPUID("1000", "1000", "1510"), TIMES("1000")), 0);
	expect_row("0x72 CPUID", "cycles", COMPARE_SAME, 0.67);
	expect(quiet, RUN(CPUID("1000", "1000", "1600"), TIMES("1000")), 5);
	expect_row("0x72 CPUID", "cycles", COMPARE_OVER, 6.67);
	expect(quiet, RUN(CPUID("1000", "1000", "1600"), TIMES("1000")), 10);
	expect_row("0x72 CPUID", "cycles", COMPARE_MORE, 6.67);
	/* Without a histogram nothing can be said. */
	expect_row("0x72 CPUID", "exits", COMPARE_SAME, 0);
	expect(quiet, RUN(CPUID("1000", "1000", "9999"), ""), 5);
	expect_row("0x72 CPUID", "cycles", COMPARE_SAME, 566.6);
}

static void run_other_reasons(void **state)
{
	(void)state;
	expect(quiet, RUN(REASON("123", "IOIO", "exact", "10", "10", "1500"), ""), 5);
	assert_int_equal(row("0x72 CPUID", "exits")->verdict, COMPARE_ONLY_A);
	assert_int_equal(row("0x7b IOIO", "exits")->verdict, COMPARE_ONLY_B);
	assert_int_equal(compare_status(comparison), STATUS_INCONCLUSIVE);
}

/* An exit without a number is one reason, too; a count may be more than JSON's integers hold. */
static void run_odd_reasons(void **state)
{
	const char *odd =
		RUN(REASON("null", "other", "none", "null", "'18446744073709551615'", "1500"), "");

	(void)state;
	expect(odd, odd, 0);
	expect_row("- other", "exits", COMPARE_SAME, 0);
	assert_true(row("- other", "exits")->a > 1e19);
	/* The number of causes is unknown. */
	odd = RUN(CPUID("null", "1000", "1500"), "");
	expect(odd, odd, 0);
	expect_row("0x72 CPUID", "exits", COMPARE_SAME, 0);
}

/* ---- what cannot be compared ---- */

static void bad_documents(void **state)
{
	(void)state;
	expect_error(calm, "{'schema_version':1,'error':'no /dev/kvm'}",
		     "B is from a run that failed: no /dev/kvm");
	expect_error(BENCH_ON(HOST("SVM", "0"), ""), calm, "A: host.tsc_khz is not above 0");
	expect_error(
		quiet, calm,
		"one file is from exitcheck bench and the other from exitcheck run: use two of the "
		"same kind");
	expect_error(quiet, RUN_ON(HOST("VMX", "1000000"), "", ""),
		     "one report is from SVM and the other from VMX: their exit reasons differ");
}

/* Files are read as `exitcheck report` reads them. */
static void files(void **state)
{
	char path[] = "/tmp/exitcheck-test.XXXXXX", *text;
	json_t *root = document(calm);
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	compare_destroy(comparison);
	comparison = NULL;
	assert_int_equal(compare_files(path, path, -1, &comparison, &err), STATUS_USAGE);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "not JSON"));
	text = form_of(root, REPORT_JSON);
	assert_int_equal(report_write(path, text, &err), 0);
	assert_int_equal(compare_files(path, "/nowhere/b", -1, &comparison, &err),
			 STATUS_CANNOT_RUN);
	assert_string_equal(err.text, "/nowhere/b: cannot be read: No such file or directory");
	assert_null(comparison);
	assert_int_equal(compare_files(path, path, -1, &comparison, &err), 0);
	unlink(path);
	free(text);
	json_decref(root);
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
		cmocka_unit_test(run_odd_reasons),
		cmocka_unit_test(bad_documents),
		cmocka_unit_test(files),
		cmocka_unit_test(as_json),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
