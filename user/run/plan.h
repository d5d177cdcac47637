/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RUN_PLAN_H
#define RUN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "kvm/leaf_numbers.h"
#include "kvm/workload.h"
#include "tracer/tracer.h"

/* What a validation is to do. */
struct run_plan {
	struct workload_choice workloads;
	uint64_t count;	    /* executions of each, 0: each workload's own */
	unsigned int vcpus; /* of the multi-vCPU VM */
	uint64_t smp_exits; /* of that VM, 0: the default, scaled down with count */
	bool has_storm;	    /* it was asked for, of ... */
	unsigned int storm; /* ... so many seconds; without, there is a short one */
	bool has_seed;
	uint64_t seed;
	enum tracer_path path;
	bool opt_in; /* have KVM show the VMs the leaves */
	/* Of an implementation that is not ours; exits 0: ours. */
	struct leaf_numbers leaves;
};

#endif
