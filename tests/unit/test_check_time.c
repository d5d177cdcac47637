// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "judged.h"

static void time_needs_a_stable_tsc(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->discovery.features = 0;
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_INCONCLUSIVE);
}

static void time_needs_a_known_clock(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	strcpy(result->host.clocksource, "jiffies");
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_INCONCLUSIVE);

	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	result->end.tsc *= 2;
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_INCONCLUSIVE);
}

/* The rate is right over the whole run, but not all the time. */
static void time_needs_a_steady_clock(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->slowest_khz = SYNTHETIC_KHZ * 0.995;
	result->fastest_khz = SYNTHETIC_KHZ * 1.002;
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_PASS);

	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	result->slowest_khz = SYNTHETIC_KHZ * 0.98;
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_INCONCLUSIVE);

	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	result->fastest_khz = SYNTHETIC_KHZ * 1.02;
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_INCONCLUSIVE);

	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	strcpy(result->next_clocksource, "acpi_pm");
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_INCONCLUSIVE);

	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	result->end.suspends++;
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_INCONCLUSIVE);
	for (unsigned int i = 0; i < verdicts.nr_rows; i++)
		assert_int_equal(verdicts.rows[i].verdict, verdicts.rows[i].has_leaf_cycles ?
								   VERDICT_INCONCLUSIVE :
								   VERDICT_PASS);

	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	result->begin.suspended_ns = 7000000000;
	result->end.suspended_ns = result->begin.suspended_ns + 11000000;
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_INCONCLUSIVE);

	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	result->begin.suspended_ns = 7000000000;
	result->end.suspended_ns = result->begin.suspended_ns + 9000000;
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_PASS);
}

static void time_allows_for_the_conversion_only(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	struct result_time *time = NULL;

	(void)state;
	for (unsigned int i = 0; i < result->nr_times; i++)
		if (result->times[i].index == op_exit_index(EXIT_ISA_SVM, PROBE_RDMSR))
			time = &result->times[i];
	assert_non_null(time);
	/* One cycle beyond eBPF's is within the error ... */
	time->cycles = time->ns * (SYNTHETIC_KHZ / 1000000) + 1;
	judge_result(result, &verdicts);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_PASS);
	/* ... one per cent is not. */
	time->cycles += time->cycles / 100;
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_FAIL);
}

/* A host that is preempted between the two clocks only adds to what eBPF sees. */
static void time_survives_outliers(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	unsigned int index = op_exit_index(EXIT_ISA_SVM, PROBE_RDMSR);
	unsigned int seen = 0;

	(void)state;
	for (unsigned int i = 0; i < result->nr_times; i++)
		if (result->times[i].vcpu == 0 && result->times[i].index == index && seen++)
			result->times[i].ns += 20000000;
	judge(result);
	assert_true(seen > 2);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_PASS);
}

/* Host interrupts come when the host is disturbed, so all their exits may be disturbed. */
static void time_survives_interrupts(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	unsigned int index = op_exit_index(EXIT_ISA_SVM, PROBE_RDMSR);

	(void)state;
	for (unsigned int i = 0; i < result->nr_times; i++) {
		struct result_time *time = &result->times[i];

		if (time->index != index)
			continue;
		time->index = exit_index(EXIT_ISA_SVM, 0x60);
		time->cycles += time->timed * 30000;
		time->ns += time->timed * 30000;
	}
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_PASS);
}

/*
 * On a host that is kept from running between the clocks of one exit after the other, eBPF's times are long by
 * what AUDIT saw; what is missing from one exit that AUDIT saw is missing.
 */
static void time_survives_many_delays(void **state)
{
	const unsigned int index = op_exit_index(EXIT_ISA_SVM, PROBE_CPUID);

	(void)state;
	for (int many = 1; many >= 0; many--) {
		struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
		struct result_time *time = NULL;
		struct ec_audit *audit;

		for (unsigned int i = 0; i < result->nr_times && !time; i++)
			if (result->vcpus[result->times[i].vcpu].phase == PHASE_SMP &&
			    result->times[i].index == index)
				time = &result->times[i];
		assert_non_null(time);
		audit = &result->vcpus[time->vcpu].bpf.reason[index].audit;
		time->ns += (2ull << 33) * 1000000 / SYNTHETIC_KHZ;
		audit->bias[many ? 23 : EC_HIST_BUCKETS - 1] += many ? 2048 : 1;
		judge(result);
		assert_int_equal(verdict_of(CHECK_TIME), many ? VERDICT_PASS : VERDICT_FAIL);
	}
}

/* Cycles missing from expensive exits alone, within the bias that the others allow. */
static void dear_exits_have_half_of_the_time(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	for (unsigned int i = 0; i < result->nr_times; i++) {
		struct result_time *time = &result->times[i];
		bool dear = time->index == op_exit_index(EXIT_ISA_SVM, PROBE_OUT) ||
			    time->index == op_exit_index(EXIT_ISA_SVM, PROBE_HLT);

		if (dear)
			time->ns = time->timed * 5500;
		time->cycles = time->ns * (SYNTHETIC_KHZ / 1000000) * (dear ? 45 : 6) / 100;
	}
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_FAIL);
	for (unsigned int i = 0; i < verdicts.nr_rows; i++) {
		bool dear = verdicts.rows[i].number == 0x7b || verdicts.rows[i].number == 0x78;

		assert_int_equal(verdicts.rows[i].verdict, dear ? VERDICT_FAIL : VERDICT_PASS);
	}
}

/* However few windows there are: an exit takes time. */
static void no_cycles_are_wrong_in_any_window(void **state)
{
	const unsigned int index = op_exit_index(EXIT_ISA_SVM, PROBE_RDMSR);
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	unsigned int windows = 0, failed = 0;

	(void)state;
	for (unsigned int i = 0; i < result->nr_times; i++) {
		struct result_time *time = &result->times[i];

		if (time->index != index)
			continue;
		if (windows++)
			time->timed = 0;
		time->cycles = 0;
	}
	assert_true(windows > 0);
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_FAIL);
	for (unsigned int i = 0; i < verdicts.nr_rows; i++)
		failed += verdicts.rows[i].index == index &&
			  verdicts.rows[i].verdict == VERDICT_FAIL;
	assert_int_equal(failed, 1);
}

/* "1,234 cycles" */
static long grouped(const char *text)
{
	long value = 0;

	for (; *text == ',' || (*text >= '0' && *text <= '9'); text++)
		value = *text == ',' ? value : 10 * value + (*text - '0');
	return value;
}

/* What is shown beside a limit is what the limit is for. */
static void evidence_is_within_the_limit(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	const char *evidence, *limit;
	unsigned int seen = 0;

	(void)state;
	/* Every window but the first of each reason is disturbed. */
	for (unsigned int i = 0; i < result->nr_times; i++) {
		const struct result_time *before = result_time_before(result, i);

		if (before && result->times[i].timed > before->timed) {
			result->times[i].ns += 100000ull * result->times[i].timed;
			seen++;
		}
	}
	assert_true(seen > 0);
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_PASS);
	evidence = strstr(find_check(CHECK_TIME)->detail, "smallest bias of ");
	assert_non_null(evidence);
	limit = strstr(evidence, "(limit: ");
	assert_true(grouped(strstr(evidence, " to ") + 4) > 0);
	assert_true(grouped(strstr(evidence, " to ") + 4) <= grouped(limit + 8));
}

static void lost_entries_make_time_inconclusive(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->vcpus[0].bpf.lost_entries = 1;
	judge(result);
	assert_int_equal(verdict_of(CHECK_TIME), VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict_of(CHECK_COUNT), VERDICT_PASS);
}

/* An entry or an exit that eBPF missed makes the time of others too long, or too short. */
static void lost_events_make_no_time_wrong(void **state)
{
	(void)state;
	for (int way = 0; way < 2; way++) {
		struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

		for (unsigned int i = 0; i < result->nr_times; i++)
			if (result->times[i].index == op_exit_index(EXIT_ISA_SVM, PROBE_RDMSR))
				result->times[i].ns = way ? result->times[i].ns * 30 :
							    result->times[i].ns / 2;
		judge_result(result, &verdicts);
		assert_int_equal(verdict_of(CHECK_TIME), VERDICT_FAIL);
		result->stats.no_map = 3;
		judge(result);
		assert_int_equal(verdict_of(CHECK_TIME), VERDICT_INCONCLUSIVE);
		assert_int_equal(verdicts.status, STATUS_INCONCLUSIVE);
	}
}

/* Cycles of each exit of an operation: by the guest's clock, had all lasted as most did, and in the leaves. */
static void delay(struct result *result, enum probe_op op, uint64_t elapsed, uint64_t steady,
		  uint64_t covered)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < result->nr_spans; i++) {
		struct result_span *span = &result->spans[i];

		if (span->vcpu || span->op != op)
			continue;
		nr++;
		span->elapsed += elapsed * span->exits;
		span->until_read += elapsed * span->exits;
		span->steady += steady * span->exits;
		span->covered += covered * span->exits;
	}
	assert_true(nr >= RESULT_VCPU_SPANS);
}

/* KVM costs each exit alike; a host that is kept from running does not. */
static void delays_that_differ_are_no_proof(void **state)
{
	static const struct {
		uint64_t elapsed, steady, covered;
		enum verdict verdict;
	} cases[] = {
		{ 20000, 20000, 0, VERDICT_FAIL },
		{ 20000, 0, 0, VERDICT_PASS },
		{ 40000, 20000, 20000, VERDICT_INCONCLUSIVE },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

		delay(result, PROBE_CPUID, cases[i].elapsed, cases[i].steady, cases[i].covered);
		judge(result);
		assert_int_equal(verdict_of(CHECK_UNCOVERED), cases[i].verdict);
	}
}

/* What the VMM made an exit last is in the leaves, whatever the host is busy with. */
static void known_delays_are_charged(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->spans[0].known = result->spans[0].covered;
	judge(result);
	assert_int_equal(verdict_of(CHECK_UNCOVERED), VERDICT_PASS);
	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	result->spans[0].known = result->spans[0].covered + 1;
	judge(result);
	assert_int_equal(verdict_of(CHECK_UNCOVERED), VERDICT_FAIL);
}

/* An interrupt that comes before the guest reads the leaf is in it, and not between its readings of the clock. */
static void exits_before_the_read_are_covered(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->spans[0].covered += 1000000;
	result->spans[0].until_read += 1000000;
	judge(result);
	assert_int_equal(verdict_of(CHECK_UNCOVERED), VERDICT_PASS);
	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	result->spans[0].covered = result->spans[0].until_read + 1;
	judge(result);
	assert_int_equal(verdict_of(CHECK_UNCOVERED), VERDICT_FAIL);
}

/* Whether a command is the first of its operation on its vCPU. */
static bool is_first(const struct result *result, unsigned int span)
{
	const struct result_span *of = &result->spans[span];

	for (unsigned int i = 0; i < span; i++)
		if (result->spans[i].vcpu == of->vcpu && result->spans[i].op == of->op)
			return false;
	return true;
}

/* Nor does such a command say that an exit lacks nothing, against which the others lack much. */
static void a_command_with_an_interrupt_is_no_measure(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	for (unsigned int i = 0; i < result->nr_spans; i++) {
		struct result_span *span = &result->spans[i];
		const uint64_t more = 5000 * span->exits,
			       interrupt = is_first(result, i) * 10000000;

		span->elapsed += more;
		span->steady += more;
		span->until_read += more + interrupt;
		span->covered += interrupt;
	}
	judge(result);
	assert_int_equal(verdict_of(CHECK_UNCOVERED), VERDICT_PASS);
}

/* Makes all but the first nr commands of a vCPU too short for their cycles to be shared out. */
static void shorten(struct result *result, unsigned int vcpu, unsigned int nr)
{
	for (unsigned int i = 0; i < result->nr_spans; i++) {
		struct result_span *span = &result->spans[i];

		if (span->vcpu == vcpu && !(nr && nr--))
			span->exits = RESULT_SPAN_EXITS - 1;
	}
}

static unsigned int vcpu_of_several(const struct result *result)
{
	for (unsigned int i = 0; i < result->nr_spans; i++)
		if (result->vcpus[result->spans[i].vcpu].phase != PHASE_SINGLE)
			return result->spans[i].vcpu;
	fail_msg("no command of several vCPUs");
	return 0;
}

/* No vCPU passes by the commands of the others, nor all of them by too few. */
static void too_few_commands_are_no_pass(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	shorten(result, vcpu_of_several(result), RESULT_VCPU_SPANS);
	judge(result);
	assert_int_equal(verdict_of(CHECK_UNCOVERED), VERDICT_PASS);
	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	shorten(result, vcpu_of_several(result), RESULT_VCPU_SPANS - 1);
	judge(result);
	assert_int_equal(verdict_of(CHECK_UNCOVERED), VERDICT_INCONCLUSIVE);
	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	for (unsigned int i = 0; i < result->nr_spans; i++)
		if (result->vcpus[result->spans[i].vcpu].phase == PHASE_SINGLE)
			shorten(result, result->spans[i].vcpu, 0);
	judge(result);
	assert_int_equal(verdict_of(CHECK_UNCOVERED), VERDICT_SKIP);
}

/* The host's TSC can go in steps, too. */
static void cycles_are_not_rounded(void **state)
{
	(void)state;
	for (uint64_t step = 1; step <= 1024; step *= 1024) {
		struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

		for (unsigned int i = 0; i < result->nr_times; i++)
			result->times[i].cycles &= ~1023ull;
		result->tsc_step = step;
		judge_result(result, &verdicts);
		assert_int_equal(verdict_of(CHECK_TIME), step == 1 ? VERDICT_FAIL : VERDICT_PASS);
		if (step == 1)
			assert_int_equal(verdicts.diagnoses[0].id, DIAGNOSIS_UNIT);
		result->tsc_step = 1;
		result->times[result->nr_times - 1].cycles += 1;
		judge(result);
		assert_int_equal(verdict_of(CHECK_TIME), VERDICT_PASS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_needs_a_stable_tsc),
		cmocka_unit_test(time_needs_a_known_clock),
		cmocka_unit_test(time_needs_a_steady_clock),
		cmocka_unit_test(time_allows_for_the_conversion_only),
		cmocka_unit_test(time_survives_outliers),
		cmocka_unit_test(time_survives_interrupts),
		cmocka_unit_test(time_survives_many_delays),
		cmocka_unit_test(dear_exits_have_half_of_the_time),
		cmocka_unit_test(no_cycles_are_wrong_in_any_window),
		cmocka_unit_test(evidence_is_within_the_limit),
		cmocka_unit_test(lost_entries_make_time_inconclusive),
		cmocka_unit_test(lost_events_make_no_time_wrong),
		cmocka_unit_test(delays_that_differ_are_no_proof),
		cmocka_unit_test(known_delays_are_charged),
		cmocka_unit_test(exits_before_the_read_are_covered),
		cmocka_unit_test(a_command_with_an_interrupt_is_no_measure),
		cmocka_unit_test(too_few_commands_are_no_pass),
		cmocka_unit_test(cycles_are_not_rounded),
	};

	return cmocka_run_group_tests_name("check TIME", tests, NULL, NULL);
}
