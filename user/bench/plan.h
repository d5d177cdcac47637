/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "kvm/workload.h"
#include "tracer/tracer.h"

#define BENCH_MAX_OBSERVERS 16
#define BENCH_MAX_VMS 16

/* Which VMs have the leaves, and so are counted by the patch. */
enum bench_leaves {
	BENCH_LEAVES_NONE,  /* no VM */
	BENCH_LEAVES_OTHER, /* one that is idle; none of those that are measured */
	BENCH_LEAVES_OWN,   /* those that are measured */
};

/* A way of watching. */
struct bench_observer {
	const char *name; /* as given to --observer */
	enum bench_leaves leaves;
	bool ebpf;
	enum tracer_path path; /* of the eBPF program */
	enum tracer_clock clock;
	bool details; /* it tells the exits of a reason apart */
	bool split;   /* it has the parts of their time */
	bool audit;   /* it compares each exit with KVM's own account */
	const char *help;
};

/* The first one is the baseline: no observer. */
extern const struct bench_observer bench_observers[];
extern const unsigned int nr_bench_observers;

/* NULL if there is none of that name. */
const struct bench_observer *bench_observer_find(const char *name);

/* A workload of bench alone: reads of a leaf, one CPUID each. */
struct bench_read {
	struct workload workload;
	uint32_t leaf;
};

#define BENCH_NR_READS 2
extern const struct bench_read bench_reads[BENCH_NR_READS];

/* What a bench is to measure. */
struct bench_plan {
	struct workload_choice workloads;
	unsigned int leaf_reads; /* bits as in bench_reads[]; all if no workload was chosen either */
	unsigned int observers;	 /* bits as in bench_observers[], 0: all of them */
	uint64_t count;		 /* executions for a sample, 0: the default */
	unsigned int rounds, vcpus, vms;
	bool has_seed;
	uint64_t seed;
};

#endif
