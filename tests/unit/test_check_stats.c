// SPDX-License-Identifier: GPL-2.0-only
/* eBPF's exits against KVM's own statistic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "judged.h"

/* KVM's statistic counts emulation instead of an entry, which makes no exit. */
static void refused_entries_are_accounted_for(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_VMX, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->vcpus[0].executed[PROBE_EMULATE] = 53;
	result->vcpus[0].stat_exits += 53;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_PASS);
	assert_non_null(strstr(find_check(CHECK_STATS)->detail, "53 refused"));

	result = synthetic_run(EXIT_ISA_VMX, LEAVES_PRESENT, DEFECT_NONE);
	result->vcpus[0].stat_exits += 53;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_FAIL);
}

static void missing_statistic_is_inconclusive(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		result->vcpus[v].has_stat = false;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_INCONCLUSIVE);
	assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);
}

static void failed_entries_are_in_the_statistic(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_VMX, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->vcpus[1].stat_exits += 2;
	result->vcpus[1].bpf.failed_entries = 2;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_PASS);
}

/* As before v5.14: the first vCPU of a VM has the sum over all of them. */
static struct result *with_statistic_of_the_vm(void)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	assert_true(result->nr_vcpus > 1);
	for (unsigned int v = 1; v < result->nr_vcpus; v++) {
		result->vcpus[0].stat_exits += result->vcpus[v].stat_exits;
		result->vcpus[0].stat_others++;
		result->vcpus[v].has_stat = false;
	}
	return result;
}

static void statistic_of_a_whole_vm(void **state)
{
	struct result *result = with_statistic_of_the_vm();

	(void)state;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_PASS);
	result = with_statistic_of_the_vm();
	result->vcpus[result->nr_vcpus - 1].bpf.count--;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_FAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_entries_are_accounted_for),
		cmocka_unit_test(missing_statistic_is_inconclusive),
		cmocka_unit_test(failed_entries_are_in_the_statistic),
		cmocka_unit_test(statistic_of_a_whole_vm),
	};

	return cmocka_run_group_tests_name("check STATS", tests, NULL, NULL);
}
