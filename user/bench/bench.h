/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCH_H
#define BENCH_H

/*
 * The cost of each observer: the same work runs under each in turn, in a new random order every
 * round. bench.c collects it, document.c makes the JSON document.
 */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "bench/plan.h"
#include "kvm/host.h"
#include "util/error.h"

#define BENCH_MAX_WORKLOADS (WORKLOADS_MAX + BENCH_NR_READS)

/* How one of them fared. */
struct bench_watch {
	const struct bench_observer *observer;
	struct error skipped; /* why it did not run, "" if it did */
	uint64_t exits;	      /* of all vCPUs in all rounds, by KVM's own statistic */
	uint64_t counted;     /* the same, by the eBPF program, if that is part of it */
};

/* One item of work: a workload, or reads of a leaf. */
struct bench_work {
	const struct workload *workload;
	uint32_t leaf;		 /* of the reads, 0: it is none */
	uint64_t count;		 /* executions a round, by each vCPU */
	const char *unsupported; /* why it did not run, NULL if it did */
};

struct bench {
	struct host host;
	time_t started;
	double seconds;
	uint64_t seed;
	unsigned int rounds, vcpus, vms;
	char no_instructions[96]; /* why they could not be counted, "" if they were */
	struct bench_watch watches[BENCH_MAX_OBSERVERS];
	unsigned int nr_watches;
	struct bench_work works[BENCH_MAX_WORKLOADS];
	unsigned int nr_works;
	/* By work, watch and round: of one execution, mean of the round. */
	double *cycles, *instructions;
};

/* Measures. The caller destroys *bench; it is not set if that failed. */
int bench_run(const struct host *host, const struct bench_plan *plan, struct bench **bench,
	      struct error *err);
void bench_destroy(struct bench *bench);

/* The samples of a work under a watch: bench->rounds of them. */
double *bench_cycles(const struct bench *bench, unsigned int work, unsigned int watch);
double *bench_instructions(const struct bench *bench, unsigned int work, unsigned int watch);

/* Whether that work was done under that watch. */
bool bench_has(const struct bench *bench, unsigned int work, unsigned int watch);

/* Why no eBPF program was measured, where there was one to be; NULL: one was, or there was none. */
const char *bench_no_ebpf(const struct bench *bench);

/* The baseline of the other watches: the first that ran. */
unsigned int bench_base(const struct bench *bench);

#endif
