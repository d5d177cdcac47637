// SPDX-License-Identifier: GPL-2.0-only
#include "run/points.h"

#include <string.h>

#include "kvm/exits.h"

#define RARE_NUMBER 2 /* TRIPLE_FAULT on VMX, READ_CR2 on SVM */

void points_asked(const struct session *session, uint32_t *numbers)
{
	numbers[0] = session_cpuid_number(session);
	numbers[1] = RARE_NUMBER;
	numbers[2] = session->host->isa == EXIT_ISA_VMX ? 35 : FIRST_BEYOND;
}

void points_list_number(const struct session *session, struct list *list, uint32_t number)
{
	const struct leaf_numbers *leaves = &session->plan->leaves;

	list_add(list, leaves->exits, number);
	if (leaves->cycles)
		list_add(list, leaves->cycles, number);
}

static void list_totals_of(const struct session *session, struct list *list)
{
	const struct leaf_numbers *leaves = &session->plan->leaves;

	if (leaves->total_exits)
		list_add(list, leaves->total_exits, 0);
	if (leaves->total_cycles)
		list_add(list, leaves->total_cycles, 0);
}

void points_list(const struct session *session, struct list *list)
{
	unsigned int number;

	list_totals_of(session, list);
	for (unsigned int i = 0; exit_number(session->host->isa, i, &number); i++)
		if (number <= session->result->published.highest)
			points_list_number(session, list, number);
	list_totals_of(session, list);
}

/* Each vCPU asks for another number than its siblings, an undefined one among them. */
void points_list_mix(const struct session *session, struct list *list, unsigned int vcpu)
{
	uint32_t numbers[NR_ASKED];

	points_asked(session, numbers);
	for (unsigned int i = 0; i < 8 * NR_ASKED; i++)
		points_list_number(session, list, numbers[(vcpu + i / 8) % NR_ASKED]);
}

/* Exits of all VMs and of one, and their time. */
static void add_up(struct session *session, const struct vm *vm, struct published_point *point,
		   uint64_t *ns)
{
	const struct result *result = session->result;

	memset(point->vm, 0, sizeof(point->vm));
	memset(point->all, 0, sizeof(point->all));
	memset(ns, 0, sizeof(point->ns_before));
	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		const struct result_vcpu *vcpu = &result->vcpus[v];
		/* A VM that is no more has left its numbers. */
		const struct ec_vcpu *bpf =
			vcpu->bpf.count ? &vcpu->bpf : tracer_vcpu(session->tracer, vcpu->slot);

		for (unsigned int i = 0; bpf && i < EXIT_NR_INDICES; i++) {
			point->all[i] += bpf->reason[i].count;
			point->vm[i] += vcpu->vm == vm->number ? bpf->reason[i].count : 0;
			ns[i] += bpf->reason[i].ns;
		}
	}
}

void points_open(struct session *session, const struct vm *vm)
{
	add_up(session, vm, &session->point, session->point.ns_before);
}

int points_close(struct session *session, const struct vm *vm)
{
	struct published_point *to = published_add_point(&session->result->published), after;

	if (!to)
		return session_no_memory(session);
	*to = session->point;
	to->sweep = session->result->nr_sweeps - 1;
	add_up(session, vm, &after, to->ns_after);
	return 0;
}
