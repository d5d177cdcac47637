// SPDX-License-Identifier: GPL-2.0-only
#include "run/single.h"

#include "kvm/exits.h"
#include "run/published.h"
#include "run/sweep.h"
#include "run/vm.h"
#include "util/array.h"
#include "util/random.h"

#define BATCHES 5 /* of a workload: windows in which its cycles are compared */
#define RANDOM_UNDEFINED 1000

static bool is_prime(uint64_t n)
{
	for (uint64_t i = 2; i * i <= n; i++)
		if (n % i == 0)
			return false;
	return n > 1;
}

/*
 * Executions of a workload: -n, or a prime near the table's count, so that no two reasons share a
 * number by chance.
 */
static uint64_t workload_count(struct session *session, const struct workload *workload)
{
	uint64_t n = workload->count + random_next(&session->random) % (workload->count / 4 + 1);

	if (session->plan->count)
		return session->plan->count;
	while (!is_prime(n))
		n++;
	return n;
}

static const uint32_t reserved_indices[] = { 2, 3, 4, 0xff, 0x7fffffff, 0x80000000, 0xffffffff };

static enum leaves_state why_no_leaves(const struct session *session, const struct vm *vm)
{
	switch (session->host->exit_leaves) {
	case EXIT_LEAVES_ABSENT:
		return LEAVES_UNPATCHED;
	case EXIT_LEAVES_OFF:
		return LEAVES_OFF;
	case EXIT_LEAVES_OPTIN:
	case EXIT_LEAVES_HOST:
		if (!session->plan->opt_in)
			return LEAVES_NOT_ASKED;
		return test_vm_opted_in(vm->test_vm) ? LEAVES_MISSING : LEAVES_REFUSED;
	case EXIT_LEAVES_ALL:
		break;
	}
	return LEAVES_MISSING;
}

/* Ordinary leaves that KVM passes to the guest unchanged. */
static const uint32_t ordinary_leaves[] = { 0, 0x80000000, 0x80000001, 0x80000002, 0x80000008 };

_Static_assert(NR(ordinary_leaves) <= RESULT_MAX_GIVEN, "room for what is given");

/*
 * Reads ordinary leaves, which must not change: some that the guest was given; and an undefined
 * one, with the highest basic leaf, which answers for it on some CPUs.
 */
static int read_ordinary(struct session *session, const struct vm *vm, uint32_t highest)
{
	struct result *result = session->result;
	struct list list = list_begin(vm, 0);

	for (unsigned int i = 0; i < NR(ordinary_leaves); i++) {
		struct probe_read *given = &result->given[result->nr_given];

		*given = (struct probe_read){ .function = ordinary_leaves[i] };
		if (!test_vm_given_cpuid(vm->test_vm, given))
			continue;
		result->nr_given++;
		list_add(&list, ordinary_leaves[i], 0);
	}
	list_add(&list, highest, 0);
	list_add(&list, LEAF_FIRST - 1, 0);
	return sweep_run(session, vm, 0, &list, SWEEP_SOME, -1);
}

/* The signature first, always: without it the other leaves mean nothing. */
static int discover(struct session *session, const struct vm *vm)
{
	struct result *result = session->result;
	struct list list = list_begin(vm, 0);
	unsigned int basic;
	int status;

	list_add(&list, LEAF_DISCOVERY, 0);
	list_add(&list, LEAF_DISCOVERY, 1);
	for (unsigned int i = 0; i < NR(reserved_indices); i++)
		list_add(&list, LEAF_DISCOVERY, reserved_indices[i]);
	basic = list.nr;
	list_add(&list, 0, 0);
	list_add(&list, 0x40000000, 0);
	status = sweep_run(session, vm, 0, &list, SWEEP_SOME, -1);
	if (status)
		return status;
	leaf_discovery_decode(&list.reads[0], &list.reads[1], &result->discovery);
	result->leaves = result->discovery.present ? LEAVES_PRESENT : why_no_leaves(session, vm);
	if (session_has_leaves(session)) {
		session_measure(session, vm);
		return read_ordinary(session, vm, list.reads[basic].eax);
	}

	/* What the leaves answer, next to an undefined leaf. */
	list = list_begin(vm, 0);
	for (uint32_t index = 0; index < 4; index++)
		for (uint32_t leaf = LEAF_FIRST - 1; leaf <= LEAF_LAST; leaf++)
			list_add(&list, leaf, index);
	return sweep_run(session, vm, 0, &list, SWEEP_SOME, -1);
}

/* Reads the cycles of the workload's reason and of CPUID: two such reads make a window. */
static int read_cycles(struct session *session, const struct vm *vm, unsigned int number,
		       int workload)
{
	struct list list = list_begin(vm, 0);

	if (!session_has_leaves(session))
		return 0;
	list_add(&list, LEAF_VCPU_CYCLES, number);
	if (number != session_cpuid_number(session))
		list_add(&list, LEAF_VCPU_CYCLES, session_cpuid_number(session));
	return sweep_run(session, vm, 0, &list, SWEEP_SOME, workload);
}

/* How KVM's account of a reason's exits compares so far, and of all but the host's; of the VM's only vCPU. */
struct account {
	struct ec_audit audit, all;
};

static struct account account_so_far(struct session *session, const struct vm *vm,
				     unsigned int index)
{
	const struct ec_vcpu *vcpu =
		tracer_vcpu(session->tracer, result_vcpu(session, vm, 0)->slot);
	struct account account = { .audit = vcpu->reason[index].audit };

	for (int i = 0; i < EXIT_NR_INDICES; i++)
		if (!exit_is_hosts(session->host->isa, i))
			ec_audit_add(&account.all, &vcpu->reason[i].audit);
	return account;
}

static struct ec_audit audit_since(struct ec_audit audit, const struct ec_audit *before)
{
	for (unsigned int b = 0; b < EC_HIST_BUCKETS; b++)
		audit.bias[b] -= before->bias[b];
	audit.exceeded -= before->exceeded;
	audit.untimed -= before->untimed;
	audit.differed -= before->differed;
	return audit;
}

static int run_workload(struct session *session, const struct vm *vm,
			const struct workload *workload)
{
	struct result *result = session->result;
	struct result_workload *entry = result_add_workload(result);
	int index = result->nr_workloads - 1;
	int64_t number = workload_exit(workload, session->host->isa);
	uint64_t count = workload_count(session, workload), batches, left;
	const char *unsupported = NULL;
	struct account before, after;
	int status;

	if (!entry)
		return session_no_memory(session);
	*entry = (struct result_workload){
		.workload = workload,
		.count = count,
		.before = result->nr_sweeps - 1,
	};
	entry->after = entry->before;
	if (!workload_exists(workload, session->host->isa)) {
		entry->unsupported = workload->why;
		return 0;
	}
	/* A workload without an exit takes no cycles: use CPUID's. */
	if (number < 0)
		number = session_cpuid_number(session);
	entry->index = exit_index(session->host->isa, number);
	before = account_so_far(session, vm, entry->index);
	batches = count < BATCHES ? count : BATCHES;
	left = count;
	status = read_cycles(session, vm, number, index);
	for (uint64_t batch = batches; batch && !status && !unsupported; batch--) {
		uint64_t part = left / batch;

		status = vm_execute(session, vm, 0, workload->op, part, &unsupported);
		left -= part;
		if (!status)
			status = read_cycles(session, vm, number, index);
	}
	if (status)
		return status;
	after = account_so_far(session, vm, entry->index);
	entry->audit = audit_since(after.audit, &before.audit);
	entry->all = audit_since(after.all, &before.all);
	entry->unsupported = unsupported;
	if (!unsupported && workload->truth == TRUTH_EXACT && !workload->slow &&
	    !workload->guest_debug && !workload->irqchip && !workload->nested)
		session->mix[session->nr_mix++] = workload->op;
	status = sweep(session, vm, 0, SWEEP_COUNTS, index);
	result->workloads[index].after = result->nr_sweeps - 1;
	return status;
}

/* Workloads of the other ISA are listed only on request. */
static bool is_chosen(const struct session *session, unsigned int workload)
{
	return session->plan->workloads.nr ?
		       session->plan->workloads.chosen[workload] :
		       workload_exists(&workloads[workload], session->host->isa);
}

/* The chosen workloads that need such a VM. */
static int run_workloads(struct session *session, const struct vm *vm, bool irqchip)
{
	unsigned int order[WORKLOADS_MAX], nr = 0;
	int status = 0;

	for (unsigned int i = 0; i < nr_workloads; i++)
		if (is_chosen(session, i) && workloads[i].irqchip == irqchip)
			order[nr++] = i;
	random_shuffle(&session->random, order, nr);
	for (unsigned int i = 0; i < nr && !status; i++)
		status = run_workload(session, vm, &workloads[order[i]]);
	return status;
}

static const uint32_t number_leaves[] = { LEAF_EXITS, LEAF_CYCLES, LEAF_VCPU_EXITS,
					  LEAF_VCPU_CYCLES };

/* Any number; a small one, as an array may end there; or one that ends as a defined one does. */
static uint32_t random_number(struct session *session)
{
	const uint64_t random = random_next(&session->random);
	const unsigned int shift = random % 24;
	uint32_t number = random >> 32;
	unsigned int defined;

	if (random & 1 << 5 ||
	    !exit_number(session->host->isa, (random >> 8) % EXIT_INDEX_OTHER, &defined))
		return number >> shift;
	return defined ^ number << (8 + shift);
}

static uint32_t random_undefined(struct session *session)
{
	uint32_t number;

	do
		number = random_number(session);
	while (exit_index(session->host->isa, number) != EXIT_INDEX_OTHER);
	return number;
}

/*
 * Reads numbers around every bound, at the limits of 31 and 32 bits, and random undefined ones; and
 * totals with an index, which they ignore.
 */
static int read_undefined(struct session *session, const struct vm *vm)
{
	static const struct exit_range vmx[] = EXIT_RANGES_VMX, svm[] = EXIT_RANGES_SVM;
	const struct exit_range *ranges = session->host->isa == EXIT_ISA_SVM ? svm : vmx;
	uint32_t numbers[4 * NR(svm) + 3 + RANDOM_UNDEFINED];
	unsigned int nr = 0;
	int status = 0;

	for (unsigned int i = 0; i < NR(svm); i++) {
		numbers[nr++] = ranges[i].first - 1;
		numbers[nr++] = ranges[i].first;
		numbers[nr++] = ranges[i].last;
		numbers[nr++] = ranges[i].last + 1;
	}
	numbers[nr++] = 0x7fffffff;
	numbers[nr++] = 0x80000000;
	numbers[nr++] = 0xffffffff;
	for (unsigned int i = 0; i < RANDOM_UNDEFINED; i++)
		numbers[nr++] = random_undefined(session);
	for (unsigned int i = 0; i < nr && !status;) {
		struct list list = list_begin(vm, 0);

		for (; i < nr && list.nr + NR(number_leaves) + 4 <= PROBE_MAX_READS; i++)
			for (unsigned int leaf = 0; leaf < NR(number_leaves); leaf++)
				list_add(&list, number_leaves[leaf], numbers[i]);
		list_add(&list, LEAF_TOTAL_EXITS, random_next(&session->random));
		list_add(&list, LEAF_TOTAL_CYCLES, random_next(&session->random));
		list_add(&list, LEAF_VCPU_TOTAL_EXITS, random_next(&session->random));
		list_add(&list, LEAF_VCPU_TOTAL_CYCLES, random_next(&session->random));
		status = sweep_run(session, vm, 0, &list, SWEEP_SOME, -1);
	}
	return status;
}

int phase_single(struct session *session)
{
	struct vm vm;
	int status;

	session_progress("one vCPU: every workload, every exit number");
	status = vm_open(session, &vm, PHASE_SINGLE, 1, VM_USUAL);
	/* What a CPU of its own has is found out at the end. */
	if (!status && session->plan->leaves.exits)
		published_pin(&vm, 0);
	if (!status)
		status = session->plan->leaves.exits ? published_discover(session, &vm) :
						       discover(session, &vm);
	if (!status)
		status = sweep(session, &vm, 0, SWEEP_FULL, -1);
	if (!status)
		status = run_workloads(session, &vm, false);
	if (!status && session_has_leaves(session))
		status = read_undefined(session, &vm);
	if (!status && session_has_published(session))
		status = published_move(session, &vm);
	else if (!status)
		status = sweep(session, &vm, 0, SWEEP_FULL, -1);
	session->result->phase[PHASE_SINGLE].ran = !status;
	return vm_close(session, &vm, status);
}

int phase_irqchip(struct session *session)
{
	bool any = false;
	struct vm vm;
	int status;

	for (unsigned int i = 0; i < nr_workloads; i++)
		any |= is_chosen(session, i) && workloads[i].irqchip;
	if (!any)
		return 0;
	session_progress("one vCPU with KVM's own APIC");
	status = vm_open(session, &vm, PHASE_SINGLE, 1, VM_IRQCHIP);
	if (!status && session_has_published(session))
		published_pin(&vm, 0);
	if (!status)
		status = sweep(session, &vm, 0, SWEEP_FULL, -1);
	if (!status)
		status = run_workloads(session, &vm, true);
	if (!status)
		status = sweep(session, &vm, 0, SWEEP_FULL, -1);
	return vm_close(session, &vm, status);
}
