// SPDX-License-Identifier: GPL-2.0-only
#include "run/sweep.h"

#include "kvm/exits.h"
#include "run/clocks.h"
#include "run/points.h"

#define VMRUN_FAILURES 0xfffffffc /* the first of SVM's numbers for them */

struct result_vcpu *result_vcpu(struct session *session, const struct vm *vm, unsigned int vcpu)
{
	return &session->result->vcpus[vm->first_vcpu + vcpu];
}

void copy_executed(const struct vm *vm, unsigned int vcpu, uint64_t *executed)
{
	for (int op = 0; op < PROBE_NR_OPS; op++)
		executed[op] = test_vm_executed(vm->test_vm, vcpu, op);
}

static void copy_bpf_counts(struct session *session, const struct vm *vm, unsigned int vcpu,
			    uint64_t *counts)
{
	const struct ec_vcpu *bpf =
		tracer_vcpu(session->tracer, result_vcpu(session, vm, vcpu)->slot);

	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++)
		counts[i] = bpf->reason[i].count;
}

void sweep_open(struct session *session, const struct vm *vm, unsigned int vcpu,
		struct result_sweep *sweep)
{
	clocks_check(session);
	*sweep = (struct result_sweep){ .vcpu = vm->first_vcpu + vcpu, .workload = -1 };
	copy_executed(vm, vcpu, sweep->before);
	copy_bpf_counts(session, vm, vcpu, sweep->bpf_before);
	if (session_has_published(session))
		points_open(session, vm);
	for (unsigned int other = 0; other < vm->nr_vcpus; other++)
		for (int op = 0; other != vcpu && op < PROBE_NR_OPS; op++)
			sweep->others[op] += test_vm_executed(vm->test_vm, other, op);
}

int sweep_close(struct session *session, const struct vm *vm, unsigned int vcpu,
		struct result_sweep *sweep, const struct list *list)
{
	struct result *result = session->result;
	const struct ec_vcpu *bpf =
		tracer_vcpu(session->tracer, result_vcpu(session, vm, vcpu)->slot);
	struct result_sweep *to;

	sweep->first_read = result->nr_reads;
	sweep->nr_reads = list->nr;
	copy_executed(vm, vcpu, sweep->after);
	copy_bpf_counts(session, vm, vcpu, sweep->bpf_after);
	to = result_add_sweep(result);
	if (!to || !result_add_reads(result, list->reads, list->nr))
		return session_no_memory(session);
	*to = *sweep;
	if (session_has_published(session))
		return points_close(session, vm);

	for (unsigned int i = 0; i < list->nr; i++) {
		unsigned int index = exit_index(session->host->isa, list->reads[i].index);
		const struct ec_reason *reason = &bpf->reason[index];
		struct result_time *time;

		if (list->reads[i].function != LEAF_VCPU_CYCLES || !reason->leaf_timed ||
		    index == EXIT_INDEX_OTHER)
			continue;
		time = result_add_time(result);
		if (!time)
			return session_no_memory(session);
		*time = (struct result_time){
			.vcpu = sweep->vcpu,
			.index = index,
			.cycles = reason->leaf_cycles,
			.ns = reason->leaf_ns,
			.timed = reason->leaf_timed,
		};
	}
	return 0;
}

int sweep_run(struct session *session, const struct vm *vm, unsigned int vcpu,
	      const struct list *list, enum sweep_kind kind, int workload)
{
	const char *unsupported = NULL;
	struct result_sweep sweep;
	int status;

	sweep_open(session, vm, vcpu, &sweep);
	sweep.kind = kind;
	sweep.workload = workload;
	test_vm_set_nr_reads(vm->test_vm, vcpu, list->nr);
	status = test_vm_run(vm->test_vm, vcpu, PROBE_READ_LEAVES, 1, &unsupported, session->err);
	if (status)
		return status;
	return sweep_close(session, vm, vcpu, &sweep, list);
}

/* Every number that hardware reports, with the totals around. */
static void list_counts(struct session *session, struct list *list)
{
	unsigned int number;

	list_totals(list);
	for (unsigned int i = 0; exit_number(session->host->isa, i, &number); i++) {
		/* Numbers with bit 31 set are software's, except the last few. */
		if (number >> 31 && number < VMRUN_FAILURES)
			continue;
		list_add(list, LEAF_EXITS, number);
		list_add(list, LEAF_VCPU_EXITS, number);
	}
	list_totals(list);
}

/* CPUID's cycles, total, CPUID's cycles: shows the share of the reads in the total. */
static void list_cycle_total(struct session *session, struct list *list, uint32_t function,
			     uint32_t total)
{
	list_add(list, function, session_cpuid_number(session));
	list_add(list, total, 0);
	list_add(list, function, session_cpuid_number(session));
}

static void list_full(struct session *session, struct list *list)
{
	unsigned int number;

	list_totals(list);
	list_cycle_total(session, list, LEAF_CYCLES, LEAF_TOTAL_CYCLES);
	list_cycle_total(session, list, LEAF_VCPU_CYCLES, LEAF_VCPU_TOTAL_CYCLES);
	for (unsigned int i = 0; exit_number(session->host->isa, i, &number); i++) {
		list_add(list, LEAF_EXITS, number);
		list_add(list, LEAF_VCPU_EXITS, number);
		list_add(list, LEAF_CYCLES, number);
		list_add(list, LEAF_VCPU_CYCLES, number);
	}
	list_cycle_total(session, list, LEAF_CYCLES, LEAF_TOTAL_CYCLES);
	list_cycle_total(session, list, LEAF_VCPU_CYCLES, LEAF_VCPU_TOTAL_CYCLES);
	list_totals(list);
}

int sweep(struct session *session, const struct vm *vm, unsigned int vcpu, enum sweep_kind kind,
	  int workload)
{
	struct list list = list_begin(vm, vcpu);

	if (session_has_published(session))
		points_list(session, &list);
	else if (session_hides_from(session, vm))
		kind = SWEEP_SOME;
	else if (session_has_leaves(session) && kind == SWEEP_FULL)
		list_full(session, &list);
	else if (session_has_leaves(session) && kind == SWEEP_COUNTS)
		list_counts(session, &list);
	return sweep_run(session, vm, vcpu, &list, kind, workload);
}
