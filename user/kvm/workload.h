/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include "kvm/workload_table.h"

/* Some of the workloads, by the order of the table. */
struct workload_choice {
	bool chosen[WORKLOADS_MAX];
	unsigned int nr; /* 0: no choice was made, all of them */
};

/* NULL if there is none of that name. */
const struct workload *workload_find(const char *name);

/* How many operations it executes in turn: its own, and those that follow that. */
unsigned int workload_ops(const struct workload *workload);

/* The one of that operation; NULL for PROBE_READ_LEAVES and the like. */
const struct workload *workload_of(enum probe_op op);

/* What one command of a test VM may take, and the most executions that it may then ask for. */
#define WORKLOAD_TIMEOUT_MS 60000
uint64_t workload_command_limit(enum probe_op op);

/* The exit number on that ISA, the first of several; negative if it causes none there. */
int64_t workload_exit(const struct workload *workload, enum exit_isa isa);

/* The dense index of the exit that an operation causes, EXIT_INDEX_OTHER if it causes none. */
unsigned int op_exit_index(enum exit_isa isa, enum probe_op op);

/* Whether it touches fresh pages; and pages that user space provides late. */
bool op_touches(enum probe_op op);
bool op_touches_late(enum probe_op op);

/* Whether KVM leaves it to user space, in a VM without an APIC of KVM's own. */
bool op_leaves_kvm(enum probe_op op);

/* Whether it is one of that ISA, with an exit or without. */
bool workload_exists(const struct workload *workload, enum exit_isa isa);

#endif
