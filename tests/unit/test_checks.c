// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "judged.h"
#include "util/array.h"

static void healthy_svm_passes(void **state)
{
	(void)state;
	judge(synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE));
	expect_all_pass();
	assert_int_equal(verdicts.nr_checks, CHECK_FIRST_POINT - 1);
	assert_true(verdicts.compared > 5000);
}

static void healthy_vmx_passes(void **state)
{
	(void)state;
	judge(synthetic_run(EXIT_ISA_VMX, LEAVES_PRESENT, DEFECT_NONE));
	expect_all_pass();
}

/* ---- every defect is found, by the checks it is for ---- */

#define CHECK_BIT(id) (1u << CHECK_##id)

static const struct {
	const char *name;
	enum defect defect;
	unsigned int failing; /* at least these */
	unsigned int passing; /* and these still hold */
} defects[] = {
	{ "off by one", DEFECT_OFF_BY_ONE, CHECK_BIT(COUNT) | CHECK_BIT(TRUTH) | CHECK_BIT(SMP),
	  CHECK_BIT(TIME) | CHECK_BIT(UNDEF) | CHECK_BIT(STATS) | CHECK_BIT(DISCOVERY) },
	{ "double count", DEFECT_DOUBLE_COUNT, CHECK_BIT(COUNT) | CHECK_BIT(TRUTH),
	  CHECK_BIT(TOTAL) | CHECK_BIT(STATS) | CHECK_BIT(MONO) },
	{ "missed", DEFECT_MISSED, CHECK_BIT(COUNT) | CHECK_BIT(TRUTH) | CHECK_BIT(COUNT_VM),
	  CHECK_BIT(TOTAL) | CHECK_BIT(STATS) | CHECK_BIT(UNDEF) },
	{ "wrong reason", DEFECT_WRONG_REASON, CHECK_BIT(COUNT) | CHECK_BIT(TRUTH),
	  CHECK_BIT(TOTAL) | CHECK_BIT(STATS) | CHECK_BIT(MONO) },
	{ "words of exits swapped", DEFECT_HI_LO_SWAPPED, CHECK_BIT(COUNT) | CHECK_BIT(TRUTH),
	  CHECK_BIT(TIME) | CHECK_BIT(STATS) },
	{ "words of cycles swapped", DEFECT_CYCLES_SWAPPED, CHECK_BIT(TIME),
	  CHECK_BIT(COUNT) | CHECK_BIT(TRUTH) },
	{ "exits of 32 bits, near it", DEFECT_EXITS_TRUNCATED, CHECK_BIT(WIDTH),
	  CHECK_BIT(COUNT) | CHECK_BIT(TIME) | CHECK_BIT(CONTRACT) },
	{ "high words of exits missing", DEFECT_EXITS_MASKED, CHECK_BIT(WIDTH),
	  CHECK_BIT(COUNT) | CHECK_BIT(TIME) | CHECK_BIT(CONTRACT) },
	{ "narrow window", DEFECT_NARROW_WINDOW, CHECK_BIT(UNCOVERED),
	  CHECK_BIT(TIME) | CHECK_BIT(AUDIT) | CHECK_BIT(COUNT) },
	{ "narrow window of a vCPU", DEFECT_NARROW_VCPU, CHECK_BIT(UNCOVERED),
	  CHECK_BIT(TIME) | CHECK_BIT(AUDIT) | CHECK_BIT(COUNT) },
	{ "less passes in the guest", DEFECT_GUEST_TSC_SLOW, CHECK_BIT(UNCOVERED),
	  CHECK_BIT(TIME) | CHECK_BIT(AUDIT) | CHECK_BIT(COUNT) },
	{ "not timed", DEFECT_NOT_TIMED, CHECK_BIT(TIME), CHECK_BIT(COUNT) | CHECK_BIT(TRUTH) },
	{ "early return", DEFECT_EARLY_RETURN, CHECK_BIT(TIME),
	  CHECK_BIT(COUNT) | CHECK_BIT(TRUTH) },
	{ "early return, cheap", DEFECT_EARLY_RETURN_CHEAP, CHECK_BIT(TIME),
	  CHECK_BIT(COUNT) | CHECK_BIT(TRUTH) },
	{ "clock stops early", DEFECT_STOPS_EARLY, CHECK_BIT(TIME),
	  CHECK_BIT(COUNT) | CHECK_BIT(TOTAL) },
	{ "unit ns", DEFECT_UNIT_NS, CHECK_BIT(TIME), CHECK_BIT(COUNT) | CHECK_BIT(TOTAL) },
	{ "includes the guest", DEFECT_INCLUDES_GUEST, CHECK_BIT(TIME),
	  CHECK_BIT(COUNT) | CHECK_BIT(TOTAL) },
	{ "handler only", DEFECT_HANDLER_ONLY, CHECK_BIT(TIME),
	  CHECK_BIT(COUNT) | CHECK_BIT(TOTAL) },
	{ "cycles of 32 bits", DEFECT_CUT_OFF, CHECK_BIT(TIME),
	  CHECK_BIT(COUNT) | CHECK_BIT(TOTAL) | CHECK_BIT(MONO) },
	{ "undefined: zero", DEFECT_UNDEF_ZERO, CHECK_BIT(UNDEF),
	  CHECK_BIT(TRUTH) | CHECK_BIT(TIME) | CHECK_BIT(TOTAL) },
	{ "undefined: clamped", DEFECT_UNDEF_CLAMPED, CHECK_BIT(UNDEF),
	  CHECK_BIT(TRUTH) | CHECK_BIT(TIME) | CHECK_BIT(TOTAL) },
	{ "undefined: EAX set", DEFECT_UNDEF_ALL_ONES, CHECK_BIT(UNDEF),
	  CHECK_BIT(TRUTH) | CHECK_BIT(TIME) },
	{ "defined answered as undefined", DEFECT_DEFINED_UNDEF, CHECK_BIT(UNDEF),
	  CHECK_BIT(STATS) },
	{ "uninitialised register", DEFECT_GARBAGE, CHECK_BIT(UNDEF), CHECK_BIT(STATS) },
	{ "total of exits", DEFECT_TOTAL_EXITS, CHECK_BIT(TOTAL) | CHECK_BIT(COUNT),
	  CHECK_BIT(TRUTH) | CHECK_BIT(UNDEF) },
	{ "total of cycles", DEFECT_TOTAL_CYCLES, CHECK_BIT(TOTAL),
	  CHECK_BIT(TRUTH) | CHECK_BIT(COUNT) | CHECK_BIT(UNDEF) },
	{ "goes down", DEFECT_GOES_DOWN, CHECK_BIT(MONO) | CHECK_BIT(TRUTH) | CHECK_BIT(COUNT),
	  CHECK_BIT(UNDEF) | CHECK_BIT(SMP) },
	{ "host-wide", DEFECT_HOST_WIDE, CHECK_BIT(ISOLATION) | CHECK_BIT(COUNT),
	  CHECK_BIT(TIME) | CHECK_BIT(UNDEF) | CHECK_BIT(TRUTH) },
	{ "not reset", DEFECT_NOT_RESET,
	  CHECK_BIT(ISOLATION) | CHECK_BIT(COUNT) | CHECK_BIT(SMP) | CHECK_BIT(MIGRATE),
	  CHECK_BIT(TRUTH) | CHECK_BIT(TIME) | CHECK_BIT(MONO) },
	{ "stale", DEFECT_STALE, CHECK_BIT(ISOLATION) | CHECK_BIT(COUNT) | CHECK_BIT(MIGRATE),
	  CHECK_BIT(TRUTH) | CHECK_BIT(TIME) | CHECK_BIT(MONO) },
	{ "lost update", DEFECT_LOST_UPDATE, CHECK_BIT(SMP) | CHECK_BIT(COUNT_VM),
	  CHECK_BIT(TRUTH) | CHECK_BIT(MIGRATE) | CHECK_BIT(ISOLATION) },
	{ "forgets a vCPU", DEFECT_FORGETS_VCPU,
	  CHECK_BIT(SMP) | CHECK_BIT(COUNT_VM) | CHECK_BIT(TOTAL),
	  CHECK_BIT(TRUTH) | CHECK_BIT(COUNT) | CHECK_BIT(ISOLATION) },
	{ "forgets a vCPU's cycles", DEFECT_FORGETS_CYCLES, CHECK_BIT(TOTAL),
	  CHECK_BIT(SMP) | CHECK_BIT(COUNT_VM) | CHECK_BIT(TIME) },
	{ "loses where everything happens at once", DEFECT_STORM, CHECK_BIT(STORM),
	  CHECK_BIT(TRUTH) | CHECK_BIT(SMP) | CHECK_BIT(ISOLATION) | CHECK_BIT(MIGRATE) },
	{ "split by CPU", DEFECT_SPLIT, CHECK_BIT(MIGRATE) | CHECK_BIT(COUNT),
	  CHECK_BIT(TRUTH) | CHECK_BIT(SMP) | CHECK_BIT(ISOLATION) },
	{ "ABI version", DEFECT_ABI_VERSION, CHECK_BIT(DISCOVERY), CHECK_BIT(COUNT) },
	{ "ISA", DEFECT_ISA, CHECK_BIT(DISCOVERY), CHECK_BIT(COUNT) },
	{ "TSC rate", DEFECT_TSC_KHZ, CHECK_BIT(DISCOVERY), CHECK_BIT(COUNT) },
	{ "unstable TSC", DEFECT_TSC_UNSTABLE, CHECK_BIT(DISCOVERY), CHECK_BIT(COUNT) },
	{ "counters", DEFECT_NR_COUNTERS, CHECK_BIT(DISCOVERY), CHECK_BIT(COUNT) },
	{ "epoch", DEFECT_EPOCH, CHECK_BIT(DISCOVERY), CHECK_BIT(COUNT) },
	{ "reserved index", DEFECT_RESERVED, CHECK_BIT(DISCOVERY), CHECK_BIT(COUNT) },
	{ "highest leaf", DEFECT_MAX_LEAF, CHECK_BIT(DISCOVERY), CHECK_BIT(COUNT) },
	{ "ordinary leaf", DEFECT_ORDINARY, CHECK_BIT(DISCOVERY), CHECK_BIT(COUNT) },
	{ "leaf that was given", DEFECT_GIVEN, CHECK_BIT(DISCOVERY), CHECK_BIT(COUNT) },
	{ "missed fast path", DEFECT_FASTPATH, CHECK_BIT(COUNT) | CHECK_BIT(TRUTH) | CHECK_BIT(SMP),
	  CHECK_BIT(TOTAL) | CHECK_BIT(STATS) | CHECK_BIT(UNDEF) },
	{ "flag", DEFECT_FLAG, CHECK_BIT(COUNT) | CHECK_BIT(TRUTH) | CHECK_BIT(TOTAL),
	  CHECK_BIT(STATS) | CHECK_BIT(UNDEF) },
	{ "exits of 32 bits", DEFECT_EXITS_CUT_OFF, CHECK_BIT(COUNT) | CHECK_BIT(TRUTH),
	  CHECK_BIT(STATS) | CHECK_BIT(UNDEF) | CHECK_BIT(TIME) },
	{ "high words of cycles missing", DEFECT_MASKED_HIGH, CHECK_BIT(TIME),
	  CHECK_BIT(COUNT) | CHECK_BIT(TRUTH) },
	{ "cycles of the last exit", DEFECT_LAST_ONLY, CHECK_BIT(TIME), CHECK_BIT(COUNT) },
	{ "cycles in the total alone", DEFECT_STORED_ELSEWHERE, CHECK_BIT(TIME) | CHECK_BIT(TOTAL),
	  CHECK_BIT(COUNT) | CHECK_BIT(MONO) },
	{ "EBX from the stack", DEFECT_STACK, CHECK_BIT(COUNT) | CHECK_BIT(TRUTH),
	  CHECK_BIT(TIME) | CHECK_BIT(STATS) },
	{ "clock of several vCPUs", DEFECT_SHARED_CLOCK, CHECK_BIT(TIME),
	  CHECK_BIT(COUNT) | CHECK_BIT(TOTAL) },
	{ "published design", DEFECT_PUBLISHED,
	  CHECK_BIT(COUNT) | CHECK_BIT(ISOLATION) | CHECK_BIT(TIME), CHECK_BIT(UNDEF) },
	{ "statistic", DEFECT_STAT, CHECK_BIT(STATS), CHECK_BIT(COUNT) | CHECK_BIT(TRUTH) },
	{ "eBPF loses events and does not say so", DEFECT_BPF_LOSES_SILENTLY,
	  CHECK_BIT(COUNT) | CHECK_BIT(STATS) | CHECK_BIT(TRUTH), CHECK_BIT(UNDEF) },
};

/* A row shows the constant of its reason; without spans the check is no pass. */
static void uncovered_is_shown(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	unsigned int shown = 0;

	(void)state;
	judge_result(result, &verdicts);
	for (unsigned int i = 0; i < verdicts.nr_rows; i++) {
		const struct reason_row *row = &verdicts.rows[i];

		shown += row->has_uncovered;
		assert_true(!row->has_uncovered || row->uncovered == SYNTHETIC_UNCOVERED);
	}
	assert_int_equal(shown, SYNTHETIC_NR_OPS);
	result->nr_spans = 0;
	judge(result);
	assert_int_equal(verdict_of(CHECK_UNCOVERED), VERDICT_SKIP);
	assert_false(verdicts.rows[0].has_uncovered);
}

/* Where counters begin at 0, WIDTH is no pass. */
static void no_width_is_skipped(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->nr_widths = 0;
	judge(result);
	assert_int_equal(verdict_of(CHECK_WIDTH), VERDICT_SKIP);
	assert_int_equal(verdicts.status, STATUS_PASS);
}

static void every_defect_fails(void **state)
{
	static const enum exit_isa isas[] = { EXIT_ISA_SVM, EXIT_ISA_VMX };
	unsigned int wrong = 0;

	(void)state;
	for (unsigned int i = 0; i < 2 * NR(defects); i++) {
		enum exit_isa isa = isas[i % 2];
		unsigned int d = i / 2;

		judge(synthetic_run(isa, LEAVES_PRESENT, defects[d].defect));
		for (int id = 0; id < CHECK_FIRST_POINT; id++) {
			bool must_fail = defects[d].failing >> id & 1;
			bool must_pass = defects[d].passing >> id & 1;

			if (!must_fail && !must_pass)
				continue;
			if (verdict_of(id) != (must_fail ? VERDICT_FAIL : VERDICT_PASS)) {
				print_error("%s, %s: %s is %s: %s\n", defects[d].name,
					    isa_name(isa), check_name(id),
					    verdict_name(verdict_of(id)),
					    find_check(id)->examples[0]);
				wrong++;
			}
			wrong += must_fail && !find_check(id)->nr_examples;
		}
		wrong += verdicts.status != STATUS_MISMATCH ||
			 strncmp(verdicts.closing, "FAIL: ", 6);
	}
	assert_int_equal(wrong, 0);
}

/* Only the row of a wrong reason fails. */
static void rows_fail_one_by_one(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	judge(synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_DOUBLE_COUNT));
	for (unsigned int i = 0; i < verdicts.nr_rows; i++) {
		const struct reason_row *row = &verdicts.rows[i];

		if (row->number == 0x7c) {
			assert_int_equal(row->verdict, VERDICT_FAIL);
			assert_true(row->leaf == 2 * row->truth && row->bpf == row->truth);
			assert_true(row->difference == (int64_t)row->truth);
			wrong++;
		} else {
			assert_int_equal(row->verdict, VERDICT_PASS);
		}
	}
	assert_int_equal(wrong, 1);

	judge(synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_EARLY_RETURN));
	for (unsigned int i = 0; i < verdicts.nr_rows; i++)
		assert_int_equal(verdicts.rows[i].verdict,
				 verdicts.rows[i].number == 0x7b ? VERDICT_FAIL : VERDICT_PASS);
}

/* A phase may have several single-vCPU VMs, for workloads with different needs. */
static void rows_are_sums_over_single_vcpus(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	unsigned int cpuid = op_exit_index(EXIT_ISA_SVM, PROBE_CPUID);
	uint64_t sum = 0;

	(void)state;
	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		if (result->vcpus[v].phase == PHASE_MIGRATE)
			result->vcpus[v].phase = PHASE_SINGLE;
		for (unsigned int s = result->nr_sweeps;
		     s-- && result->vcpus[v].phase == PHASE_SINGLE;) {
			const struct result_sweep *sweep = &result->sweeps[s];

			if (sweep->vcpu != v || sweep->kind != SWEEP_FULL)
				continue;
			/* The reads of the sweep up to that of CPUID. */
			for (unsigned int r = 0; r < sweep->nr_reads; r++) {
				const struct probe_read *read =
					&result->reads[sweep->first_read + r];

				if (read->function == LEAF_EXITS &&
				    exit_index(EXIT_ISA_SVM, read->index) == cpuid)
					sum += read->cpuids;
			}
			break;
		}
	}
	judge(result);
	for (unsigned int i = 0; i < verdicts.nr_rows; i++) {
		assert_int_equal(verdicts.rows[i].verdict, VERDICT_PASS);
		if (verdicts.rows[i].index != cpuid)
			continue;
		assert_int_equal(verdicts.rows[i].truth, sum);
		assert_int_equal(verdicts.rows[i].leaf, sum);
	}
}

/* If the comparison in place misses a difference, the one from outside finds it. */
static void counts_around_a_sweep_are_compared_too(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	unsigned int index = op_exit_index(EXIT_ISA_SVM, PROBE_RDMSR);
	struct result_sweep *last = NULL;

	(void)state;
	for (unsigned int i = 0; i < result->nr_sweeps; i++)
		if (result->vcpus[result->sweeps[i].vcpu].phase == PHASE_SINGLE)
			last = &result->sweeps[i];
	assert_non_null(last);
	last->bpf_before[index]++;
	last->bpf_after[index]++;
	judge(result);
	assert_int_equal(verdict_of(CHECK_COUNT), VERDICT_FAIL);
	for (unsigned int i = 0; i < verdicts.nr_rows; i++) {
		const struct reason_row *row = &verdicts.rows[i];

		assert_int_equal(row->difference, row->index == index ? -1 : 0);
		assert_int_equal(row->verdict, row->index == index ? VERDICT_FAIL : VERDICT_PASS);
	}
}

/* ---- what could not be compared ---- */

static void lost_events_are_inconclusive(void **state)
{
	(void)state;
	judge(synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_BPF_LOSES));
	assert_int_equal(verdict_of(CHECK_COUNT), VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_of(CHECK_COUNT_VM), VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_of(CHECK_TRUTH), VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_INCONCLUSIVE);
	/* What needs no eBPF is decided. */
	assert_int_equal(verdict_of(CHECK_UNDEF), VERDICT_PASS);
	assert_int_equal(verdict_of(CHECK_TOTAL), VERDICT_PASS);
	assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);
	assert_true(!strncmp(verdicts.closing, "INCONCLUSIVE: ", 14));
}

/* A leaf that is too low even for an eBPF program that lost events is wrong. */
static void lost_events_excuse_one_side_only(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_MISSED);

	(void)state;
	result->missed = 3;
	judge(result);
	assert_int_equal(verdict_of(CHECK_COUNT), VERDICT_FAIL);
	assert_int_equal(verdicts.status, STATUS_MISMATCH);
}

static void comparisons_left_out_are_inconclusive(void **state)
{
	(void)state;
	judge(synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_BPF_INCOMPLETE));
	assert_int_equal(verdict_of(CHECK_COUNT), VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_of(CHECK_COUNT_VM), VERDICT_INCONCLUSIVE);
	assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);
}

static void every_kind_of_loss_counts(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

		result->stats.no_slot = kind == 0;
		result->stats.no_map = kind == 1;
		result->missed = kind == 2;
		result->vcpus[1].bpf.joined_late = kind == 3;
		judge(result);
		assert_int_equal(verdict_of(CHECK_COUNT), VERDICT_INCONCLUSIVE);
		assert_int_equal(verdict_of(CHECK_TRUTH), VERDICT_PASS);
		assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);
	}
}

/* ---- no leaves ---- */

static void unpatched_compares_the_rest(void **state)
{
	(void)state;
	judge(synthetic_run(EXIT_ISA_SVM, LEAVES_UNPATCHED, DEFECT_NONE));
	assert_int_equal(verdict_of(CHECK_TRUTH), VERDICT_PASS);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_PASS);
	assert_int_equal(verdict_of(CHECK_UNPATCHED), VERDICT_PASS);
	for (int id = 0; id < CHECK_FIRST_POINT; id++)
		if (id != CHECK_TRUTH && id != CHECK_STATS && id != CHECK_UNPATCHED)
			assert_int_equal(verdict_of(id), VERDICT_SKIP);
	assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);
	assert_true(!strncmp(verdicts.closing, "UNPATCHED: ", 11));
	assert_true(verdicts.nr_rows >= 7);
	for (unsigned int i = 0; i < verdicts.nr_rows; i++) {
		assert_false(verdicts.rows[i].has_leaf);
		assert_false(verdicts.rows[i].has_leaf_cycles);
		assert_true(verdicts.rows[i].has_bpf_cycles);
		assert_int_equal(verdicts.rows[i].verdict, VERDICT_PASS);
	}
}

/* With Intel's vendor string, an undefined leaf returns the highest basic leaf's data. */
static void unpatched_takes_no_data_for_a_leaf(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_VMX, LEAVES_UNPATCHED, DEFECT_NONE);

	(void)state;
	for (unsigned int i = 0; i < result->nr_reads; i++) {
		struct probe_read *read = &result->reads[i];

		if (read->function < LEAF_FIRST - 1 || read->function > LEAF_LAST)
			continue;
		read->eax = 7;
		read->ebx = 0x240;
		read->ecx = 0x340;
	}
	judge(result);
	assert_int_equal(verdict_of(CHECK_TRUTH), VERDICT_PASS);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_PASS);
	assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);
}

static void unpatched_still_finds_a_wrong_ebpf(void **state)
{
	(void)state;
	judge(synthetic_run(EXIT_ISA_SVM, LEAVES_UNPATCHED, DEFECT_BPF_LOSES_SILENTLY));
	assert_int_equal(verdict_of(CHECK_TRUTH), VERDICT_FAIL);
	assert_int_equal(verdict_of(CHECK_STATS), VERDICT_FAIL);
	assert_int_equal(verdicts.status, STATUS_MISMATCH);
}

static void unpatched_invents_nothing(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_UNPATCHED, DEFECT_NONE);

	(void)state;
	for (unsigned int i = 0; i < result->nr_reads; i++)
		if (result->reads[i].function == LEAF_EXITS)
			result->reads[i].eax = 5;
	judge(result);
	assert_int_equal(verdict_of(CHECK_UNPATCHED), VERDICT_FAIL);
}

static void mono_names_no_reason_for_a_total(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	struct probe_read *last = NULL;

	(void)state;
	for (unsigned int i = 0; i < result->nr_reads; i++)
		if (result->reads[i].function == LEAF_TOTAL_CYCLES)
			last = &result->reads[i];
	assert_non_null(last);
	last->ebx = last->ecx = 0;
	judge(result);
	assert_int_equal(verdict_of(CHECK_MONO), VERDICT_FAIL);
	assert_non_null(strstr(find_check(CHECK_MONO)->examples[0], "leaf 0x4ffffffe went"));
	assert_null(strstr(find_check(CHECK_MONO)->examples[0], "EXCEPTION"));
}

static void off_is_not_unpatched(void **state)
{
	(void)state;
	judge(synthetic_run(EXIT_ISA_SVM, LEAVES_OFF, DEFECT_NONE));
	assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);
	assert_true(!strncmp(verdicts.closing, "INCONCLUSIVE: no leaves", 23));
}

static void granted_but_missing_fails(void **state)
{
	(void)state;
	judge(synthetic_run(EXIT_ISA_SVM, LEAVES_MISSING, DEFECT_NONE));
	assert_int_equal(verdict_of(CHECK_DISCOVERY), VERDICT_FAIL);
	assert_int_equal(verdicts.diagnoses[0].id, DIAGNOSIS_CONTRACT_VISIBILITY);
	assert_int_equal(verdicts.status, STATUS_MISMATCH);
}

static void leaves_nobody_asked_for_fail(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->opt_in = false;
	judge(result);
	assert_int_equal(verdict_of(CHECK_DISCOVERY), VERDICT_FAIL);

	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	result->opt_in = false;
	result->host.exit_leaves = EXIT_LEAVES_ALL;
	judge(result);
	assert_int_equal(verdict_of(CHECK_DISCOVERY), VERDICT_PASS);
}

/* ---- the whole ---- */

static void all_skipped_is_no_pass(void **state)
{
	struct result *result = result_create();

	(void)state;
	result->host.isa = EXIT_ISA_SVM;
	result->leaves = LEAVES_UNPATCHED;
	judge(result);
	for (unsigned int i = 0; i < verdicts.nr_checks; i++)
		assert_int_equal(verdicts.checks[i].verdict, VERDICT_SKIP);
	assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);
	assert_true(!strncmp(verdicts.closing, "INCONCLUSIVE: ", 14));
}

static void a_skipped_phase_is_no_failure(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->phase[PHASE_MIGRATE].ran = false;
	strcpy(result->phase[PHASE_MIGRATE].skipped, "one CPU only");
	judge(result);
	assert_int_equal(verdict_of(CHECK_MIGRATE), VERDICT_SKIP);
	assert_string_equal(find_check(CHECK_MIGRATE)->detail, "one CPU only");
	assert_int_equal(verdicts.status, STATUS_PASS);
}

static void a_phase_cut_short_is_inconclusive(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	strcpy(result->phase[PHASE_MIGRATE].skipped, "only one CPU was left");
	judge(result);
	assert_int_equal(verdict_of(CHECK_MIGRATE), VERDICT_INCONCLUSIVE);
	assert_string_equal(find_check(CHECK_MIGRATE)->examples[0], "only one CPU was left");
	assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);

	/* What was found until then stays. */
	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_SPLIT);
	strcpy(result->phase[PHASE_MIGRATE].skipped, "only one CPU was left");
	judge(result);
	assert_int_equal(verdict_of(CHECK_MIGRATE), VERDICT_FAIL);
}

/* Asynchronous exits are compared with eBPF; the truth is only a bound. */
static void asynchronous_exits_are_bounds(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	judge(result);
	for (unsigned int i = 0; i < verdicts.nr_rows; i++)
		if (verdicts.rows[i].number == 0x400) {
			assert_true(verdicts.rows[i].has_truth && !verdicts.rows[i].exact);
			assert_false(verdicts.rows[i].at_most);
			return;
		}
	fail_msg("no row of nested page faults");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy_svm_passes),
		cmocka_unit_test(healthy_vmx_passes),
		cmocka_unit_test(every_defect_fails),
		cmocka_unit_test(uncovered_is_shown),
		cmocka_unit_test(no_width_is_skipped),
		cmocka_unit_test(rows_fail_one_by_one),
		cmocka_unit_test(rows_are_sums_over_single_vcpus),
		cmocka_unit_test(counts_around_a_sweep_are_compared_too),
		cmocka_unit_test(lost_events_are_inconclusive),
		cmocka_unit_test(lost_events_excuse_one_side_only),
		cmocka_unit_test(comparisons_left_out_are_inconclusive),
		cmocka_unit_test(every_kind_of_loss_counts),
		cmocka_unit_test(unpatched_compares_the_rest),
		cmocka_unit_test(unpatched_takes_no_data_for_a_leaf),
		cmocka_unit_test(unpatched_still_finds_a_wrong_ebpf),
		cmocka_unit_test(unpatched_invents_nothing),
		cmocka_unit_test(mono_names_no_reason_for_a_total),
		cmocka_unit_test(off_is_not_unpatched),
		cmocka_unit_test(granted_but_missing_fails),
		cmocka_unit_test(leaves_nobody_asked_for_fail),
		cmocka_unit_test(all_skipped_is_no_pass),
		cmocka_unit_test(a_skipped_phase_is_no_failure),
		cmocka_unit_test(a_phase_cut_short_is_inconclusive),
		cmocka_unit_test(asynchronous_exits_are_bounds),
	};

	return cmocka_run_group_tests_name("checks", tests, NULL, NULL);
}
