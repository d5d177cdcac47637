// SPDX-License-Identifier: GPL-2.0-only
#include "run/session.h"

#include <stdio.h>
#include <unistd.h>

#include "kvm/exits.h"

int session_no_memory(struct session *session)
{
	return error_set(session->err, STATUS_CANNOT_RUN, "out of memory");
}

void session_progress(const char *phase)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "exitcheck: %s ...\n", phase);
}

bool session_has_leaves(const struct session *session)
{
	return session->result->leaves == LEAVES_PRESENT;
}

bool session_has_published(const struct session *session)
{
	return session->result->leaves == LEAVES_PUBLISHED;
}

bool session_hides_from(const struct session *session, const struct vm *vm)
{
	return session->result->vcpus[vm->first_vcpu].hidden;
}

void session_measure(const struct session *session, const struct vm *vm)
{
	const struct leaf_numbers *leaves = &session->plan->leaves;

	if (session_hides_from(session, vm))
		return;
	if (session_has_leaves(session))
		test_vm_measure(vm->test_vm, LEAF_VCPU_TOTAL_EXITS, LEAF_VCPU_TOTAL_CYCLES);
	else if (session_has_published(session) && leaves->total_exits && leaves->total_cycles)
		test_vm_measure(vm->test_vm, leaves->total_exits, leaves->total_cycles);
}

unsigned int session_cpuid_number(const struct session *session)
{
	unsigned int number = 0;

	exit_number(session->host->isa, op_exit_index(session->host->isa, PROBE_CPUID), &number);
	return number;
}

uint64_t session_scaled(const struct session *session, uint64_t amount, uint64_t per_execution)
{
	uint64_t n = session->plan->count;

	return n && n * per_execution < amount ? n * per_execution : amount;
}
