// SPDX-License-Identifier: GPL-2.0-only
/*
 * calibration FILE...: how often `exitcheck compare` says that something differs where nothing does, and how often
 * it finds a CPUID that takes 5, 10 or 30 % longer. FILES are real reports of one kind and one condition (see pool).
 * Each draw takes whole files from these at random, and adds half of the scatter that each quantity has among
 * them (a smoothed bootstrap), so that any number of files a side can be tried. With enough files, real ones are drawn
 * as well: none of them twice, and nothing changed. Prints rows of README.md's table.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/quantities.h"
#include "report/file.h"
#include "util/array.h"
#include "util/permutation.h"
#include "util/random.h"

#define DRAWS 200

static struct quantities pool;
static unsigned int nr_files;
static double *scatter, *floors;
static struct permuted *permuted;
static uint64_t state = 1;

struct outcome {
	unsigned int wrong, found; /* comparisons: with any row that differs, with CPUID's */
	double widths[DRAWS];	   /* half of CPUID's interval */
};

static double uniform(void)
{
	return (double)(random_next(&state) >> 11) * 0x1p-53;
}

static double normal(void)
{
	return sqrt(-2 * log(1 - uniform())) * cos(2 * M_PI * uniform());
}

static double value(unsigned int file, size_t row)
{
	return pool.values[row * nr_files + file];
}

/* The row of CPUID's cost by itself. */
static bool is_cpuid(size_t row)
{
	const struct quantity *quantity = &pool.list[row];

	return quantity->is_log && !strncmp(quantity->unit, "cycles", 6) &&
	       (strstr(quantity->name, " CPUID") || !strcmp(quantity->name, "cpuid none"));
}

static void find_scatter(void)
{
	for (size_t row = 0; row < pool.nr; row++) {
		double sum = 0, squares = 0;
		unsigned int nr = 0;

		for (unsigned int f = 0; f < nr_files; f++) {
			if (isnan(value(f, row)))
				continue;
			sum += value(f, row);
			squares += value(f, row) * value(f, row);
			nr++;
		}
		if (nr > 1)
			scatter[row] = sqrt(fmax(squares - sum * sum / nr, 0) / (nr - 1));
		floors[row] = pool.list[row].floor;
	}
}

/* Compares nr files a side, B's CPUID so much longer; files: which of the pool, real: as they are. */
static void compare(unsigned int nr, const unsigned int *files, bool real, double longer,
		    unsigned int draw, struct outcome *outcome)
{
	struct permutation permutation = {
		.nr_a = nr,
		.nr_b = nr,
		.nr_rows = pool.nr,
		.floors = floors,
		.values = calloc(pool.nr * 2 * nr, sizeof(double)),
	};
	bool differs = false;

	if (!permutation.values)
		exit(3);
	for (size_t row = 0; row < pool.nr; row++)
		for (unsigned int f = 0; f < 2 * nr; f++) {
			double *to = &permutation.values[row * 2 * nr + f];

			*to = value(files[f], row) + (real ? 0 : scatter[row] / 2 * normal());
			*to += f >= nr && is_cpuid(row) ? log(1 + longer) : 0;
		}
	if (!permutation_test(&permutation, permuted))
		exit(3);
	for (size_t row = 0; row < pool.nr; row++) {
		/* What the guest alone decides is not left to chance. */
		bool differing = permuted[row].p <= PERMUTATION_ALPHA && !pool.list[row].exact;

		differs |= differing;
		if (!is_cpuid(row))
			continue;
		outcome->found += differing && permuted[row].mean_b > permuted[row].mean_a;
		outcome->widths[draw] = expm1(permutation.critical * permuted[row].error) * 100;
	}
	outcome->wrong += differs;
	free(permutation.values);
}

static struct outcome draw_all(unsigned int nr, bool real, double longer)
{
	struct outcome outcome = { 0 };
	unsigned int *files = calloc(nr_files + 2 * nr, sizeof(*files));

	for (unsigned int draw = 0; draw < DRAWS && files; draw++) {
		for (unsigned int f = 0; f < (real ? nr_files : 2 * nr); f++)
			files[f] = real ? f : random_next(&state) % nr_files;
		if (real)
			random_shuffle(&state, files, nr_files);
		compare(nr, files, real, longer, draw, &outcome);
	}
	free(files);
	return outcome;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static const unsigned int sizes[] = { 4, 6, 8, 16 };
	static const double longer[] = { 0.05, 0.1, 0.3 };
	struct error err;

	nr_files = argc - 1;
	if (nr_files < 2 || !quantities_begin(&pool, nr_files, 0, false, true)) {
		fprintf(stderr, "usage: calibration FILE... (of run --json, or of bench --json)\n");
		return 2;
	}
	for (unsigned int f = 0; f < nr_files; f++) {
		json_t *document;

		if (report_read(argv[f + 1], &document, &err)) {
			fprintf(stderr, "calibration: %s\n", err.text);
			return 3;
		}
		if (!quantities_add(&pool, document, f))
			return 3;
		json_decref(document);
	}
	quantities_complete(&pool);
	scatter = calloc(pool.nr + 1, sizeof(*scatter));
	floors = calloc(pool.nr + 1, sizeof(*floors));
	permuted = calloc(pool.nr + 1, sizeof(*permuted));
	if (!scatter || !floors || !permuted)
		return 3;
	find_scatter();
	for (unsigned int i = 0; i < NR(sizes); i++) {
		struct outcome same = draw_all(sizes[i], false, 0);
		bool real = nr_files >= 2 * sizes[i];
		struct outcome of_real = real ? draw_all(sizes[i], true, 0) : same;

		printf("| %u | %u | ", nr_files, sizes[i]);
		printf(real ? "%.1f %%" : "-", 100.0 * of_real.wrong / DRAWS);
		printf(" | %.1f %% |", 100.0 * same.wrong / DRAWS);
		for (unsigned int l = 0; l < NR(longer); l++)
			printf(" %.1f %% |",
			       100.0 * draw_all(sizes[i], false, longer[l]).found / DRAWS);
		qsort(same.widths, DRAWS, sizeof(*same.widths), by_size);
		printf(" ±%.1f %% |\n", same.widths[DRAWS / 2]);
		fflush(stdout);
	}
	return 0;
}
