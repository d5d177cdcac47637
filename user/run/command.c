// SPDX-License-Identifier: GPL-2.0-only
#include "run/command.h"

#include "kvm/exits.h"
#include "kvm/workload.h"
#include "run/points.h"
#include "run/sweep.h"
#include "run/vm.h"

struct list command_list(struct session *session, const struct vm *vm, unsigned int vcpu)
{
	struct list list = list_begin(vm, vcpu);

	if (session_has_published(session)) {
		points_list_mix(session, &list, vcpu);
		return list;
	}
	list_totals(&list);
	for (unsigned int i = 0; i < session->nr_mix; i++) {
		unsigned int number;

		exit_number(session->host->isa, op_exit_index(session->host->isa, session->mix[i]),
			    &number);
		list_add(&list, LEAF_EXITS, number);
		list_add(&list, LEAF_VCPU_EXITS, number);
	}
	list_add(&list, LEAF_VCPU_CYCLES, session_cpuid_number(session));
	list_totals(&list);
	return list;
}

/* Exits to user space cost ten times as much as others, so fewer serve; enough to be measured. */
static uint64_t affordable(enum probe_op op, uint64_t count)
{
	if (op_leaves_kvm(op))
		count = count / 10 + 1;
	return count > RESULT_SPAN_EXITS ? count : RESULT_SPAN_EXITS;
}

bool command_has_reads(const struct session *session)
{
	return session_has_leaves(session) || session_has_published(session);
}

int command_read(struct session *session, const struct vm *vm, unsigned int vcpu,
		 struct command *command, uint64_t count)
{
	const char *unsupported;
	uint64_t passes;
	int status;

	*command = (struct command){ .reads = true, .keep = true };
	sweep_open(session, vm, vcpu, &command->sweep);
	command->sweep.concurrent = vm->nr_vcpus > 1;
	command->list = command_list(session, vm, vcpu);
	passes = count / command->list.nr;
	test_vm_set_nr_reads(vm->test_vm, vcpu, command->list.nr);
	status = test_vm_start(vm->test_vm, vcpu, PROBE_READ_LEAVES, passes ? passes : 1,
			       &unsupported, session->err);
	command->running = !status;
	return status;
}

int command_execute(struct session *session, const struct vm *vm, unsigned int vcpu,
		    struct command *command, enum probe_op op, uint64_t count)
{
	const char *unsupported = NULL;
	int status;

	*command = (struct command){ .keep = true, .op = op };
	status = test_vm_start(vm->test_vm, vcpu, op, count, &unsupported, session->err);
	command->running = !status && !unsupported;
	if (!status && unsupported)
		status = error_set(session->err, STATUS_CANNOT_RUN,
				   "a workload that ran on one vCPU does not on another: %s",
				   unsupported);
	return status;
}

int command_start(struct session *session, const struct vm *vm, unsigned int vcpu,
		  struct command *command, unsigned int turn, uint64_t count)
{
	enum probe_op op;

	/* Every third command reads leaves, if there are any. */
	if (command_has_reads(session) && !session_hides_from(session, vm) &&
	    (turn % 3 == 0 || !session->nr_mix))
		return command_read(session, vm, vcpu, command, count);
	op = session->mix[turn % session->nr_mix];
	return command_execute(session, vm, vcpu, command, op, affordable(op, count));
}

int command_wait(struct session *session, const struct vm *vm, unsigned int vcpu,
		 struct command *command)
{
	int status;

	if (!command->running)
		return 0;
	command->running = false;
	status = test_vm_wait(vm->test_vm, vcpu, session->err);
	if (!status && command->reads && command->keep)
		status = sweep_close(session, vm, vcpu, &command->sweep, &command->list);
	else if (!status && command->keep)
		status = vm_record_span(session, vm, vcpu, command->op);
	return status;
}
