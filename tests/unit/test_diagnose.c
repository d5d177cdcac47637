// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "judge/judge.h"
#include "synthetic.h"
#include "util/array.h"

static struct verdicts verdicts;

static void judge(struct result *result)
{
	judge_result(result, &verdicts);
	result_destroy(result);
}

static void print_diagnoses(void)
{
	for (unsigned int i = 0; i < verdicts.nr_diagnoses; i++)
		print_error("  %s %s: %s\n", confidence_name(verdicts.diagnoses[i].confidence),
			    diagnosis_name(verdicts.diagnoses[i].id), verdicts.diagnoses[i].shows);
}

/* Defects without a name: the checks tell what failed. */
#define NO_NAME NR_DIAGNOSES

static const struct {
	enum defect defect;
	enum diagnosis_id first;
} cases[] = {
	{ DEFECT_OFF_BY_ONE, DIAGNOSIS_OFF_BY_ONE },
	{ DEFECT_DOUBLE_COUNT, DIAGNOSIS_DOUBLE_COUNT },
	{ DEFECT_MISSED, DIAGNOSIS_EARLY_RETURN },
	{ DEFECT_WRONG_REASON, DIAGNOSIS_WRONG_REASON },
	{ DEFECT_HI_LO_SWAPPED, DIAGNOSIS_HI_LO_SWAPPED },
	{ DEFECT_CYCLES_SWAPPED, DIAGNOSIS_HI_LO_SWAPPED },
	{ DEFECT_NOT_TIMED, DIAGNOSIS_NOT_TIMED },
	{ DEFECT_EARLY_RETURN, DIAGNOSIS_EARLY_RETURN },
	{ DEFECT_EARLY_RETURN_CHEAP, DIAGNOSIS_EARLY_RETURN },
	{ DEFECT_STOPS_EARLY, DIAGNOSIS_CLOCK_STOPS_EARLY },
	{ DEFECT_UNIT_NS, DIAGNOSIS_UNIT },
	{ DEFECT_INCLUDES_GUEST, DIAGNOSIS_INCLUDES_GUEST },
	{ DEFECT_HANDLER_ONLY, DIAGNOSIS_HANDLER_ONLY },
	{ DEFECT_UNDEF_ZERO, DIAGNOSIS_UNDEFINED_CONTRACT },
	{ DEFECT_UNDEF_CLAMPED, DIAGNOSIS_INDEX_CLAMPED },
	{ DEFECT_UNDEF_ALL_ONES, DIAGNOSIS_UNDEFINED_CONTRACT },
	{ DEFECT_DEFINED_UNDEF, DIAGNOSIS_UNDEFINED_CONTRACT },
	{ DEFECT_GARBAGE, DIAGNOSIS_UNINITIALISED_REGISTER },
	{ DEFECT_TOTAL_EXITS, DIAGNOSIS_WRONG_TOTAL },
	{ DEFECT_TOTAL_CYCLES, DIAGNOSIS_WRONG_TOTAL },
	{ DEFECT_GOES_DOWN, NO_NAME },
	{ DEFECT_HOST_WIDE, DIAGNOSIS_HOST_WIDE },
	{ DEFECT_NOT_RESET, DIAGNOSIS_NOT_RESET },
	{ DEFECT_STALE, DIAGNOSIS_STALE },
	{ DEFECT_LOST_UPDATE, DIAGNOSIS_LOST_UPDATE },
	{ DEFECT_FORGETS_VCPU, DIAGNOSIS_WRONG_TOTAL },
	{ DEFECT_FORGETS_CYCLES, DIAGNOSIS_WRONG_TOTAL },
	{ DEFECT_SPLIT, DIAGNOSIS_PER_CPU_SPLIT },
	{ DEFECT_ABI_VERSION, DIAGNOSIS_CONTRACT_DISCOVERY },
	{ DEFECT_ISA, DIAGNOSIS_CONTRACT_DISCOVERY },
	{ DEFECT_TSC_KHZ, DIAGNOSIS_CONTRACT_DISCOVERY },
	{ DEFECT_TSC_UNSTABLE, DIAGNOSIS_CONTRACT_DISCOVERY },
	{ DEFECT_NR_COUNTERS, DIAGNOSIS_CONTRACT_DISCOVERY },
	{ DEFECT_EPOCH, DIAGNOSIS_CONTRACT_DISCOVERY },
	{ DEFECT_RESERVED, DIAGNOSIS_CONTRACT_DISCOVERY },
	{ DEFECT_MAX_LEAF, DIAGNOSIS_ORDINARY_LEAF },
	{ DEFECT_ORDINARY, DIAGNOSIS_ORDINARY_LEAF },
	{ DEFECT_GIVEN, DIAGNOSIS_ORDINARY_LEAF },
	{ DEFECT_CUT_OFF, DIAGNOSIS_TRUNCATED_32 },
	{ DEFECT_FASTPATH, DIAGNOSIS_MISSED_FASTPATH },
	{ DEFECT_SHARED_STATE, DIAGNOSIS_SHARED_STATE },
	{ DEFECT_EXITS_CUT_OFF, DIAGNOSIS_TRUNCATED_32 },
	{ DEFECT_MASKED_HIGH, DIAGNOSIS_MASKED_HIGH },
	{ DEFECT_LAST_ONLY, DIAGNOSIS_NOT_STORED },
	{ DEFECT_STORED_ELSEWHERE, DIAGNOSIS_NOT_STORED },
	{ DEFECT_STACK, DIAGNOSIS_UNINITIALISED_REGISTER },
	{ DEFECT_SHARED_CLOCK, DIAGNOSIS_SHARED_STATE },
	{ DEFECT_PUBLISHED, DIAGNOSIS_HOST_WIDE },
	{ DEFECT_CAP_LATE, DIAGNOSIS_CONTRACT_CAPABILITY },
	{ DEFECT_CAP_BIT, DIAGNOSIS_CONTRACT_CAPABILITY },
	{ DEFECT_CAP_CHECK, DIAGNOSIS_CONTRACT_CAPABILITY },
	{ DEFECT_CAP_REFUSED, DIAGNOSIS_CONTRACT_CAPABILITY },
	{ DEFECT_VISIBLE, DIAGNOSIS_CONTRACT_VISIBILITY },
	{ DEFECT_UNACCOUNTED, DIAGNOSIS_CONTRACT_VISIBILITY },
	{ DEFECT_ENTRY_LOSES, DIAGNOSIS_CONTRACT_ENTRY },
	{ DEFECT_ENTRY_STORED, DIAGNOSIS_CONTRACT_ENTRY },
	{ DEFECT_UPPER_INPUT, DIAGNOSIS_CONTRACT_REGISTERS },
	{ DEFECT_UPPER_KEPT, DIAGNOSIS_CONTRACT_REGISTERS },
	{ DEFECT_EDX_LEFT, DIAGNOSIS_UNINITIALISED_REGISTER },
	{ DEFECT_SUPERVISOR_ONLY, DIAGNOSIS_CONTRACT_MODE },
	{ DEFECT_NO_FAULT, DIAGNOSIS_CONTRACT_MODE },
	{ DEFECT_FIRST_EIGHT, DIAGNOSIS_CONTRACT_SUM },
	{ DEFECT_RESERVED_INDEX, DIAGNOSIS_CONTRACT_DISCOVERY },
	{ DEFECT_EPOCH_ZERO, DIAGNOSIS_CONTRACT_EPOCH },
	{ DEFECT_EPOCH_EQUAL, DIAGNOSIS_CONTRACT_EPOCH },
	{ DEFECT_EPOCH_SHORT, DIAGNOSIS_CONTRACT_EPOCH },
	{ DEFECT_EPOCH_CLOCK, DIAGNOSIS_CONTRACT_EPOCH },
	{ DEFECT_EPOCH_VCPU, DIAGNOSIS_CONTRACT_EPOCH },
	{ DEFECT_OTHER_LEAF, DIAGNOSIS_ORDINARY_LEAF },
	{ DEFECT_OTHER_ENTRY, DIAGNOSIS_ORDINARY_LEAF },
	{ DEFECT_EXITS_TRUNCATED, DIAGNOSIS_TRUNCATED_32 },
	{ DEFECT_EXITS_MASKED, DIAGNOSIS_MASKED_HIGH },
	{ DEFECT_NARROW_WINDOW, DIAGNOSIS_NARROW_WINDOW },
	{ DEFECT_NARROW_VCPU, DIAGNOSIS_NARROW_WINDOW },
	{ DEFECT_WRAPPED, DIAGNOSIS_WRAPPED },
	{ DEFECT_CLEARED, DIAGNOSIS_CLEARED },
	{ DEFECT_SATURATED, DIAGNOSIS_SATURATED },
	{ DEFECT_MIRROR_SUM, DIAGNOSIS_MIRROR_SWAPPED },
	{ DEFECT_MIRROR_OWN, DIAGNOSIS_MIRROR_SWAPPED },
	{ DEFECT_ELSEWHERE, DIAGNOSIS_CYCLES_ELSEWHERE },
	{ DEFECT_STARTS_EARLY, DIAGNOSIS_CLOCK_STARTS_EARLY },
	{ DEFECT_SHORT, DIAGNOSIS_SOME_UNTIMED },
	{ DEFECT_SCALED_VCPU, DIAGNOSIS_SOME_UNTIMED },
	{ DEFECT_GUEST_TSC_SLOW, NO_NAME },
	{ DEFECT_STAT, NO_NAME },
	{ DEFECT_BPF_LOSES_SILENTLY, DIAGNOSIS_WITNESS },
};

#define NR_CASES (NR(cases))

static void every_defect_is_named_first(void **state)
{
	static const enum exit_isa isas[] = { EXIT_ISA_SVM, EXIT_ISA_VMX };
	unsigned int wrong = 0;

	(void)state;
	for (unsigned int i = 0; i < 2 * NR_CASES; i++) {
		enum diagnosis_id expected = cases[i / 2].first, first;

		judge(synthetic_run(isas[i % 2], LEAVES_PRESENT, cases[i / 2].defect));
		assert_int_equal(verdicts.status, STATUS_MISMATCH);
		first = verdicts.nr_diagnoses ? verdicts.diagnoses[0].id : NO_NAME;
		if (first == expected)
			continue;
		print_error("defect %d, %s: expected %s, found\n", cases[i / 2].defect,
			    isa_name(isas[i % 2]),
			    expected == NO_NAME ? "nothing" : diagnosis_name(expected));
		print_diagnoses();
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static bool has(enum diagnosis_id id)
{
	for (unsigned int i = 0; i < verdicts.nr_diagnoses; i++)
		if (verdicts.diagnoses[i].id == id)
			return true;
	return false;
}

/* On VMX one reason has the flag of a failed entry; SVM has no such flag. */
static void a_flag_is_one_of_vmx(void **state)
{
	(void)state;
	judge(synthetic_run(EXIT_ISA_VMX, LEAVES_PRESENT, DEFECT_FLAG));
	assert_int_equal(verdicts.diagnoses[0].id, DIAGNOSIS_FLAG_NOT_MASKED);
	judge(synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_FLAG));
	assert_int_equal(verdicts.diagnoses[0].id, DIAGNOSIS_WRONG_REASON);
}

/* A design with several defects gets a diagnosis for each. */
static void defects_together_are_all_named(void **state)
{
	(void)state;
	judge(synthetic_run(EXIT_ISA_VMX, LEAVES_PRESENT, DEFECT_PUBLISHED));
	assert_true(has(DIAGNOSIS_HOST_WIDE));
	assert_true(has(DIAGNOSIS_MISSED_FASTPATH));
	assert_true(has(DIAGNOSIS_HANDLER_ONLY));
	assert_int_equal(verdicts.nr_diagnoses, 3);
}

/* A sweep reads CPUID's cycles three times; the total includes them once. */
static void what_is_read_again_is_no_wrap(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_HANDLER_ONLY);
	unsigned int repeated = 0;
	uint64_t value;

	(void)state;
	for (unsigned int i = 0; i < result->nr_reads; i++) {
		struct probe_read *read = &result->reads[i];

		if (leaf_decode(read, &value) != LEAF_VALUE)
			continue;
		if (value >> 32)
			read->ebx = 0;
		if (read->function == LEAF_VCPU_TOTAL_CYCLES)
			read->ecx = 0x70000000;
		else if (read->function == LEAF_VCPU_CYCLES)
			read->ecx = read->index == 0x72 ? 0x60000000 : 0;
		repeated += read->function == LEAF_VCPU_CYCLES && read->index == 0x72;
	}
	assert_true(repeated > result->nr_vcpus);
	judge(result);
	assert_false(has(DIAGNOSIS_MASKED_HIGH));
}

/* A wrong unit shrinks the one long exit so that it looks truncated at 2^32. */
static void what_is_left_of_a_unit_is_no_wrap(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_UNIT_NS);

	(void)state;
	for (unsigned int i = 0; i < result->nr_times; i++) {
		struct result_time *time = &result->times[i];

		if (result->vcpus[time->vcpu].phase == PHASE_SMP && time->ns > 1ull << 31) {
			time->ns = (1ull << 32) * 1000000 / SYNTHETIC_KHZ * 8 / 5;
			time->cycles = (1ull << 32) * 3 / 5;
		}
	}
	judge(result);
	assert_int_equal(verdicts.diagnoses[0].id, DIAGNOSIS_UNIT);
	assert_int_equal(verdicts.nr_diagnoses, 1);
}

/* No diagnosis without a failed check. */
static void no_diagnosis_without_a_failure(void **state)
{
	static const struct {
		enum leaves_state leaves;
		enum defect defect;
	} runs[] = {
		{ LEAVES_PRESENT, DEFECT_NONE },
		{ LEAVES_PRESENT, DEFECT_BPF_LOSES },
		{ LEAVES_PRESENT, DEFECT_BPF_INCOMPLETE },
		{ LEAVES_UNPATCHED, DEFECT_NONE },
		{ LEAVES_OFF, DEFECT_NONE },
	};

	(void)state;
	for (unsigned int i = 0; i < 2 * NR(runs); i++) {
		judge(synthetic_run(i % 2 ? EXIT_ISA_VMX : EXIT_ISA_SVM, runs[i / 2].leaves,
				    runs[i / 2].defect));
		assert_int_not_equal(verdicts.status, STATUS_MISMATCH);
		assert_int_equal(verdicts.nr_diagnoses, 0);
		assert_null(strstr(verdicts.closing, "most likely"));
	}
}

/* Each sentence is complete and has its numbers. */
static void sentences_are_whole(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < NR_CASES; i++) {
		judge(synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, cases[i].defect));
		for (unsigned int d = 0; d < verdicts.nr_diagnoses; d++) {
			const struct diagnosis *diagnosis = &verdicts.diagnoses[d];
			size_t shows = strlen(diagnosis->shows), where = strlen(diagnosis->where);

			assert_true(shows > 1 && shows + 1 < sizeof(diagnosis->shows));
			assert_true(where > 1 && where + 1 < sizeof(diagnosis->where));
			assert_int_equal(diagnosis->shows[shows - 1], '.');
			assert_int_equal(diagnosis->where[where - 1], '.');
			assert_null(strstr(diagnosis->where, "vmx_handle"));
		}
		if (verdicts.nr_diagnoses)
			assert_non_null(
				strstr(verdicts.closing, diagnosis_name(verdicts.diagnoses[0].id)));
	}
}

/* Whatever a KVM answers: no crash, no diagnosis twice, in order. */
static void any_answers_are_survived(void **state)
{
	unsigned int random = 1;

	(void)state;
	for (unsigned int run = 0; run < 2 * NR_CASES; run++) {
		struct result *result = synthetic_run(run % 2 ? EXIT_ISA_VMX : EXIT_ISA_SVM,
						      LEAVES_PRESENT, cases[run % NR_CASES].defect);
		unsigned int every = 1 << run % 8;
		uint64_t seen = 0;

		for (unsigned int i = 0; i < result->nr_reads; i += every) {
			uint32_t *registers[] = { &result->reads[i].eax, &result->reads[i].ebx,
						  &result->reads[i].ecx, &result->reads[i].edx };

			random = random * 1664525 + 1013904223;
			*registers[random >> 30] = random >> (random >> 8) % 32;
		}
		for (unsigned int i = 0; i < result->nr_times; i += every)
			result->times[i].cycles = ~0ull >> i % 64;
		for (unsigned int i = 0; i < result->contract.nr_reads; i += every)
			result->contract.reads[i].read.out[i % 4] ^= ~0ull >> i % 64;
		judge(result);
		for (unsigned int d = 0; d < verdicts.nr_diagnoses; d++) {
			const struct diagnosis *diagnosis = &verdicts.diagnoses[d];

			assert_false(seen >> diagnosis->id & 1);
			seen |= 1ull << diagnosis->id;
			assert_true(!d || diagnosis[-1].confidence <= diagnosis->confidence);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_defect_is_named_first),
		cmocka_unit_test(a_flag_is_one_of_vmx),
		cmocka_unit_test(defects_together_are_all_named),
		cmocka_unit_test(what_is_read_again_is_no_wrap),
		cmocka_unit_test(what_is_left_of_a_unit_is_no_wrap),
		cmocka_unit_test(no_diagnosis_without_a_failure),
		cmocka_unit_test(sentences_are_whole),
		cmocka_unit_test(any_answers_are_survived),
	};

	return cmocka_run_group_tests_name("diagnose", tests, NULL, NULL);
}
