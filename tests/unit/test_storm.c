// SPDX-License-Identifier: GPL-2.0-only
/* What a storm consists of, and what its check makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "judged.h"
#include "kvm/guest/program.h"
#include "run/storm_steps.h"

/* ---- steps and programs ---- */

static void steps_depend_on_seed_and_number_alone(void **state)
{
	unsigned int same = 0;

	(void)state;
	for (uint64_t number = 0; number < 1000; number++) {
		const struct storm_step step = storm_step(42, number),
					again = storm_step(42, number),
					other = storm_step(43, number),
					next = storm_step(42, number + 1);

		assert_int_equal(step.kind, again.kind);
		assert_int_equal(step.count, again.count);
		assert_int_equal(step.seed, again.seed);
		same += step.seed == other.seed || step.seed == next.seed ||
			other.seed == next.seed;
	}
	assert_int_equal(same, 0);
}

static void steps_are_of_every_kind(void **state)
{
	unsigned int kinds[NR_STORM_KINDS] = { 0 }, places[STORM_PLACES] = { 0 };

	(void)state;
	for (uint64_t number = 0; number < 10000; number++) {
		const struct storm_step step = storm_step(number % 7, number);

		assert_in_range(step.kind, 0, NR_STORM_KINDS - 1);
		assert_in_range(step.place, 0, STORM_PLACES - 1);
		assert_in_range(step.count, 1, 1000);
		kinds[step.kind]++;
		places[step.place]++;
	}
	for (int kind = 0; kind < NR_STORM_KINDS; kind++) {
		assert_in_range(kinds[kind], 100, 6000);
		assert_non_null(storm_kind_name(kind));
	}
	for (int place = 0; place < STORM_PLACES; place++)
		assert_in_range(places[place], 3000, 3700);
	/* Even the short storm of a default run has what it is there for. */
	for (uint64_t seed = 0; seed < 20; seed++) {
		unsigned int programs = 0, signals = 0;

		for (uint64_t number = 0; number < 100; number++) {
			const struct storm_step step = storm_step(seed, number);

			programs += step.kind == STORM_PROGRAM;
			kinds[step.kind] = 0;
			signals += step.kind == STORM_SIGNAL ? step.count : 0;
		}
		assert_true(programs >= 30 && signals >= 30);
		for (int kind = 0; kind < NR_STORM_KINDS; kind++) {
			assert_int_equal(kinds[kind], 0);
			kinds[kind] = 1;
		}
	}
}

/* As the guest goes through a program: see run_program() there. */
static void the_host_draws_what_the_guest_does(void **state)
{
	const struct probe_program program = {
		.seed = 4711,
		.nr = 4,
		.ops = { PROBE_OUT, PROBE_READ_LEAVES, PROBE_RDMSR, PROBE_CPUID },
	};
	uint64_t executed[PROBE_NR_OPS] = { 0 }, planned[PROBE_NR_OPS] = { 0 }, seed = program.seed;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint32_t op = program_next(&program, &seed);

		if (op == PROBE_READ_LEAVES)
			assert_in_range(random_next(&seed) % 49, 0, 48);
		executed[op == PROBE_READ_LEAVES ? PROBE_CPUID : op]++;
	}
	program_add(&program, 400, planned);
	for (int op = 0; op < PROBE_NR_OPS; op++)
		assert_true(planned[op] <= executed[op]);
	assert_int_equal(planned[PROBE_OUT] + planned[PROBE_RDMSR] + planned[PROBE_CPUID], 400);
	assert_true(planned[PROBE_CPUID] > planned[PROBE_OUT]);
	memset(planned, 0, sizeof(planned));
	program_add(&program, 1000, planned);
	assert_memory_equal(planned, executed, sizeof(planned));
}

/* ---- the check ---- */

static struct result *healthy(void)
{
	return synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
}

static struct result_vcpu *storm_vcpu(struct result *result)
{
	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		if (result->vcpus[v].phase == PHASE_STORM)
			return &result->vcpus[v];
	fail_msg("no vCPU of a storm");
	return NULL;
}

static void says_what_happened(void **state)
{
	const char *detail;

	(void)state;
	judge(healthy());
	assert_int_equal(verdict_of(CHECK_STORM), VERDICT_PASS);
	detail = find_check(CHECK_STORM)->detail;
	assert_non_null(strstr(detail, "seed 42, 100 steps, 0.5 s: 2 VMs, 3 vCPUs"));
	assert_non_null(
		strstr(detail, "20 signals, 8 moves, 0 CPUs off or on (only with --storm)"));
	assert_null(strstr(detail, " 0 comparisons"));
	assert_non_null(strstr(detail, ", 0 different"));
}

static void a_guest_that_does_less_fails(void **state)
{
	struct result *result = healthy();

	(void)state;
	storm_vcpu(result)->planned[PROBE_HLT]++;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STORM), VERDICT_FAIL);
	assert_non_null(strstr(find_check(CHECK_STORM)->examples[0], "hlt executed 53 times"));
}

static void each_source_can_fail_it(void **state)
{
	const unsigned int cpuid = op_exit_index(EXIT_ISA_SVM, PROBE_CPUID);
	struct result *result;

	(void)state;
	for (int source = 0; source < 5; source++) {
		struct result_vcpu *vcpu;

		result = healthy();
		vcpu = storm_vcpu(result);
		if (source == 0)
			vcpu->bpf.differed[LEAF_VCPU_EXITS - LEAF_FIRST]++;
		else if (source == 1)
			vcpu->bpf.reason[cpuid].audit.differed++;
		else if (source == 2)
			vcpu->bpf.reason[cpuid].audit.untimed++;
		else if (source == 3)
			vcpu->bpf.reason[cpuid].audit.exceeded++;
		else
			result->sweeps[result->nr_sweeps - 1].bpf_after[cpuid] += 3;
		judge(result);
		assert_int_equal(verdict_of(CHECK_STORM), VERDICT_FAIL);
		assert_int_equal(verdict_of(CHECK_SMP), VERDICT_PASS);
	}
	/* Of another phase, none of it matters. */
	result = healthy();
	result->vcpus[0].bpf.differed[LEAF_VCPU_EXITS - LEAF_FIRST]++;
	result->vcpus[0].bpf.reason[cpuid].audit.differed++;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STORM), VERDICT_PASS);
}

static void tells_the_fewest_steps(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_STORM);

	(void)state;
	result->storm.found = true;
	result->storm.found_by = 77;
	result->storm.trials = 12;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STORM), VERDICT_FAIL);
	assert_string_equal(find_check(CHECK_STORM)->examples[0],
			    "--seed 42: by step 78; not again in the steps up to it");

	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_STORM);
	result->storm.found = true;
	result->storm.shown_from = 70;
	result->storm.shown_to = 73;
	result->storm.needed = 1u << STORM_SIGNAL | 1u << STORM_PROGRAM;
	judge(result);
	assert_string_equal(find_check(CHECK_STORM)->examples[0],
			    "--seed 42: steps 71 to 73 show it by themselves: programs, signals");
}

static void nothing_compared_is_no_pass(void **state)
{
	struct result *result = healthy();

	(void)state;
	result->phase[PHASE_STORM].ran = false;
	strcpy(result->phase[PHASE_STORM].skipped, "--storm 0");
	judge(result);
	assert_int_equal(verdict_of(CHECK_STORM), VERDICT_SKIP);
	assert_string_equal(find_check(CHECK_STORM)->detail, "--storm 0");

	result = healthy();
	strcpy(result->phase[PHASE_STORM].skipped, "no more than 1 VMs: KVM_CREATE_VM: no memory");
	judge(result);
	assert_int_equal(verdict_of(CHECK_STORM), VERDICT_INCONCLUSIVE);
	assert_string_equal(find_check(CHECK_STORM)->examples[0],
			    "no more than 1 VMs: KVM_CREATE_VM: no memory");

	/* It ran, and has no vCPU. */
	result = healthy();
	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		if (result->vcpus[v].phase == PHASE_STORM)
			result->vcpus[v].phase = PHASE_MIGRATE;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STORM), VERDICT_SKIP);
}

static void lost_events_are_inconclusive(void **state)
{
	struct result *result = healthy();

	(void)state;
	result->missed = 2;
	storm_vcpu(result)->bpf.differed[LEAF_VCPU_EXITS - LEAF_FIRST]++;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STORM), VERDICT_INCONCLUSIVE);

	/* What the guest knows by itself needs no eBPF. */
	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_STORM);
	result->missed = 2;
	judge(result);
	assert_int_equal(verdict_of(CHECK_STORM), VERDICT_FAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_depend_on_seed_and_number_alone),
		cmocka_unit_test(steps_are_of_every_kind),
		cmocka_unit_test(the_host_draws_what_the_guest_does),
		cmocka_unit_test(says_what_happened),
		cmocka_unit_test(a_guest_that_does_less_fails),
		cmocka_unit_test(each_source_can_fail_it),
		cmocka_unit_test(tells_the_fewest_steps),
		cmocka_unit_test(nothing_compared_is_no_pass),
		cmocka_unit_test(lost_events_are_inconclusive),
	};

	return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
