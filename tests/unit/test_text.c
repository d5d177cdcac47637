// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/text.h"
#include "util/array.h"

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

static void reals(void **state)
{
	(void)state;
	assert_string_equal(text_real(0).s, "0");
	assert_string_equal(text_real(1234.5).s, "1,235");
	assert_string_equal(text_real(-1234.5).s, "-1,235");
	assert_string_equal(text_real(1e300).s, "1e+300");
	assert_string_equal(text_real(-1e300).s, "-1e+300");
}

static void durations(void **state)
{
	(void)state;
	assert_string_equal(text_duration(0).s, "0 ns");
	assert_string_equal(text_duration(999).s, "999 ns");
	assert_string_equal(text_duration(999.5).s, "1.00 µs");
	assert_string_equal(text_duration(9994).s, "9.99 µs");
	assert_string_equal(text_duration(9996).s, "10.0 µs");
	assert_string_equal(text_duration(99960).s, "100 µs");
	assert_string_equal(text_duration(131072).s, "131 µs");
	assert_string_equal(text_duration(33554432).s, "33.6 ms");
	assert_string_equal(text_duration(7.2e12).s, "7200 s");
	assert_true(strlen(text_duration(1e300).s) < sizeof(struct text));
}

static void clean(void **state)
{
	static const struct {
		const char *text, *cleaned;
	} cases[] = {
		{ "a \xc2\xb5s \xe2\x80\x94 \xf0\x9f\x98\x80", NULL },
		{ "", NULL },
		{ "a\nb\t\033\x7f", "a?b???" },
		{ "\xc2\x80\xc2\x9f\xc2\xa0", "????\xc2\xa0" }, /* C1 */
		{ "\xc3", "?" },				/* cut */
		{ "\xe2\x82", "??" },
		{ "\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf", "?????????" }, /* overlong */
		{ "\xed\xa0\x80", "???" },				 /* a surrogate */
		{ "\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd", "??????\xef\xbf\xbd" },
		{ "\xf4\x90\x80\x80\xf5\x80\xff", "???????" },
	};
	char text[32];

	(void)state;
	for (unsigned int i = 0; i < NR(cases); i++) {
		snprintf(text, sizeof(text), "%s", cases[i].text);
		assert_int_equal(text_is_clean(text), !cases[i].cleaned);
		text_clean(text);
		assert_string_equal(text, cases[i].cleaned ? cases[i].cleaned : cases[i].text);
		assert_true(text_is_clean(text));
	}
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
		cmocka_unit_test(thousands),	cmocka_unit_test(reals),
		cmocka_unit_test(durations),	cmocka_unit_test(clean),
		cmocka_unit_test(exit_numbers), cmocka_unit_test(near_words),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
