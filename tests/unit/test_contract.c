// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "judge/contract_reads.h"
#include "judge/plain_cpuid.h"
#include "judged.h"
#include "util/array.h"

/* Each promise that can be broken: CONTRACT fails, in that line first, and no other check does. */
static const struct {
	enum defect defect;
	enum contract_line_id line;
	bool alone; /* no other line fails */
} broken[] = {
	{ DEFECT_CAP_LATE, CONTRACT_LINE_CAPABILITY, true },
	{ DEFECT_CAP_BIT, CONTRACT_LINE_CAPABILITY, true },
	{ DEFECT_CAP_CHECK, CONTRACT_LINE_CAPABILITY, true },
	{ DEFECT_CAP_REFUSED, CONTRACT_LINE_CAPABILITY, true },
	{ DEFECT_VISIBLE, CONTRACT_LINE_VISIBILITY, false },
	{ DEFECT_UNACCOUNTED, CONTRACT_LINE_ACCOUNTED, true },
	{ DEFECT_ENTRY_LOSES, CONTRACT_LINE_ENTRIES, true },
	{ DEFECT_ENTRY_STORED, CONTRACT_LINE_ENTRIES, true },
	{ DEFECT_UPPER_INPUT, CONTRACT_LINE_REGISTERS, false },
	{ DEFECT_UPPER_KEPT, CONTRACT_LINE_REGISTERS, false },
	{ DEFECT_EDX_LEFT, CONTRACT_LINE_REGISTERS, false },
	{ DEFECT_SUPERVISOR_ONLY, CONTRACT_LINE_MODES, true },
	{ DEFECT_NO_FAULT, CONTRACT_LINE_MODES, true },
	{ DEFECT_FIRST_EIGHT, CONTRACT_LINE_VCPUS, false },
	{ DEFECT_RESERVED_INDEX, CONTRACT_LINE_DISCOVERY, true },
	{ DEFECT_EPOCH_ZERO, CONTRACT_LINE_EPOCH, true },
	{ DEFECT_EPOCH_EQUAL, CONTRACT_LINE_EPOCH, true },
	{ DEFECT_EPOCH_SHORT, CONTRACT_LINE_EPOCH, true },
	{ DEFECT_EPOCH_CLOCK, CONTRACT_LINE_EPOCH, true },
	{ DEFECT_EPOCH_VCPU, CONTRACT_LINE_EPOCH, true },
	{ DEFECT_OTHER_LEAF, CONTRACT_LINE_ORDINARY, true },
	{ DEFECT_OTHER_ENTRY, CONTRACT_LINE_ORDINARY, true },
};

static void a_broken_promise_fails(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (unsigned int i = 0; i < 2 * NR(broken); i++) {
		enum exit_isa isa = i % 2 ? EXIT_ISA_VMX : EXIT_ISA_SVM;
		const struct contract *found = &verdicts.contract;

		judge(synthetic_run(isa, LEAVES_PRESENT, broken[i / 2].defect));
		for (unsigned int c = 0; c < verdicts.nr_checks; c++) {
			enum verdict expected = verdicts.checks[c].id == CHECK_CONTRACT ?
							VERDICT_FAIL :
							VERDICT_PASS;

			wrong += verdicts.checks[c].verdict != expected;
		}
		for (unsigned int line = 0; line < NR_CONTRACT_LINES; line++) {
			bool fails = line == broken[i / 2].line;

			if (fails != !!found->lines[line].differed &&
			    (fails || broken[i / 2].alone)) {
				print_error("defect %d, %s: %s %s: %s\n", broken[i / 2].defect,
					    isa_name(isa), contract_line_name(line),
					    fails ? "holds" : "fails", found->lines[line].example);
				wrong++;
			}
		}
	}
	assert_int_equal(wrong, 0);
}

static void every_line_is_compared(void **state)
{
	(void)state;
	judge(synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE));
	for (unsigned int line = 0; line < NR_CONTRACT_LINES; line++) {
		assert_true(verdicts.contract.lines[line].compared);
		assert_int_equal(verdicts.contract.lines[line].differed, 0);
	}
}

/* A vCPU that was out of the guest for longer than all of it took. */
static void more_cycles_than_passed_fail(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	const uint64_t passed = result->end.tsc - result->begin.tsc;
	struct contract_read *read = result->contract.reads;

	(void)state;
	while (!contract_read_is_clean(&read->read, LEAF_VCPU_TOTAL_CYCLES,
				       read->read.in[CPUID_RCX]) ||
	       read->read.out[CPUID_RAX])
		assert_true(++read < result->contract.reads + result->contract.nr_reads);
	read->read.out[CPUID_RBX] = (passed + UINT32_MAX) >> 32;
	judge(result);
	assert_int_equal(verdict_of(CHECK_CONTRACT), VERDICT_FAIL);
	assert_int_equal(verdicts.contract.lines[CONTRACT_LINE_CLOCK].differed, 1);
	assert_int_equal(verdicts.diagnoses[0].id, DIAGNOSIS_CONTRACT_CLOCK);
}

static void add_read(struct contract_result *contract, uint32_t function, uint64_t value)
{
	struct contract_read *read = contract_add_read(contract);
	const bool count = leaf_is_count(function);

	/* By a vCPU that has the leaves. */
	*read = (struct contract_read){ .vcpu = contract->reads[0].vcpu };
	for (unsigned int i = 0; i < contract->nr_reads - 1; i++)
		if (contract_read_is_clean(&contract->reads[i].read, LEAF_VCPU_TOTAL_CYCLES,
					   contract->reads[i].read.in[CPUID_RCX]) &&
		    !contract->reads[i].read.out[CPUID_RAX])
			read->vcpu = contract->reads[i].vcpu;
	read->read.in[CPUID_RAX] = function;
	read->read.in[CPUID_RCX] = leaf_is_by_number(function) ? 0x78 : 0;
	read->read.out[count ? CPUID_RAX : CPUID_RCX] = (uint32_t)value;
	read->read.out[CPUID_RBX] = value >> 32;
}

/* As list_others() reads them. */
static void add_others(struct contract_result *contract, uint64_t halts, uint64_t own,
		       uint64_t cycles)
{
	add_read(contract, LEAF_EXITS, 4 + halts);
	add_read(contract, LEAF_VCPU_EXITS, 4);
	add_read(contract, LEAF_VCPU_TOTAL_CYCLES, own);
	add_read(contract, LEAF_TOTAL_CYCLES, own + 50 + cycles);
	add_read(contract, LEAF_VCPU_TOTAL_CYCLES, own + 100);
}

/* One that had not halted yet was in an exit before that, which has ended since. */
static void an_open_exit_is_in_no_sum(void **state)
{
	static const struct {
		uint64_t halts, cycles;
		bool fails;
	} cases[] = { { 1, 900, false }, { 1, 940, false }, { 1, 5000, true }, { 0, 5000, false } };

	(void)state;
	for (unsigned int i = 0; i < NR(cases); i++) {
		struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
		struct contract_result *contract = &result->contract;

		contract->blocked = contract->nr_reads + 1;
		add_others(contract, cases[i].halts, 1000, 900);
		add_others(contract, 1, 3000, cases[i].cycles);
		judge(result);
		assert_int_equal(verdicts.contract.lines[CONTRACT_LINE_VCPUS].differed,
				 cases[i].fails);
		assert_int_equal(verdicts.nr_diagnoses, cases[i].fails);
		if (cases[i].fails)
			assert_int_equal(verdicts.diagnoses[0].id, DIAGNOSIS_CONTRACT_SUM);
	}
}

/* Whatever the guest had there before. */
static void upper_halves_are_zero(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	for (unsigned int i = 0; i < result->contract.nr_reads; i++) {
		struct cpuid_read *read = &result->contract.reads[i].read;

		if (read->mode == CPUID_MODE_64 && read->out[CPUID_RDX] == LEAF_UNDEFINED)
			read->out[CPUID_RDX] = UINT64_MAX;
	}
	judge(result);
	assert_int_equal(verdict_of(CHECK_CONTRACT), VERDICT_FAIL);
	assert_true(verdicts.contract.lines[CONTRACT_LINE_REGISTERS].differed);
	assert_int_equal(verdicts.nr_diagnoses, 1);
	assert_int_equal(verdicts.diagnoses[0].id, DIAGNOSIS_CONTRACT_REGISTERS);
}

/* With the leaves off, nothing can be had, and nothing may be seen. */
static void off_promises_nothing(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->host.exit_leaves = EXIT_LEAVES_OFF;
	judge(result);
	assert_int_equal(verdict_of(CHECK_CONTRACT), VERDICT_FAIL);
	assert_true(verdicts.contract.lines[CONTRACT_LINE_CAPABILITY].differed);
}

/* With "all", every VM has them. */
static void all_promises_them_to_all(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->host.exit_leaves = EXIT_LEAVES_ALL;
	judge(result);
	assert_int_equal(verdict_of(CHECK_CONTRACT), VERDICT_FAIL);
	assert_true(verdicts.contract.lines[CONTRACT_LINE_VISIBILITY].differed);
	assert_false(verdicts.contract.lines[CONTRACT_LINE_CAPABILITY].differed);
}

static void what_did_not_run_is_skipped(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	result->contract.ran = false;
	judge(result);
	assert_int_equal(verdict_of(CHECK_CONTRACT), VERDICT_SKIP);
	assert_int_equal(verdicts.status, STATUS_PASS);
}

/* On an AMD CPU nothing answers for a leaf out of range, on Intel's the highest basic leaf. */
static void out_of_range_is_the_vendors(void **state)
{
	static struct result result;
	struct synthetic s = { .result = &result };
	const struct contract_result *contract = &result.contract;
	uint32_t registers[CPUID_NR_REGISTERS];

	(void)state;
	contract_vcpu_as(&s, 0, 0, 0);
	contract_entry_as(&s, 0x40000000, 0x40000001);
	plain_cpuid(contract, contract->vcpus, LEAF_EXITS, 5, registers);
	assert_int_equal(registers[CPUID_RDX], CONTRACT_VALUE);
	/* In range, but not there. */
	plain_cpuid(contract, contract->vcpus, 0x40000001, 0, registers);
	assert_int_equal(registers[CPUID_RDX], 0);
	plain_cpuid(contract, contract->vcpus, 5, 0, registers);
	assert_int_equal(registers[CPUID_RDX], 0);
	memcpy(&result.contract.entries[0].registers[CPUID_RBX], "Auth", 4);
	plain_cpuid(contract, contract->vcpus, LEAF_EXITS, 5, registers);
	assert_int_equal(registers[CPUID_RDX], 0);
	plain_cpuid(contract, contract->vcpus, CONTRACT_HIGHEST, 0, registers);
	assert_int_equal(registers[CPUID_RDX], CONTRACT_VALUE);
	free(result.contract.vcpus);
	free(result.contract.entries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broken_promise_fails),
		cmocka_unit_test(every_line_is_compared),
		cmocka_unit_test(more_cycles_than_passed_fail),
		cmocka_unit_test(an_open_exit_is_in_no_sum),
		cmocka_unit_test(upper_halves_are_zero),
		cmocka_unit_test(off_promises_nothing),
		cmocka_unit_test(all_promises_them_to_all),
		cmocka_unit_test(what_did_not_run_is_skipped),
		cmocka_unit_test(out_of_range_is_the_vendors),
	};

	return cmocka_run_group_tests_name("contract", tests, NULL, NULL);
}
