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

static struct result *with_accounts(void)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		struct result_vcpu *vcpu = &result->vcpus[v];

		vcpu->has_account = true;
		for (unsigned int i = 0; i < EXIT_NR_INDICES; i++) {
			vcpu->bpf.reason[i].kvm_cycles = 1000 * vcpu->bpf.reason[i].count;
			vcpu->account.exits[i] = vcpu->bpf.reason[i].count;
			vcpu->account.cycles[i] = vcpu->bpf.reason[i].kvm_cycles;
		}
	}
	return result;
}

static void judge_account(struct result *result, enum diagnosis_id diagnosis)
{
	judge_result(result, &verdicts);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_FAIL);
	assert_int_equal(verdicts.nr_diagnoses, 1);
	assert_int_equal(verdicts.diagnoses[0].id, diagnosis);
	result->stats.no_map = 1;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_INCONCLUSIVE);
}

/* What the host reads is what KVM has, and of exits that have ended. */
static void accounts_are_held_against_ebpf(void **state)
{
	const unsigned int out = op_exit_index(EXIT_ISA_SVM, PROBE_OUT),
			   cpuid = op_exit_index(EXIT_ISA_SVM, PROBE_CPUID);
	struct result *result = with_accounts();

	(void)state;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_PASS);
	result = with_accounts();
	result->vcpus[1].account.exits[cpuid]--;
	judge_account(result, DIAGNOSIS_WRONG_STATISTIC);
	result = with_accounts();
	result->vcpus[1].account.cycles[cpuid]++;
	judge_account(result, DIAGNOSIS_WRONG_STATISTIC);
	result = with_accounts();
	result->vcpus[1].account.cycles[out]++;
	judge_account(result, DIAGNOSIS_CHARGED_EARLY);
	result = with_accounts();
	result->vcpus[1].account.cycles[out]--;
	judge_account(result, DIAGNOSIS_WRONG_STATISTIC);
	/* Without KVM's type information, eBPF has not seen what KVM charged. */
	result = with_accounts();
	result->no_audit = "no types";
	result->vcpus[1].account.cycles[cpuid]++;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_PASS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_entries_are_accounted_for),
		cmocka_unit_test(missing_statistic_is_inconclusive),
		cmocka_unit_test(failed_entries_are_in_the_statistic),
		cmocka_unit_test(statistic_of_a_whole_vm),
		cmocka_unit_test(accounts_are_held_against_ebpf),
	};

	return cmocka_run_group_tests_name("check STATS", tests, NULL, NULL);
}
