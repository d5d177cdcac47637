// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/random.h"
#include "util/stats.h"
#include "util/array.h"

static struct estimate estimate_of(const double *samples, unsigned int nr)
{
	struct estimate estimate;

	assert_true(stats_estimate(samples, nr, &estimate));
	return estimate;
}

static void of_one(void **state)
{
	const double one[] = { 7 };
	struct estimate e = estimate_of(one, 1);

	(void)state;
	assert_true(e.median == 7 && e.mean == 7 && e.mad == 0 && e.low == 7 && e.high == 7);
	assert_false(e.has_interval);
}

static void median_and_spread(void **state)
{
	const double odd[] = { 9, 1, 5, 100, 4 }, even[] = { 4, 1, 3, 2 };
	struct estimate e = estimate_of(odd, NR(odd));

	(void)state;
	assert_true(e.median == 5);
	assert_true(e.mean == 23.8);
	assert_true(e.mad == 4); /* of 0, 1, 4, 4, 95 */
	assert_true(odd[0] == 9);
	assert_true(estimate_of(even, NR(even)).median == 2.5);
}

/* The ranks that every table of the sign test's interval has. */
static void interval_of_the_median(void **state)
{
	static const struct {
		unsigned int nr, low, high; /* ranks from 1 */
	} table[] = { { 6, 1, 6 },   { 8, 1, 8 },   { 9, 2, 8 },     { 11, 2, 10 },
		      { 20, 6, 15 }, { 21, 6, 16 }, { 100, 40, 61 }, { 1000, 469, 532 } };
	double samples[1000];

	(void)state;
	for (unsigned int i = 0; i < NR(samples); i++)
		samples[i] = i + 1;
	assert_false(estimate_of(samples, STATS_MIN_SAMPLES - 1).has_interval);
	for (unsigned int i = 0; i < NR(table); i++) {
		struct estimate e = estimate_of(samples, table[i].nr);

		assert_true(e.has_interval);
		assert_true(e.low == table[i].low);
		assert_true(e.high == table[i].high);
	}
}

/* It holds the true median as often as it says, or a little more often. */
static void interval_holds(void **state)
{
	unsigned int held = 0, runs = 4000;
	uint64_t random = 1;

	(void)state;
	for (unsigned int run = 0; run < runs; run++) {
		double samples[21];
		struct estimate e;

		for (unsigned int i = 0; i < NR(samples); i++)
			samples[i] = random_next(&random) % 1000001;
		e = estimate_of(samples, NR(samples));
		held += e.low <= 500000 && e.high >= 500000;
	}
	assert_true(held >= runs * 95 / 100 && held <= runs * 98 / 100 + 20);
}

static void pairs_cancel_drift(void **state)
{
	double a[9], b[9];
	struct estimate e;

	(void)state;
	for (unsigned int i = 0; i < NR(a); i++) {
		b[i] = 1000 * i;
		a[i] = b[i] + 31;
	}
	assert_true(stats_paired(a, b, NR(a), &e));
	assert_true(e.median == 31 && e.low == 31 && e.high == 31 && e.mad == 0);
}

/* The largest quarter does not count, whatever it is. */
static void means_without_the_largest(void **state)
{
	double one[] = { 7 }, three[] = { 6, 9, 3 }, eight[] = { 1e9, 1, 6, 5, 2, 1e12, 3, 4 };

	(void)state;
	assert_true(stats_lower_mean(one, NR(one)) == 7);
	assert_true(stats_lower_mean(three, NR(three)) == 6);
	assert_true(stats_lower_mean(eight, NR(eight)) == 3.5);
}

static void divisors(void **state)
{
	(void)state;
	assert_int_equal(greatest_divisor(0, 0), 0);
	assert_int_equal(greatest_divisor(0, 12), 12);
	assert_int_equal(greatest_divisor(18, 12), 6);
	assert_int_equal(greatest_divisor(7, 12), 1);
}

static void shuffled(void **state)
{
	unsigned int elements[100], seen[100] = { 0 }, moved = 0;
	uint64_t random = 5;

	(void)state;
	for (unsigned int i = 0; i < NR(elements); i++)
		elements[i] = i;
	random_shuffle(&random, elements, NR(elements));
	for (unsigned int i = 0; i < NR(elements); i++) {
		seen[elements[i]]++;
		moved += elements[i] != i;
	}
	for (unsigned int i = 0; i < NR(seen); i++)
		assert_int_equal(seen[i], 1);
	assert_true(moved > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_one),
		cmocka_unit_test(median_and_spread),
		cmocka_unit_test(interval_of_the_median),
		cmocka_unit_test(interval_holds),
		cmocka_unit_test(pairs_cancel_drift),
		cmocka_unit_test(shuffled),
		cmocka_unit_test(means_without_the_largest),
		cmocka_unit_test(divisors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
