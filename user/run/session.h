/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SESSION_H
#define SESSION_H

/* A validation under way. */

#include <stdbool.h>

#include "kvm/test_vm.h"
#include "run/plan.h"
#include "run/result.h"
#include "tracer/tracer.h"
#include "util/error.h"

/* A VM whose every event the tracer sees. */
struct vm {
	struct test_vm *test_vm;
	unsigned int number;
	unsigned int first_vcpu, nr_vcpus; /* in result->vcpus */
};

struct session {
	const struct host *host;
	const struct run_plan *plan;
	struct tracer *tracer;
	struct result *result;
	struct error *err;
	uint64_t random;
	struct result_clock clocks; /* when they were looked at last */
	unsigned int nr_vms;
	struct vm several;	      /* the VM of phase B, which ends after the others */
	uint64_t rested_ns;	      /* when its vCPUs have rested long enough, see several.c */
	bool has_long;		      /* one of them is in an exit that takes long */
	struct cpu_switch *cpus;      /* of phase_storm(), NULL: none */
	struct published_point point; /* of the sweep under way, see points.c */
	/* The workloads that the phases with several vCPUs or VMs run. */
	enum probe_op mix[PROBE_NR_OPS];
	unsigned int nr_mix;
};

int session_no_memory(struct session *session);

/* Says on a terminal what comes next. */
void session_progress(const char *phase);

/* Whether the guests have the leaves, once the first one has looked: ours, or those of --leaves. */
bool session_has_leaves(const struct session *session);
bool session_has_published(const struct session *session);

/* Whether a VM's guest has no leaves, although KVM accounts for it. */
bool session_hides_from(const struct session *session, const struct vm *vm);

/* Has the guests measure their commands from now on, if there are leaves to do so. */
void session_measure(const struct session *session, const struct vm *vm);

/* The number of the exit that CPUID causes. */
unsigned int session_cpuid_number(const struct session *session);

/* An amount of work, scaled down to what -n asks for. */
uint64_t session_scaled(const struct session *session, uint64_t amount, uint64_t per_execution);

#endif
