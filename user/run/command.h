/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMMAND_H
#define COMMAND_H

/* Commands of vCPUs that run at the same time. */

#include "run/list.h"
#include "run/session.h"

/* A command under way on a vCPU. */
struct command {
	bool running, reads;
	bool keep; /* what was read or measured; eBPF has compared it in any case */
	enum probe_op op;
	struct result_sweep sweep;
	struct list list;
};

/* Whether there are leaves to read, ours or those of --leaves. */
bool command_has_reads(const struct session *session);

/* Starts count exits by leaf reads, or executions of op, on an idle vCPU. */
int command_read(struct session *session, const struct vm *vm, unsigned int vcpu,
		 struct command *command, uint64_t count);
int command_execute(struct session *session, const struct vm *vm, unsigned int vcpu,
		    struct command *command, enum probe_op op, uint64_t count);

/* Starts about count exits: leaf reads every third turn, or else a workload of the mix. */
int command_start(struct session *session, const struct vm *vm, unsigned int vcpu,
		  struct command *command, unsigned int turn, uint64_t count);

/* Waits for its end, if one is running. */
int command_wait(struct session *session, const struct vm *vm, unsigned int vcpu,
		 struct command *command);

/* Leaves of the mix, VM-wide and of the vCPU, in the vCPU's memory. */
struct list command_list(struct session *session, const struct vm *vm, unsigned int vcpu);

#endif
