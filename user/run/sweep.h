/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SWEEP_H
#define SWEEP_H

/* Reads of leaves by a vCPU, with what the guest and eBPF had counted before and after. */

#include "run/list.h"
#include "run/session.h"

/* Starts a sweep: *sweep has what was known before it. The vCPU is idle. */
void sweep_open(struct session *session, const struct vm *vm, unsigned int vcpu,
		struct result_sweep *sweep);

/* Ends a sweep, the vCPU being idle again: records what was read. */
int sweep_close(struct session *session, const struct vm *vm, unsigned int vcpu,
		struct result_sweep *sweep, const struct list *list);

/* Runs a list on a vCPU; the VM's other vCPUs are idle. workload: the one just before, or -1. */
int sweep_run(struct session *session, const struct vm *vm, unsigned int vcpu,
	      const struct list *list, enum sweep_kind kind, int workload);

/* A sweep over all numbers; without leaves, of no reads: it records the counts. */
int sweep(struct session *session, const struct vm *vm, unsigned int vcpu, enum sweep_kind kind,
	  int workload);

/* What a vCPU's guest has executed so far, by operation. */
void copy_executed(const struct vm *vm, unsigned int vcpu, uint64_t *executed);

struct result_vcpu *result_vcpu(struct session *session, const struct vm *vm, unsigned int vcpu);

#endif
