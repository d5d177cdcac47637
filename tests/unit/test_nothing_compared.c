// SPDX-License-Identifier: GPL-2.0-only
/* Where nothing was compared there is no verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "judged.h"

/* The guest's own reads are compared in any case: they are not what it was asked to do. */
static void no_workload_is_no_pass(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	for (unsigned int i = 0; i < result->nr_workloads; i++)
		result->workloads[i].unsupported = "not on this CPU";
	judge(result);
	assert_int_equal(verdict_of(CHECK_TRUTH), VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(find_check(CHECK_TRUTH)->examples[0], ": not on this CPU"));
	assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);
}

/* The CPU may decide that PAUSE never exits. */
static void a_workload_without_exits_is_no_pass(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	for (unsigned int i = 0; i < result->nr_workloads; i++) {
		struct result_workload *entry = &result->workloads[i];

		entry->workload = workload_find("pause");
		entry->index = exit_index(EXIT_ISA_SVM, 0x77);
	}
	judge(result);
	assert_int_equal(verdict_of(CHECK_TRUTH), VERDICT_INCONCLUSIVE);
	assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);
}

/* Without leaves and without a truth, a count stands alone. */
static void a_row_with_one_count_has_no_verdict(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_UNPATCHED, DEFECT_NONE);
	unsigned int intr = exit_index(EXIT_ISA_SVM, 0x60), rows = 0;

	(void)state;
	for (unsigned int s = 0; s < result->nr_sweeps; s++)
		result->sweeps[s].bpf_after[intr] = 39;
	judge(result);
	for (unsigned int i = 0; i < verdicts.nr_rows; i++) {
		const bool alone = verdicts.rows[i].index == intr;

		assert_int_equal(verdicts.rows[i].verdict, alone ? VERDICT_SKIP : VERDICT_PASS);
		rows += !alone;
	}
	assert_int_equal(verdicts.nr_rows, rows + 1);
	assert_non_null(strstr(verdicts.closing, "eBPF, stats and truth agree ("));
	assert_int_equal(atoi(strstr(verdicts.closing, "agree (") + 7), rows);
}

/* Some kernels' statistic leaves out what the fast path handles: no fault of the leaves, but no proof either. */
static void a_statistic_without_the_fast_path_is_inconclusive(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->vcpus[0].stat_exits -= 2;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_INCONCLUSIVE);
	assert_non_null(
		strstr(find_check(CHECK_STATS)->examples[0], "the statistic lacks 2 exits"));
	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	result->vcpus[0].stat_exits /= 2;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_FAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_workload_is_no_pass),
		cmocka_unit_test(a_workload_without_exits_is_no_pass),
		cmocka_unit_test(a_row_with_one_count_has_no_verdict),
		cmocka_unit_test(a_statistic_without_the_fast_path_is_inconclusive),
	};

	return cmocka_run_group_tests_name("nothing compared", tests, NULL, NULL);
}
