// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kvm/leaf.h"

static const uint32_t exits_leaves[] = { LEAF_EXITS, LEAF_TOTAL_EXITS, LEAF_VCPU_EXITS,
					 LEAF_VCPU_TOTAL_EXITS };
static const uint32_t cycles_leaves[] = { LEAF_CYCLES, LEAF_TOTAL_CYCLES, LEAF_VCPU_CYCLES,
					  LEAF_VCPU_TOTAL_CYCLES };

static void exits_are_in_eax_and_ebx(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct probe_read read = { .function = exits_leaves[i], .eax = 7, .ebx = 1 };
		uint64_t value = 0;

		assert_int_equal(leaf_decode(&read, &value), LEAF_VALUE);
		assert_true(value == 0x100000007);
		read.ecx = 1;
		assert_int_equal(leaf_decode(&read, &value), LEAF_MALFORMED);
		read.ecx = 0;
		read.edx = 1;
		assert_int_equal(leaf_decode(&read, &value), LEAF_MALFORMED);
	}
}

static void cycles_are_in_ecx_and_ebx(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct probe_read read = { .function = cycles_leaves[i], .ecx = 7, .ebx = 1 };
		uint64_t value = 0;

		assert_int_equal(leaf_decode(&read, &value), LEAF_VALUE);
		assert_true(value == 0x100000007);
		read.eax = 1;
		assert_int_equal(leaf_decode(&read, &value), LEAF_MALFORMED);
		read.eax = 0;
		read.edx = 1;
		assert_int_equal(leaf_decode(&read, &value), LEAF_MALFORMED);
	}
}

static void undefined_is_for_numbers_alone(void **state)
{
	uint64_t value;

	(void)state;
	for (int i = 0; i < 4; i++) {
		bool total = i % 2;
		struct probe_read exits = { .function = exits_leaves[i], .edx = LEAF_UNDEFINED };
		struct probe_read cycles = { .function = cycles_leaves[i], .edx = LEAF_UNDEFINED };
		int expected = total ? LEAF_MALFORMED : LEAF_NUMBER_UNDEFINED;

		assert_int_equal(leaf_decode(&exits, &value), expected);
		assert_int_equal(leaf_decode(&cycles, &value), expected);
		exits.eax = cycles.ecx = 1;
		assert_int_equal(leaf_decode(&exits, &value), LEAF_MALFORMED);
		assert_int_equal(leaf_decode(&cycles, &value), LEAF_MALFORMED);
	}
}

static void zero_is_a_value(void **state)
{
	struct probe_read read = { .function = LEAF_EXITS };
	uint64_t value = 1;

	(void)state;
	assert_int_equal(leaf_decode(&read, &value), LEAF_VALUE);
	assert_true(value == 0);
}

static void other_leaves_are_not_decoded(void **state)
{
	static const uint32_t others[] = { 0, LEAF_DISCOVERY, LEAF_FIRST - 1, LEAF_LAST + 1 };
	uint64_t value;

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct probe_read read = { .function = others[i] };

		assert_int_equal(leaf_decode(&read, &value), LEAF_MALFORMED);
	}
}

static void foreign_leaves_have_32_bits_of_exits(void **state)
{
	struct probe_read read = { .eax = 7, .ebx = 1, .ecx = 5, .edx = 3 };
	uint64_t value;

	(void)state;
	assert_int_equal(leaf_foreign_decode(&read, false, &value), LEAF_VALUE);
	assert_true(value == 7);
	assert_int_equal(leaf_foreign_decode(&read, true, &value), LEAF_VALUE);
	assert_true(value == 0x100000005);
	read.edx = LEAF_UNDEFINED;
	assert_int_equal(leaf_foreign_decode(&read, false, &value), LEAF_NUMBER_UNDEFINED);
}

static void discovery(void **state)
{
	struct probe_read sub0 = { .function = LEAF_DISCOVERY, .eax = 1 };
	struct probe_read sub1 = { .function = LEAF_DISCOVERY,
				   .index = 1,
				   .eax = 2600000,
				   .ebx = EXIT_ISA_SVM,
				   .ecx = 1,
				   .edx = 192 };
	struct leaf_discovery found;

	(void)state;
	memcpy(&sub0.ebx, "KVME", 4);
	memcpy(&sub0.ecx, "xitS", 4);
	memcpy(&sub0.edx, "tats", 4);
	leaf_discovery_decode(&sub0, &sub1, &found);
	assert_true(found.present);
	assert_int_equal(found.abi_version, 1);
	assert_int_equal(found.tsc_khz, 2600000);
	assert_int_equal(found.isa, EXIT_ISA_SVM);
	assert_int_equal(found.features, LEAF_FEATURE_STABLE_TSC);
	assert_int_equal(found.nr_counters, 192);

	/* Without the signature nothing is read from a leaf. */
	sub0.edx++;
	leaf_discovery_decode(&sub0, &sub1, &found);
	assert_false(found.present);
	assert_int_equal(found.tsc_khz, 0);
	assert_int_equal(found.nr_counters, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exits_are_in_eax_and_ebx),
		cmocka_unit_test(cycles_are_in_ecx_and_ebx),
		cmocka_unit_test(undefined_is_for_numbers_alone),
		cmocka_unit_test(zero_is_a_value),
		cmocka_unit_test(other_leaves_are_not_decoded),
		cmocka_unit_test(foreign_leaves_have_32_bits_of_exits),
		cmocka_unit_test(discovery),
	};

	return cmocka_run_group_tests_name("leaf", tests, NULL, NULL);
}
