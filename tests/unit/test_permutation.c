// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/permutation.h"
#include "util/random.h"

#define ROWS 12
#define COMPARISONS 400

static uint64_t random_state = 7;

static double uniform(void)
{
	return (double)(random_next(&random_state) >> 11) * 0x1p-53;
}

/* Skewed, with outliers, as times on a busy host are. */
static double noise(void)
{
	double value = -log(1 - uniform()) * 0.05;

	return uniform() < 0.05 ? value + uniform() : value;
}

/* Of so many files a side, whose rows have a part in common; b's row 0 is shifted. How many rows differ. */
static unsigned int differ(unsigned int nr, double shift, bool *found)
{
	double values[ROWS * 32], floors[ROWS] = { 0 };
	struct permutation permutation = {
		.nr_a = nr, .nr_b = nr, .nr_rows = ROWS, .values = values, .floors = floors
	};
	struct permuted rows[ROWS];
	unsigned int differing = 0;

	for (unsigned int f = 0; f < 2 * nr; f++) {
		double common = noise();

		for (unsigned int r = 0; r < ROWS; r++)
			values[r * 2 * nr + f] = common + noise() + (f >= nr && !r ? shift : 0);
	}
	assert_true(permutation_test(&permutation, rows));
	for (unsigned int r = 0; r < ROWS; r++) {
		bool outside = fabs(rows[r].mean_b - rows[r].mean_a) >
			       permutation.critical * rows[r].error;

		/* The interval says the same. */
		assert_int_equal(outside, rows[r].p <= PERMUTATION_ALPHA);
		differing += outside;
	}
	*found = rows[0].p <= PERMUTATION_ALPHA;
	return differing;
}

/* One in twenty comparisons, not rows; and not many fewer, which would be a test that sleeps. */
static void what_is_alike(void **state)
{
	unsigned int nr[] = { 4, 5, 6 };
	bool found;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		unsigned int wrong = 0;

		for (unsigned int c = 0; c < COMPARISONS; c++)
			wrong += differ(nr[i], 0, &found) > 0;
		/* Three standard deviations of 400 tosses. */
		assert_true(wrong <= COMPARISONS * 0.05 + 13);
		assert_true(wrong >= COMPARISONS * 0.01);
	}
}

static void what_is_not(void **state)
{
	unsigned int seen = 0;
	bool found;

	(void)state;
	for (unsigned int c = 0; c < COMPARISONS / 4; c++) {
		differ(6, 3, &found);
		seen += found;
	}
	assert_true(seen >= COMPARISONS / 4 * 95 / 100);
}

/* Of two groups of three, 20 ways to share them out: each is as likely. */
static void too_few(void **state)
{
	static const struct {
		unsigned int a, b;
		bool too_few;
	} cases[] = { { 1, 1, true },	{ 2, 2, true },	 { 3, 3, true },  { 1, 18, true },
		      { 1, 19, false }, { 3, 4, false }, { 4, 4, false }, { 2, 5, false } };

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		double values[32] = { 0 }, floor = 0.1;
		struct permutation permutation = { .nr_a = cases[i].a,
						   .nr_b = cases[i].b,
						   .nr_rows = 1,
						   .values = values,
						   .floors = &floor };
		struct permuted row;

		for (unsigned int f = cases[i].a; f < cases[i].a + cases[i].b; f++)
			values[f] = 100;
		assert_true(permutation_test(&permutation, &row));
		assert_int_equal(permutation.too_few, cases[i].too_few);
		assert_int_equal(row.p <= PERMUTATION_ALPHA, !cases[i].too_few);
	}
}

/* Files that lack a value take no part in that row. */
static void missing_values(void **state)
{
	double values[] = { 1, 1.1, 0.9, 1, NAN, 2, 2.1, 1.9, 2, NAN }, floor = 1e-6;
	struct permutation permutation = {
		.nr_a = 5, .nr_b = 5, .nr_rows = 1, .values = values, .floors = &floor
	};
	struct permuted row;

	(void)state;
	assert_true(permutation_test(&permutation, &row));
	assert_int_equal(row.nr_a, 4);
	assert_true(row.p <= PERMUTATION_ALPHA);
	assert_true(fabs(row.mean_b - row.mean_a - 1) < 1e-9);
	for (unsigned int i = 0; i < 5; i++)
		values[i] = NAN;
	assert_true(permutation_test(&permutation, &row));
	assert_int_equal(row.nr_a, 0);
	assert_true(row.p == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_alike),
		cmocka_unit_test(what_is_not),
		cmocka_unit_test(too_few),
		cmocka_unit_test(missing_values),
	};

	return cmocka_run_group_tests_name("permutation", tests, NULL, NULL);
}
