// SPDX-License-Identifier: GPL-2.0-only
#include "util/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CONFIDENCE 0.95

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double sorted_median(const double *sorted, unsigned int nr)
{
	return (sorted[(nr - 1) / 2] + sorted[nr / 2]) / 2;
}

static double sort_median(double *samples, unsigned int nr)
{
	qsort(samples, nr, sizeof(*samples), compare);
	return sorted_median(samples, nr);
}

double stats_lower_quartile(double *samples, unsigned int nr)
{
	qsort(samples, nr, sizeof(*samples), compare);
	return samples[(nr - 1) / 4];
}

double stats_lower_mean(double *samples, unsigned int nr)
{
	const unsigned int kept = nr - nr / 4;
	double sum = 0;

	qsort(samples, nr, sizeof(*samples), compare);
	for (unsigned int i = 0; i < kept; i++)
		sum += samples[i];
	return sum / kept;
}

/*
 * How many samples lie outside of the median's interval on either side: the most
 * for which at least CONFIDENCE is left. Of nr samples, as many are below the true
 * median as nr tossed coins show heads. -1: there is no interval.
 */
static int outside(unsigned int nr)
{
	double heads = -(double)nr * log(2); /* log of the probability of exactly k heads */
	double tail = exp(heads);
	int k = 0;

	if (2 * tail > 1 - CONFIDENCE)
		return -1;
	for (;;) {
		heads += log((double)(nr - k) / (k + 1));
		tail += exp(heads);
		if (2 * tail > 1 - CONFIDENCE)
			return k;
		k++;
	}
}

bool stats_estimate(const double *samples, unsigned int nr, struct estimate *estimate)
{
	double *sorted = malloc(nr * sizeof(*sorted));
	double sum = 0;
	int cut;

	if (!sorted)
		return false;
	memcpy(sorted, samples, nr * sizeof(*sorted));
	*estimate = (struct estimate){ .nr = nr, .median = sort_median(sorted, nr) };
	cut = outside(nr);
	estimate->has_interval = cut >= 0;
	cut = cut < 0 ? 0 : cut;
	estimate->low = sorted[cut];
	estimate->high = sorted[nr - 1 - cut];
	for (unsigned int i = 0; i < nr; i++) {
		sum += sorted[i];
		sorted[i] = fabs(sorted[i] - estimate->median);
	}
	estimate->mean = sum / nr;
	estimate->mad = sort_median(sorted, nr);
	free(sorted);
	return true;
}

bool stats_paired(const double *a, const double *b, unsigned int nr, struct estimate *estimate)
{
	double *difference = malloc(nr * sizeof(*difference));
	bool done;

	if (!difference)
		return false;
	for (unsigned int i = 0; i < nr; i++)
		difference[i] = a[i] - b[i];
	done = stats_estimate(difference, nr, estimate);
	free(difference);
	return done;
}

uint64_t greatest_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		const uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}
