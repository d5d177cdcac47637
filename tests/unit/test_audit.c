// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "judged.h"
#include "judge/audit.h"
#include "util/array.h"

#define RIGHT 8	 /* the bucket that eBPF's own windows and a right bias lie in */
#define WRONG 14 /* well beyond it */
#define CPUID 0x72
#define HLT 0x78

static struct ec_vcpu *vcpus[2];
static struct audit audit;

static int set_up(void **state)
{
	(void)state;
	for (size_t v = 0; v < NR(vcpus); v++) {
		vcpus[v] = calloc(1, sizeof(*vcpus[v]));
		assert_non_null(vcpus[v]);
		vcpus[v]->vm = 1;
		vcpus[v]->vcpu_id = v;
		vcpus[v]->accounted = true;
		vcpus[v]->own[RIGHT] = 100;
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t v = 0; v < NR(vcpus); v++)
		free(vcpus[v]);
	return 0;
}

/* Exits of a vCPU and reason whose bias lies in that bucket. */
static void add(unsigned int v, unsigned int index, unsigned int bucket, unsigned int nr)
{
	vcpus[v]->reason[index].count += nr;
	vcpus[v]->reason[index].timed += nr;
	vcpus[v]->reason[index].audit.bias[bucket] += nr;
}

static void judge_them(bool cycles)
{
	const struct ec_vcpu *list[] = { vcpus[0], vcpus[1] };

	audit_sum(EXIT_ISA_SVM, list, NR(list), &audit);
	audit_groups(list, NR(list), cycles, &audit);
}

/* What the wrong exits have in common. */
static void expect_common(const char *place)
{
	double share;
	const struct audit_fault *fault = audit_common(&audit, &share);

	assert_non_null(fault);
	assert_string_equal(audit_place(&audit, &fault->group).s, place);
}

static void right_exits_have_no_fault(void **state)
{
	double share;

	(void)state;
	add(0, CPUID, RIGHT, 10000);
	add(1, HLT, RIGHT + 2, 10000);
	/* Some noise: it is not the rule. */
	add(1, HLT, WRONG, 100);
	judge_them(true);
	assert_int_equal(audit.nr_faults, 0);
	assert_int_equal(audit.compared, 20100);
	assert_int_equal(audit.ended, 20100);
	assert_null(audit_common(&audit, &share));
}

static void a_reason_is_found(void **state)
{
	(void)state;
	add(0, CPUID, RIGHT, 10000);
	add(0, HLT, WRONG, 8);
	judge_them(true);
	expect_common("0x78 HLT");
}

static void a_vcpu_is_found(void **state)
{
	(void)state;
	add(0, CPUID, RIGHT, 10000);
	add(0, HLT, RIGHT, 10000);
	add(1, CPUID, WRONG, 500);
	add(1, HLT, WRONG, 500);
	judge_them(true);
	expect_common("VM 1 vCPU 1");
}

static void a_circumstance_is_found(void **state)
{
	(void)state;
	add(0, CPUID, RIGHT, 10000);
	add(0, HLT, RIGHT, 10000);
	add(1, CPUID, WRONG, 20);
	add(0, CPUID, WRONG, 20);
	vcpus[0]->audit[EC_MOVED].bias[WRONG] = 20;
	vcpus[1]->audit[EC_MOVED].bias[WRONG] = 20;
	judge_them(true);
	expect_common("exits after which another CPU went on");
}

/* What keeps a host from running between the clocks makes exits long, and eBPF's own windows, too. */
static void disturbed_exits_are_long(void **state)
{
	(void)state;
	add(0, CPUID, RIGHT, 10000);
	add(1, CPUID, RIGHT, 781);
	add(1, CPUID, EC_LONG_BITS + 1, 19);
	vcpus[0]->audit[EC_LONG].bias[RIGHT] = 100;
	vcpus[1]->audit[EC_LONG].bias[RIGHT] = 16;
	vcpus[1]->audit[EC_LONG].bias[EC_LONG_BITS + 1] = 19;
	judge_them(true);
	expect_common("VM 1 vCPU 1, exits of 262 µs and more");
	vcpus[1]->own[EC_LONG_BITS + 1] = 1;
	judge_them(true);
	assert_int_equal(audit.nr_faults, 0);
}

/* The host's interrupts made them long, or another thread ran: the code between the clocks takes longer then. */
static void exits_with_cold_caches_may_lack_more(void **state)
{
	static const struct {
		int circumstance;
		const char *place;
	} cases[] = {
		{ EC_LONG, "exits of 262 µs and more" },
		{ EC_SWITCHED, "exits in which the thread was switched out" },
		{ EC_MOVED, "exits after which another CPU went on" },
	};

	(void)state;
	add(0, CPUID, RIGHT, 10000);
	judge_them(true);
	for (size_t i = 0; i < NR(cases); i++) {
		uint32_t *bias = vcpus[0]->audit[cases[i].circumstance].bias;
		const unsigned int usual = audit.usual;

		bias[usual + 1] = 20;
		judge_them(true);
		assert_int_equal(audit.nr_faults, 0);
		bias[usual + 2] = 21;
		judge_them(true);
		expect_common(cases[i].place);
		bias[usual + 1] = bias[usual + 2] = 0;
	}
}

/* Too few to tell noise from a rule: nothing is said. */
static void few_exits_are_not_judged_by_their_bias(void **state)
{
	(void)state;
	add(0, CPUID, RIGHT, 10000);
	add(0, HLT, WRONG, 4);
	judge_them(true);
	assert_int_equal(audit.nr_faults, 0);
}

/* What no noise can cause takes one exit. */
static void one_exit_is_enough(void **state)
{
	ec_u32 *const counters[] = {
		&vcpus[1]->reason[HLT].audit.differed,
		&vcpus[1]->reason[HLT].audit.untimed,
		&vcpus[1]->reason[HLT].audit.exceeded,
	};
	static const char *const texts[] = {
		"VM 1 vCPU 1: of 5,000 exits, KVM miscounted 1",
		"VM 1 vCPU 1: of 5,000 exits, 1 were charged no cycles",
		"VM 1 vCPU 1: of 5,000 exits, 1 were charged more than they took",
	};

	(void)state;
	add(1, HLT, RIGHT, 5000);
	for (size_t i = 0; i < NR(counters); i++) {
		*counters[i] = 1;
		judge_them(true);
		assert_true(audit.nr_faults > 0);
		assert_string_equal(audit_fault_text(&audit, &audit.faults[0]).s, texts[i]);
		*counters[i] = 0;
	}
}

static void without_clocks_counts_are_judged(void **state)
{
	(void)state;
	add(0, HLT, WRONG, 1000);
	vcpus[0]->reason[HLT].audit.untimed = 1000;
	judge_them(false);
	assert_int_equal(audit.nr_faults, 0);
	vcpus[0]->reason[HLT].audit.differed = 1;
	judge_them(false);
	assert_true(audit.nr_faults > 0);
}

/* eBPF's own windows tell how much noise there is, not how much KVM may lack. */
static void noise_is_allowed_for(void **state)
{
	(void)state;
	add(0, HLT, RIGHT, 900);
	add(0, HLT, WRONG, 100);
	judge_them(true);
	assert_true(audit.nr_faults > 0);
	vcpus[0]->own[WRONG] = 5;
	judge_them(true);
	assert_int_equal(audit.nr_faults, 0);
}

/* ---- the check ---- */

static void exits_that_were_not_compared_are_inconclusive(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->vcpus[0].bpf.reason[CPUID].audit.bias[RIGHT]--;
	judge(result);
	assert_int_equal(verdict_of(CHECK_AUDIT), VERDICT_INCONCLUSIVE);
	assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);
}

static void a_vcpu_without_account_fails(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->vcpus[1].bpf.accounted = false;
	judge(result);
	assert_int_equal(verdict_of(CHECK_AUDIT), VERDICT_FAIL);
}

static void no_account_is_skipped_with_its_reason(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->no_audit = "no types";
	judge(result);
	assert_int_equal(verdict_of(CHECK_AUDIT), VERDICT_SKIP);
	assert_int_equal(verdicts.status, STATUS_PASS);
	assert_non_null(strstr(verdicts.closing, "checks hold, skipped: AUDIT"));
}

/* Where KVM's types are there, that its account was not compared is exitcheck's defect, and no verdict. */
static void a_program_that_the_kernel_refused_is_inconclusive(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->no_audit = "the program did not load";
	result->refused = true;
	judge(result);
	assert_int_equal(verdict_of(CHECK_AUDIT), VERDICT_INCONCLUSIVE);
	assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);
}

static void clocks_apart_are_inconclusive(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->fastest_khz = SYNTHETIC_KHZ * 1.006;
	judge(result);
	assert_int_equal(verdict_of(CHECK_AUDIT), VERDICT_INCONCLUSIVE);
}

/* A defect that no rule has a name for is named by what its exits have in common. */
static void the_common_property_is_the_diagnosis(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->vcpus[0].bpf.audit[EC_NESTED].bias[WRONG + 6] = 50;
	result->vcpus[0].bpf.reason[CPUID].audit.bias[RIGHT] -= 50;
	result->vcpus[0].bpf.reason[CPUID].audit.bias[WRONG + 6] += 50;
	judge(result);
	assert_int_equal(verdict_of(CHECK_AUDIT), VERDICT_FAIL);
	assert_int_equal(verdicts.nr_diagnoses, 1);
	assert_int_equal(verdicts.diagnoses[0].id, DIAGNOSIS_SOME_UNTIMED);
	assert_non_null(strstr(verdicts.diagnoses[0].shows, "exits of L2"));
}

/* What a reason's exits have in common only on one vCPU is named by both. */
static void a_reason_of_one_vcpu_is_a_property(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		result->vcpus[v].bpf.reason[HLT].audit.bias[RIGHT] += 500;
	result->vcpus[0].bpf.reason[HLT].audit.exceeded += 500;
	judge(result);
	assert_int_equal(verdict_of(CHECK_AUDIT), VERDICT_FAIL);
	assert_int_equal(verdicts.diagnoses[0].id, DIAGNOSIS_SOME_OVERCHARGED);
	assert_non_null(strstr(verdicts.diagnoses[0].shows, "vCPU 0, 0x78 HLT"));
}

/* Of one vCPU alone it says nothing, of all of them it does. */
static void first_exits_are_a_group(void **state)
{
	(void)state;
	add(0, CPUID, RIGHT, 10000);
	add(0, CPUID, WRONG, 4);
	add(1, HLT, RIGHT, 10000);
	add(1, HLT, WRONG, 4);
	vcpus[0]->audit[EC_FIRST].bias[WRONG] = 4;
	vcpus[1]->audit[EC_FIRST].bias[WRONG] = 4;
	judge_them(true);
	expect_common("first exits of their vCPU");
}

/* What comes along with a workload is few of its own reason. */
static void all_exits_of_a_workload_are_a_group(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->workloads[0].all.bias[RIGHT] = 50;
	judge(result);
	assert_int_equal(verdict_of(CHECK_AUDIT), VERDICT_PASS);
	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	result->workloads[0].all.bias[RIGHT] = 50;
	result->workloads[0].all.bias[WRONG + 6] = 20;
	judge(result);
	assert_int_equal(verdict_of(CHECK_AUDIT), VERDICT_FAIL);
}

/* The bias of one exit over and over is held to less than that of what comes now and then. */
static void a_loop_is_held_to_less(void **state)
{
	static const struct {
		unsigned int bucket;
		enum probe_op op;
		bool slow, nested;
		enum verdict verdict;
	} cases[] = {
		{ RIGHT, PROBE_CPUID, false, false, VERDICT_PASS },
		{ RIGHT + 2, PROBE_CPUID, true, false, VERDICT_PASS },
		{ RIGHT + 2, PROBE_CPUID, false, true, VERDICT_PASS },
		{ RIGHT + 2, PROBE_OUT, false, false, VERDICT_PASS },
		{ RIGHT + 2, PROBE_CPUID, false, false, VERDICT_FAIL },
	};

	(void)state;
	for (size_t i = 0; i < NR(cases); i++) {
		struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
		struct workload workload = *result->workloads[0].workload;

		workload.op = cases[i].op;
		workload.slow = cases[i].slow;
		workload.nested = cases[i].nested;
		result->workloads[0].workload = &workload;
		result->workloads[0].audit.bias[cases[i].bucket] = 50;
		judge(result);
		assert_int_equal(verdict_of(CHECK_AUDIT), cases[i].verdict);
	}
}

/* Beside other programs a loop has no shorter a bias than others have. */
static void loops_may_lack_what_all_lack(void **state)
{
	(void)state;
	add(0, CPUID, RIGHT - 1, 100);
	judge_them(true);
	assert_int_equal(audit.in_loops, RIGHT + 1);
	add(0, CPUID, RIGHT, 1000);
	judge_them(true);
	assert_int_equal(audit.in_loops, RIGHT + 2);
	add(0, CPUID, RIGHT + 5, 10000);
	judge_them(true);
	assert_int_equal(audit.in_loops, RIGHT + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
		TEST(right_exits_have_no_fault),
		TEST(a_reason_is_found),
		TEST(a_vcpu_is_found),
		TEST(a_circumstance_is_found),
		TEST(disturbed_exits_are_long),
		TEST(exits_with_cold_caches_may_lack_more),
		TEST(few_exits_are_not_judged_by_their_bias),
		TEST(one_exit_is_enough),
		TEST(without_clocks_counts_are_judged),
		TEST(noise_is_allowed_for),
		TEST(exits_that_were_not_compared_are_inconclusive),
		TEST(a_vcpu_without_account_fails),
		TEST(no_account_is_skipped_with_its_reason),
		TEST(a_program_that_the_kernel_refused_is_inconclusive),
		TEST(clocks_apart_are_inconclusive),
		TEST(the_common_property_is_the_diagnosis),
		TEST(a_reason_of_one_vcpu_is_a_property),
		TEST(first_exits_are_a_group),
		TEST(all_exits_of_a_workload_are_a_group),
		TEST(a_loop_is_held_to_less),
		TEST(loops_may_lack_what_all_lack),
	};

	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
