// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <string.h>

#include "kvm/workload.h"
#include "util/array.h"

#define MAX_COMMAND 20000
#define MAX_SLOW_COMMAND 1000

const struct workload *workload_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_workloads; i++)
		if (!strcmp(workloads[i].name, name))
			return &workloads[i];
	return NULL;
}

unsigned int workload_ops(const struct workload *workload)
{
	return workload->svm_numbers ? workload->svm_numbers : 1;
}

const struct workload *workload_of(enum probe_op op)
{
	unsigned int i;

	for (i = 0; i < nr_workloads; i++)
		if (op - workloads[i].op < workload_ops(&workloads[i]))
			return &workloads[i];
	return NULL;
}

bool workload_exists(const struct workload *workload, enum exit_isa isa)
{
	return workload_exit(workload, isa) != WORKLOAD_NONE;
}

int64_t workload_exit(const struct workload *workload, enum exit_isa isa)
{
	return isa == EXIT_ISA_VMX ? workload->vmx : workload->svm;
}

unsigned int op_exit_index(enum exit_isa isa, enum probe_op op)
{
	const struct workload *workload = workload_of(op);
	int64_t number = workload ? workload_exit(workload, isa) : -1;

	if (number < 0)
		return EXIT_INDEX_OTHER;
	return exit_index(isa, isa == EXIT_ISA_SVM ? number + (op - workload->op) : number);
}

bool op_touches_late(enum probe_op op)
{
	return op == PROBE_TOUCH_LATE || op == PROBE_TOUCH_HALTED;
}

bool op_touches(enum probe_op op)
{
	return op == PROBE_TOUCH || op_touches_late(op);
}

bool op_leaves_kvm(enum probe_op op)
{
	static const enum probe_op ops[] = {
		PROBE_OUT,	 PROBE_IN,	   PROBE_OUTS,	     PROBE_INS,
		PROBE_MMIO_READ, PROBE_MMIO_WRITE, PROBE_MMIO_SPLIT, PROBE_HLT,
	};

	for (unsigned int i = 0; i < NR(ops); i++)
		if (op == ops[i])
			return true;
	return false;
}

uint64_t workload_command_limit(enum probe_op op)
{
	const struct workload *workload = workload_of(op);

	if (op_touches(op))
		return PROBE_TOUCH_PAGES;
	return workload && workload->slow ? MAX_SLOW_COMMAND : MAX_COMMAND;
}
