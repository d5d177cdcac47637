/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SYNTHETIC_BENCH_H
#define SYNTHETIC_BENCH_H

/* A bench made up for tests. */

#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/document.h"
#include "util/array.h"

#define SYNTHETIC_ROUNDS 7

/*
 * Two workloads, and an unsupported one, under all observers except the classic tracepoints: on a
 * machine that slows down, patch adds 31 cycles. NULL: no memory.
 */
static inline struct bench *synthetic_bench(void)
{
	static const struct {
		const char *name;
		unsigned int cycles;
	} added[] = { { "patch", 31 }, { "btf", 408 }, { "patch+btf", 437 } };
	struct bench *bench = calloc(1, sizeof(*bench));
	size_t nr;

	if (!bench)
		return NULL;
	bench->host = (struct host){
		.isa = EXIT_ISA_SVM,
		.exit_leaves = EXIT_LEAVES_OPTIN,
		.cpu = "Synthetic CPU",
		.kernel = "6.12.0",
		.nr_cpus = 2,
		.clocksource = "tsc",
	};
	bench->started = 1700000000;
	bench->seconds = 1.5;
	bench->host.tsc_khz = 1000000;
	bench->seed = UINT64_MAX;
	bench->rounds = SYNTHETIC_ROUNDS;
	bench->vcpus = bench->vms = 1;
	bench->nr_watches = nr_bench_observers;
	for (unsigned int i = 0; i < bench->nr_watches; i++) {
		bench->watches[i].observer = &bench_observers[i];
		if (strstr(bench_observers[i].name, "classic"))
			error_set(&bench->watches[i].skipped, STATUS_CANNOT_RUN, "no tracefs");
	}
	bench->nr_works = 3;
	bench->works[0] = (struct bench_work){ .workload = workload_find("cpuid"), .count = 2000 };
	bench->works[1] = (struct bench_work){ .workload = workload_find("out"), .count = 2000 };
	bench->works[2] = (struct bench_work){ .workload = workload_find("vmxon"),
					       .unsupported = "not on SVM" };
	snprintf(bench->no_instructions, sizeof(bench->no_instructions), "no counter");
	nr = (size_t)bench->nr_works * bench->nr_watches * SYNTHETIC_ROUNDS;
	bench->cycles = calloc(nr, sizeof(double));
	bench->instructions = calloc(nr, sizeof(double));
	if (!bench->cycles || !bench->instructions) {
		bench_destroy(bench);
		return NULL;
	}
	for (unsigned int work = 0; work < 2; work++)
		for (unsigned int watch = 0; watch < bench->nr_watches; watch++)
			for (unsigned int i = 0; i < SYNTHETIC_ROUNDS; i++) {
				double *cycles = &bench_cycles(bench, work, watch)[i];

				*cycles = 2000 + 3000 * work + 100 * i;
				for (unsigned int a = 0; a < NR(added); a++)
					if (!strcmp(bench_observers[watch].name, added[a].name))
						*cycles += added[a].cycles;
			}
	return bench;
}

/* Its document, or NULL. */
static inline json_t *synthetic_bench_document(void)
{
	struct bench *bench = synthetic_bench();
	json_t *document = bench ? bench_document(bench) : NULL;

	bench_destroy(bench);
	return document;
}

#endif
