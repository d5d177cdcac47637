// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text.h"

static void thousands(void **state)
{
	(void)state;
	assert_string_equal(text_u64(0).s, "0");
	assert_string_equal(text_u64(999).s, "999");
	assert_string_equal(text_u64(1000).s, "1,000");
	assert_string_equal(text_u64(1234567).s, "1,234,567");
	assert_string_equal(text_u64(UINT64_MAX).s, "18,446,744,073,709,551,615");
	assert_string_equal(text_i64(-1234).s, "-1,234");
	assert_string_equal(text_i64(INT64_MIN).s, "-9,223,372,036,854,775,808");
	assert_string_equal(text_i64(INT64_MAX).s, "9,223,372,036,854,775,807");
}

static void exit_numbers(void **state)
{
	(void)state;
	assert_string_equal(text_exit(EXIT_ISA_SVM, 0x72).s, "0x72");
	assert_string_equal(text_exit(EXIT_ISA_SVM, 0).s, "0x00");
	assert_string_equal(text_exit(EXIT_ISA_VMX, 10).s, "10");
}

static void near_words(void **state)
{
	(void)state;
	assert_true(text_is_near("cpuix", "cpuid"));
	assert_true(text_is_near("mov", "mov-cr8"));
	assert_true(text_is_near("lst", "list"));
	assert_true(text_is_near("wacth", "watch"));
	assert_false(text_is_near("in", "shutdown"));
	assert_false(text_is_near("", "in"));
	assert_false(text_is_near("nonsense", "cpuid"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thousands),
		cmocka_unit_test(exit_numbers),
		cmocka_unit_test(near_words),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
