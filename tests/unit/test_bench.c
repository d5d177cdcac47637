// SPDX-License-Identifier: GPL-2.0-only
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

#include "bench.h"
#include "compare.h"
#include "document.h"

#define ROUNDS 7

/* Two observers and one that could not be, a workload and one that could not: patch adds 31. */
static struct bench *synthetic(void)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	size_t nr;

	assert_non_null(bench);
	bench->host = (struct host){ .isa = EXIT_ISA_SVM, .cpu = "C", .kernel = "K" };
	bench->tsc_khz = 1000000;
	bench->seed = UINT64_MAX;
	bench->rounds = ROUNDS;
	bench->vcpus = bench->vms = 1;
	bench->nr_watches = 3;
	bench->watches[0].observer = bench_observer_find("none");
	bench->watches[1].observer = bench_observer_find("patch");
	bench->watches[2].observer = bench_observer_find("btf");
	error_set(&bench->watches[2].skipped, STATUS_CANNOT_RUN, "KVM has no BTF");
	bench->nr_works = 2;
	bench->works[0] = (struct bench_work){ .workload = workload_find("cpuid"), .count = 9 };
	bench->works[1] = (struct bench_work){ .workload = workload_find("vmxon"),
					       .unsupported = "not on SVM" };
	snprintf(bench->no_instructions, sizeof(bench->no_instructions), "no counter");
	nr = (size_t)bench->nr_works * bench->nr_watches * ROUNDS;
	bench->cycles = calloc(nr, sizeof(double));
	bench->instructions = calloc(nr, sizeof(double));
	assert_true(bench->cycles && bench->instructions);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		/* A machine that becomes slower. */
		bench_cycles(bench, 0, 0)[i] = 2000 + 100 * i;
		bench_cycles(bench, 0, 1)[i] = 2031 + 100 * i;
	}
	return bench;
}

static char *text_of(const struct bench *bench)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	bench_text(to, bench);
	fclose(to);
	return text;
}

static void as_text(void **state)
{
	struct bench *bench = synthetic();
	char *text = text_of(bench);

	(void)state;
	assert_non_null(strstr(text, "2,300 [2,000, 2,600]"));
	assert_non_null(strstr(text, "31 [31, 31]"));
	assert_non_null(strstr(text, "btf did not run: KVM has no BTF"));
	assert_non_null(strstr(text, "vmxon did not run: not on SVM"));
	assert_non_null(strstr(text, "not counted: no counter"));
	assert_null(strstr(text, "vmxon            none"));
	free(text);
	bench_destroy(bench);
}

static void instructions_as_text(void **state)
{
	struct bench *bench = synthetic();
	char *text;

	(void)state;
	bench->no_instructions[0] = '\0';
	for (unsigned int i = 0; i < ROUNDS; i++)
		bench_instructions(bench, 0, 1)[i] = 4711;
	text = text_of(bench);
	assert_non_null(strstr(text, "4,711"));
	free(text);
	bench_destroy(bench);
}

/* The base is the first that ran. */
static void base_is_skipped(void **state)
{
	struct bench *bench = synthetic();
	char *text;

	(void)state;
	error_set(&bench->watches[0].skipped, STATUS_CANNOT_RUN, "every VM has the leaves");
	assert_int_equal(bench_base(bench), 1);
	text = text_of(bench);
	assert_non_null(strstr(text, "from \"patch\" in the same round"));
	free(text);
	bench_destroy(bench);
}

static void as_json(void **state)
{
	struct bench *bench = synthetic();
	char *text = bench_json(bench);
	json_t *root = json_loads(text, 0, NULL), *added, *costs;
	const char *seed, *base;
	double median;

	(void)state;
	assert_int_equal(json_unpack(root, "{s:s, s:s, s:o}", "seed", &seed, "base", &base, "costs",
				     &costs),
			 0);
	assert_string_equal(seed, "18446744073709551615");
	assert_string_equal(base, "none");
	assert_int_equal(json_array_size(costs), 2);
	added = json_object_get(json_object_get(json_array_get(costs, 1), "cycles"), "added");
	assert_int_equal(json_unpack(added, "{s:F}", "median", &median), 0);
	assert_true(median == 31);
	added = json_object_get(json_object_get(json_array_get(costs, 0), "cycles"), "added");
	assert_true(json_is_null(added));
	assert_true(json_is_null(json_object_get(json_array_get(costs, 0), "instructions")));
	json_decref(root);
	free(text);
	bench_destroy(bench);
}

/* What bench writes is as its schema has it, and is held against that when it is read. */
static void read_by_its_schema(void **state)
{
	struct bench *bench = synthetic();
	char *text = bench_json(bench);
	json_t *root = NULL, *cycles, *samples;
	struct error err;

	(void)state;
	assert_int_equal(report_parse(text, strlen(text), &root, &err), 0);
	assert_fits(root);
	cycles = json_object_get(json_array_get(json_object_get(root, "costs"), 1), "cycles");
	samples = json_object_get(cycles, "samples");
	json_array_append_new(samples, json_string("x"));
	assert_int_equal(schema_check(root, false, &err), STATUS_USAGE);
	assert_string_equal(err.text, "costs[1].cycles.samples[7] has another type");
	json_array_clear(samples);
	assert_int_equal(schema_check(root, false, &err), STATUS_USAGE);
	assert_string_equal(err.text, "costs[1].cycles.samples has too few elements");
	while (json_array_size(samples) < 1001)
		json_array_append_new(samples, json_integer(1));
	assert_int_equal(schema_check(root, false, &err), STATUS_USAGE);
	assert_string_equal(err.text, "costs[1].cycles.samples has too many elements");
	json_object_set_new(root, "document", json_string("benches"));
	assert_int_equal(schema_check(root, false, &err), STATUS_USAGE);
	assert_string_equal(err.text, "count is missing");
	json_decref(root);
	free(text);
	bench_destroy(bench);
}

/* What bench writes, compare reads. */
static void compared_with_itself(void **state)
{
	char path[] = "/tmp/exitcheck-test.XXXXXX";
	struct bench *bench = synthetic();
	char *text = bench_json(bench);
	struct comparison *comparison;
	struct error err;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(compare_files(path, path, 0, &comparison, &err), 0);
	assert_int_equal(comparison->nr_rows, 2);
	assert_int_equal(compare_status(comparison), STATUS_PASS);
	compare_destroy(comparison);
	unlink(path);
	free(text);
	bench_destroy(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_text),
		cmocka_unit_test(instructions_as_text),
		cmocka_unit_test(base_is_skipped),
		cmocka_unit_test(as_json),
		cmocka_unit_test(read_by_its_schema),
		cmocka_unit_test(compared_with_itself),
	};

	return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
