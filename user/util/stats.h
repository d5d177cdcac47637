/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef STATS_H
#define STATS_H

#include <stdbool.h>
#include <stdint.h>

/* The fewest samples of which a median has a 95 % confidence interval. */
#define STATS_MIN_SAMPLES 6

/* What a few samples of one quantity say. */
struct estimate {
	unsigned int nr;
	double median, mean;
	double mad; /* median of the distances from the median */
	/*
	 * The median's 95 % confidence interval, between two of the samples: it holds
	 * whatever their distribution is. Of fewer than STATS_MIN_SAMPLES, or without
	 * has_interval, it is just the smallest and the largest.
	 */
	double low, high;
	bool has_interval;
};

/* The sample a quarter of the way up, of nr >= 1, which it sorts. */
double stats_lower_quartile(double *samples, unsigned int nr);

/* The mean of the smaller three quarters of nr >= 1 samples, which it sorts. */
double stats_lower_mean(double *samples, unsigned int nr);

/* Of 0 and another number it is that one. */
uint64_t greatest_divisor(uint64_t a, uint64_t b);

/* Of nr >= 1 samples. false: no memory. */
bool stats_estimate(const double *samples, unsigned int nr, struct estimate *estimate);

/* The same of a[i] - b[i]: pairs cancel a drift of both. */
bool stats_paired(const double *a, const double *b, unsigned int nr, struct estimate *estimate);

#endif
