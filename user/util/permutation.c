// SPDX-License-Identifier: GPL-2.0-only
#include "util/permutation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/random.h"

#define MAX_LABELLINGS 20000
#define LEAST_LABELLINGS 399
/* Values that are looked at, in all: about a second. */
#define MAX_WORK 3e8

static void mean_and_squares(const double *values, const bool *is_a, bool a, unsigned int nr,
			     unsigned int *count, double *mean, double *squares)
{
	double sum = 0;

	*count = 0;
	for (unsigned int i = 0; i < nr; i++) {
		if (is_a[i] != a || isnan(values[i]))
			continue;
		++*count;
		sum += values[i];
	}
	*mean = *count ? sum / *count : NAN;
	*squares = 0;
	for (unsigned int i = 0; i < nr; i++)
		if (is_a[i] == a && !isnan(values[i]))
			*squares += (values[i] - *mean) * (values[i] - *mean);
}

static struct permuted look(const double *values, double floor, const bool *is_a, unsigned int nr)
{
	struct permuted row = { .p = 1 };
	double of_a, of_b, variance = 0;

	mean_and_squares(values, is_a, true, nr, &row.nr_a, &row.mean_a, &of_a);
	mean_and_squares(values, is_a, false, nr, &row.nr_b, &row.mean_b, &of_b);
	if (!row.nr_a || !row.nr_b)
		return row;
	if (row.nr_a + row.nr_b > 2)
		variance = (of_a + of_b) / (row.nr_a + row.nr_b - 2);
	row.error = sqrt((variance + floor * floor) * (1.0 / row.nr_a + 1.0 / row.nr_b));
	return row;
}

static double statistic(const struct permuted *row)
{
	return row->nr_a && row->nr_b ? fabs(row->mean_b - row->mean_a) / row->error : 0;
}

static double largest(const struct permutation *permutation, const bool *is_a)
{
	unsigned int nr = permutation->nr_a + permutation->nr_b;
	double most = 0;

	for (size_t r = 0; r < permutation->nr_rows; r++) {
		const struct permuted row =
			look(permutation->values + r * nr, permutation->floors[r], is_a, nr);

		most = fmax(most, statistic(&row));
	}
	return most;
}

static double binomial(unsigned int n, unsigned int k)
{
	double ways = 1;

	for (unsigned int i = 1; i <= k; i++)
		ways *= (double)(n - k + i) / i;
	return round(ways);
}

/* The next way to choose as many, in order; false: that was the last. */
static bool next_choice(bool *chosen, unsigned int nr)
{
	unsigned int last = nr, after = 0;

	/* The last chosen one that has room behind it moves there, those after it follow. */
	while (last-- && !(chosen[last] && last + 1 < nr && !chosen[last + 1]))
		after += chosen[last];
	if (last >= nr)
		return false;
	chosen[last] = false;
	for (unsigned int i = last + 1; i < nr; i++)
		chosen[i] = i <= last + 1 + after;
	return true;
}

static void draw(bool *chosen, unsigned int nr, unsigned int nr_chosen, uint64_t *random)
{
	unsigned int left = nr_chosen;

	for (unsigned int i = 0; i < nr; i++) {
		chosen[i] = random_next(random) % (nr - i) < left;
		left -= chosen[i];
	}
}

static int descending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y) - (x > y);
}

/* All labellings if they are few, else as many as time allows; the first is that of the files. */
static double *all_largest(struct permutation *permutation, bool all)
{
	const unsigned int nr = permutation->nr_a + permutation->nr_b;
	double *most = calloc(permutation->labellings, sizeof(*most));
	bool *is_a = calloc(nr, sizeof(*is_a));
	uint64_t random = 0;

	if (!most || !is_a) {
		free(most);
		free(is_a);
		return NULL;
	}
	for (unsigned int i = 0; i < permutation->nr_a; i++)
		is_a[i] = true;
	for (unsigned int l = 0; l < permutation->labellings; l++) {
		most[l] = largest(permutation, is_a);
		if (all)
			next_choice(is_a, nr);
		else
			draw(is_a, nr, permutation->nr_a, &random);
	}
	free(is_a);
	qsort(most, permutation->labellings, sizeof(*most), descending);
	return most;
}

static void find_labellings(struct permutation *permutation, bool *all)
{
	const unsigned int nr = permutation->nr_a + permutation->nr_b;
	const double ways = binomial(nr, permutation->nr_a);
	double room = MAX_WORK / ((double)nr * (double)(permutation->nr_rows + 1));

	room = fmin(fmax(room, LEAST_LABELLINGS), MAX_LABELLINGS);
	*all = ways <= room;
	permutation->labellings = (unsigned int)(*all ? ways : room);
	/* With as many on either side, A and B change places: the statistic is the same. */
	permutation->too_few = (permutation->nr_a == permutation->nr_b ? 2 : 1) / ways >
			       PERMUTATION_ALPHA;
	permutation->critical = INFINITY;
}

/* The share of labellings whose largest statistic is as large. */
static double share_from(const double *most, unsigned int nr, double value)
{
	unsigned int low = 0, high = nr;

	/* One that is the same may have been added up in another order. */
	value *= 1 - 1e-9;
	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (most[middle] >= value)
			low = middle + 1;
		else
			high = middle;
	}
	return (double)low / nr;
}

bool permutation_test(struct permutation *permutation, struct permuted *rows)
{
	const unsigned int nr = permutation->nr_a + permutation->nr_b;
	bool *is_a = calloc(nr + 1, sizeof(*is_a)), all;
	double *most;

	if (!is_a)
		return false;
	for (unsigned int i = 0; i < permutation->nr_a; i++)
		is_a[i] = true;
	for (size_t r = 0; r < permutation->nr_rows; r++)
		rows[r] = look(permutation->values + r * nr, permutation->floors[r], is_a, nr);
	free(is_a);
	find_labellings(permutation, &all);
	if (permutation->too_few)
		return true;
	most = all_largest(permutation, all);
	if (!most)
		return false;
	permutation->critical =
		most[(unsigned int)(PERMUTATION_ALPHA * permutation->labellings)] * (1 + 1e-9);
	for (size_t r = 0; r < permutation->nr_rows; r++)
		rows[r].p = share_from(most, permutation->labellings, statistic(&rows[r]));
	free(most);
	return true;
}
