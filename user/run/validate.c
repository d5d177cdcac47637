// SPDX-License-Identifier: GPL-2.0-only
/* sched_setaffinity() and CPU_SET() */
#define _GNU_SOURCE
#include "run/validate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "kvm/exits.h"
#include "kvm/kvm.h"
#include "kvm/test_vm.h"
#include "tracer/tracer.h"
#include "util/random.h"
#include "util/array.h"

#define BATCHES 5 /* of a workload: windows in which its cycles are compared */
#define SMP_EXITS 20000
#define SMP_COMMAND 625
#define SMP_KEPT 8 /* turns whose reads are kept: memory does not grow with --smp-exits */
#define ISOLATION_EXITS 5000
#define MIGRATE_MOVES 100
#define MIGRATE_COMMAND 500
#define MIGRATE_MOVES_A_COMMAND 5
#define MIGRATE_PAUSE_US 1000
#define RANDOM_UNDEFINED 1000
#define IDLE_MAX_MS 6000
#define CLOCKS_NS 50000000	  /* between two looks at the clocks: long against a look */
#define VMRUN_FAILURES 0xfffffffc /* the first of SVM's numbers for them */

/* A VM of which every event is known to the tracer. */
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
	struct vm several;  /* the VM of phase B, which ends after the others */
	uint64_t rested_ns; /* when its vCPUs have been in user space for long enough */
	/* Workloads that the phases with several vCPUs or VMs are made of. */
	enum probe_op mix[PROBE_NR_OPS];
	unsigned int nr_mix;
};

static int no_memory(struct session *session)
{
	return error_set(session->err, STATUS_CANNOT_RUN, "out of memory");
}

static void progress(const char *phase)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "exitcheck: %s ...\n", phase);
}

/* ---- numbers of executions ---- */

static bool is_prime(uint64_t n)
{
	for (uint64_t i = 2; i * i <= n; i++)
		if (n % i == 0)
			return false;
	return n > 1;
}

/* How often a workload runs: -n, or a prime near the table's count, so that no
 * two reasons have the same number by chance. */
static uint64_t workload_count(struct session *session, const struct workload *workload)
{
	uint64_t n = workload->count + random_next(&session->random) % (workload->count / 4 + 1);

	if (session->plan->count)
		return session->plan->count;
	while (!is_prime(n))
		n++;
	return n;
}

/* ---- clocks ---- */

/* The TSC and CLOCK_MONOTONIC at one instant: the closest of several pairs. */
static struct result_clock read_clocks(void)
{
	struct result_clock best = { 0 };
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 16; i++) {
		struct timespec now;
		uint64_t before = __rdtsc(), after;

		clock_gettime(CLOCK_MONOTONIC, &now);
		after = __rdtsc();
		if (after - before >= least)
			continue;
		least = after - before;
		best.tsc = before + (after - before) / 2;
		best.ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	}
	return best;
}

/*
 * Looks at the clocks again, unless it was done just now. By eBPF's clock, leaf and eBPF can be
 * compared only as long as that runs as before: others may slew it, or change its source.
 */
static void watch_clocks(struct session *session)
{
	struct result *result = session->result;
	struct result_clock now = read_clocks();
	char clocksource[sizeof(result->next_clocksource)];
	double khz;

	if (now.ns - session->clocks.ns < CLOCKS_NS)
		return;
	khz = (double)(now.tsc - session->clocks.tsc) / (double)(now.ns - session->clocks.ns) * 1e6;
	session->clocks = now;
	if (result->slowest_khz == 0 || khz < result->slowest_khz)
		result->slowest_khz = khz;
	if (khz > result->fastest_khz)
		result->fastest_khz = khz;
	host_read_clocksource(clocksource, sizeof(clocksource));
	if (!*result->next_clocksource && strcmp(clocksource, result->host.clocksource))
		memcpy(result->next_clocksource, clocksource, sizeof(clocksource));
}

/* ---- VMs ---- */

static struct result_vcpu *result_vcpu(struct session *session, const struct vm *vm,
				       unsigned int vcpu)
{
	return &session->result->vcpus[vm->first_vcpu + vcpu];
}

static void copy_executed(const struct vm *vm, unsigned int vcpu, uint64_t *executed)
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

/* ---- sweeps ---- */

/* A list of reads that is being written. */
struct list {
	struct probe_read *reads;
	unsigned int nr;
};

static void list_add(struct list *list, uint32_t function, uint32_t index)
{
	if (list->nr == PROBE_MAX_READS)
		return;
	list->reads[list->nr++] = (struct probe_read){ .function = function, .index = index };
}

static struct list list_begin(const struct vm *vm, unsigned int vcpu)
{
	return (struct list){ .reads = test_vm_reads(vm->test_vm, vcpu) };
}

/* Starts a sweep: *sweep has what was known before it. The vCPU is idle. */
static void sweep_open(struct session *session, const struct vm *vm, unsigned int vcpu,
		       struct result_sweep *sweep)
{
	watch_clocks(session);
	*sweep = (struct result_sweep){ .vcpu = vm->first_vcpu + vcpu, .workload = -1 };
	copy_executed(vm, vcpu, sweep->before);
	copy_bpf_counts(session, vm, vcpu, sweep->bpf_before);
	for (unsigned int other = 0; other < vm->nr_vcpus; other++)
		for (int op = 0; other != vcpu && op < PROBE_NR_OPS; op++)
			sweep->others[op] += test_vm_executed(vm->test_vm, other, op);
}

/* Ends a sweep, the vCPU being idle again: takes what was read down. */
static int sweep_close(struct session *session, const struct vm *vm, unsigned int vcpu,
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
		return no_memory(session);
	*to = *sweep;

	for (unsigned int i = 0; i < list->nr; i++) {
		unsigned int index = exit_index(session->host->isa, list->reads[i].index);
		const struct ec_reason *reason = &bpf->reason[index];
		struct result_time *time;

		if (list->reads[i].function != LEAF_VCPU_CYCLES || !reason->leaf_timed ||
		    index == EXIT_INDEX_OTHER)
			continue;
		time = result_add_time(result);
		if (!time)
			return no_memory(session);
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

/* Runs a list on a vCPU; the VM's other vCPUs are idle. */
static int sweep_run(struct session *session, const struct vm *vm, unsigned int vcpu,
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

static bool has_leaves(const struct session *session)
{
	return session->result->leaves == LEAVES_PRESENT;
}

static unsigned int cpuid_number(const struct session *session)
{
	unsigned int number = 0;

	exit_number(session->host->isa, op_exit_index(session->host->isa, PROBE_CPUID), &number);
	return number;
}

static void list_totals(struct list *list)
{
	list_add(list, LEAF_TOTAL_EXITS, 0);
	list_add(list, LEAF_VCPU_TOTAL_EXITS, 0);
	list_add(list, LEAF_TOTAL_CYCLES, 0);
	list_add(list, LEAF_VCPU_TOTAL_CYCLES, 0);
}

/* Every number that hardware reports, with the totals around. */
static void list_counts(struct session *session, struct list *list)
{
	unsigned int number;

	list_totals(list);
	for (unsigned int i = 0; exit_number(session->host->isa, i, &number); i++) {
		/* From bit 31 on they are software's, but for the last few. */
		if (number >> 31 && number < VMRUN_FAILURES)
			continue;
		list_add(list, LEAF_EXITS, number);
		list_add(list, LEAF_VCPU_EXITS, number);
	}
	list_totals(list);
}

/* CPUID's cycles, total, CPUID's cycles: a total of which the reads' own share is known. */
static void list_cycle_total(struct session *session, struct list *list, uint32_t function,
			     uint32_t total)
{
	list_add(list, function, cpuid_number(session));
	list_add(list, total, 0);
	list_add(list, function, cpuid_number(session));
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

/* A sweep over all numbers; without leaves, of no reads: it takes the counts down. */
static int sweep(struct session *session, const struct vm *vm, unsigned int vcpu,
		 enum sweep_kind kind, int workload)
{
	struct list list = list_begin(vm, vcpu);

	if (has_leaves(session) && kind == SWEEP_FULL)
		list_full(session, &list);
	else if (has_leaves(session) && kind == SWEEP_COUNTS)
		list_counts(session, &list);
	return sweep_run(session, vm, vcpu, &list, kind, workload);
}

/*
 * Has the guest start, so that all that it does for this is in what it had
 * executed before the sweeps; and look for the signature, as any reader must.
 */
static int start_guest(struct session *session, const struct vm *vm, unsigned int vcpu)
{
	struct list list = list_begin(vm, vcpu);

	list_add(&list, LEAF_DISCOVERY, 0);
	return sweep_run(session, vm, vcpu, &list, SWEEP_SOME, -1);
}

static int vm_open(struct session *session, struct vm *vm, enum result_phase phase,
		   unsigned int nr_vcpus, bool irqchip)
{
	const struct test_vm_config config = {
		.isa = session->host->isa,
		.nr_vcpus = nr_vcpus,
		.irqchip = irqchip,
		.opt_in = session->plan->opt_in,
		.timeout_ms = WORKLOAD_TIMEOUT_MS,
	};
	int status;

	*vm = (struct vm){
		.number = ++session->nr_vms,
		.first_vcpu = session->result->nr_vcpus,
		.nr_vcpus = nr_vcpus,
	};
	status = test_vm_create(&vm->test_vm, &config, session->err);
	for (unsigned int i = 0; !status && i < nr_vcpus; i++) {
		struct result_vcpu *vcpu = result_add_vcpu(session->result);

		if (!vcpu)
			return no_memory(session);
		vcpu->phase = phase;
		vcpu->vm = vm->number;
		vcpu->id = i;
		status = tracer_register(session->tracer, vm->number, i,
					 test_vm_tid(vm->test_vm, i), &vcpu->slot, session->err);
	}
	for (unsigned int i = 0; !status && i < nr_vcpus; i++)
		status = start_guest(session, vm, i);
	return status;
}

/* Takes down what is known at the end, and destroys the VM. */
static int vm_close(struct session *session, struct vm *vm, int status)
{
	for (unsigned int i = 0; !status && i < vm->nr_vcpus; i++) {
		struct result_vcpu *vcpu = result_vcpu(session, vm, i);
		struct error none; /* a missing statistic is for the check to say */

		copy_executed(vm, i, vcpu->executed);
		vcpu->bpf = *tracer_vcpu(session->tracer, vcpu->slot);
		vcpu->has_stat = !test_vm_stat_exits(vm->test_vm, i, &vcpu->stat_exits, &none);
	}
	test_vm_destroy(vm->test_vm);
	vm->test_vm = NULL;
	return status;
}

/* ---- work ---- */

static int run_op(struct session *session, const struct vm *vm, unsigned int vcpu, enum probe_op op,
		  uint64_t count, const char **unsupported)
{
	uint64_t limit = workload_command_limit(op);

	*unsupported = NULL;
	while (count && !*unsupported) {
		uint64_t part = count < limit ? count : limit;
		int status = test_vm_run(vm->test_vm, vcpu, op, part, unsupported, session->err);

		if (status)
			return status;
		count -= part;
	}
	return 0;
}

/* ---- phase A: one vCPU ---- */

static const uint32_t reserved_indices[] = { 2, 3, 4, 0xff, 0x7fffffff, 0x80000000, 0xffffffff };

static enum leaves_state why_no_leaves(const struct session *session, const struct vm *vm)
{
	switch (session->host->exit_leaves) {
	case EXIT_LEAVES_ABSENT:
		return LEAVES_UNPATCHED;
	case EXIT_LEAVES_OFF:
		return LEAVES_OFF;
	case EXIT_LEAVES_OPTIN:
		if (!session->plan->opt_in)
			return LEAVES_NOT_ASKED;
		return test_vm_opted_in(vm->test_vm) ? LEAVES_MISSING : LEAVES_REFUSED;
	case EXIT_LEAVES_ALL:
		break;
	}
	return LEAVES_MISSING;
}

/* Of those that KVM passes on as they are. */
static const uint32_t ordinary_leaves[] = { 0, 0x80000000, 0x80000001, 0x80000002, 0x80000008 };

_Static_assert(NR(ordinary_leaves) <= RESULT_MAX_GIVEN, "room for what is given");

/*
 * Leaves that must be as ever: some that the guest was given; and one that nobody
 * defines, with the highest basic leaf, which on some CPUs answers for it.
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
	if (has_leaves(session))
		return read_ordinary(session, vm, list.reads[basic].eax);

	/* What the leaves' numbers answer, beside a leaf that nobody defines. */
	list = list_begin(vm, 0);
	for (uint32_t index = 0; index < 4; index++)
		for (uint32_t leaf = LEAF_FIRST - 1; leaf <= LEAF_LAST; leaf++)
			list_add(&list, leaf, index);
	return sweep_run(session, vm, 0, &list, SWEEP_SOME, -1);
}

/* Cycles of the workload's own reason and of CPUID, to have a window between two of these. */
static int read_cycles(struct session *session, const struct vm *vm, unsigned int number,
		       int workload)
{
	struct list list = list_begin(vm, 0);

	if (!has_leaves(session))
		return 0;
	list_add(&list, LEAF_VCPU_CYCLES, number);
	if (number != cpuid_number(session))
		list_add(&list, LEAF_VCPU_CYCLES, cpuid_number(session));
	return sweep_run(session, vm, 0, &list, SWEEP_SOME, workload);
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
	int status;

	if (!entry)
		return no_memory(session);
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
	/* Without an exit of its own, it takes no cycles; CPUID's serve. */
	if (number < 0)
		number = cpuid_number(session);
	batches = count < BATCHES ? count : BATCHES;
	left = count;
	status = read_cycles(session, vm, number, index);
	for (uint64_t batch = batches; batch && !status && !unsupported; batch--) {
		uint64_t part = left / batch;

		status = run_op(session, vm, 0, workload->op, part, &unsupported);
		left -= part;
		if (!status)
			status = read_cycles(session, vm, number, index);
	}
	if (status)
		return status;
	entry->unsupported = unsupported;
	if (!unsupported && workload->truth == TRUTH_EXACT && !workload->slow &&
	    !workload->guest_debug && !workload->irqchip && !workload->nested)
		session->mix[session->nr_mix++] = workload->op;
	status = sweep(session, vm, 0, SWEEP_COUNTS, index);
	result->workloads[index].after = result->nr_sweeps - 1;
	return status;
}

/* Those of the other ISA are named only if they were asked for. */
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

/* Numbers around every bound, at the limits of 31 and 32 bits, and random undefined
 * ones; and totals with an index, which they ignore. */
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
	for (unsigned int i = 0; i < RANDOM_UNDEFINED;) {
		/* Small ones too: that is where an array would end. */
		uint32_t number = random_next(&session->random) >>
				  (32 + random_next(&session->random) % 24);

		if (exit_index(session->host->isa, number) != EXIT_INDEX_OTHER)
			continue;
		numbers[nr++] = number;
		i++;
	}
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

static int phase_single(struct session *session)
{
	struct vm vm;
	int status;

	progress("one vCPU: every workload, every exit number");
	status = vm_open(session, &vm, PHASE_SINGLE, 1, false);
	if (!status)
		status = test_vm_tsc_khz(vm.test_vm, &session->result->tsc_khz, session->err);
	if (!status)
		status = discover(session, &vm);
	if (!status)
		status = sweep(session, &vm, 0, SWEEP_FULL, -1);
	if (!status)
		status = run_workloads(session, &vm, false);
	if (!status && has_leaves(session))
		status = read_undefined(session, &vm);
	if (!status)
		status = sweep(session, &vm, 0, SWEEP_FULL, -1);
	session->result->phase[PHASE_SINGLE].ran = !status;
	return vm_close(session, &vm, status);
}

/* The rest of phase A: what needs another kind of VM. */
static int phase_irqchip(struct session *session)
{
	bool any = false;
	struct vm vm;
	int status;

	for (unsigned int i = 0; i < nr_workloads; i++)
		any |= is_chosen(session, i) && workloads[i].irqchip;
	if (!any)
		return 0;
	progress("one vCPU with KVM's own APIC");
	status = vm_open(session, &vm, PHASE_SINGLE, 1, true);
	if (!status)
		status = sweep(session, &vm, 0, SWEEP_FULL, -1);
	if (!status)
		status = run_workloads(session, &vm, true);
	if (!status)
		status = sweep(session, &vm, 0, SWEEP_FULL, -1);
	return vm_close(session, &vm, status);
}

/* ---- phases B to D: what they have in common ---- */

/* A command under way on a vCPU. */
struct command {
	bool running, reads;
	bool keep; /* what was read; eBPF has compared it in any case */
	struct result_sweep sweep;
	struct list list;
};

/* Leaves of the mix, VM-wide and of the vCPU. */
static struct list list_mix(struct session *session, const struct vm *vm, unsigned int vcpu)
{
	struct list list = list_begin(vm, vcpu);

	list_totals(&list);
	for (unsigned int i = 0; i < session->nr_mix; i++) {
		unsigned int number;

		exit_number(session->host->isa, op_exit_index(session->host->isa, session->mix[i]),
			    &number);
		list_add(&list, LEAF_EXITS, number);
		list_add(&list, LEAF_VCPU_EXITS, number);
	}
	list_add(&list, LEAF_VCPU_CYCLES, cpuid_number(session));
	list_totals(&list);
	return list;
}

/* Exits to user space cost ten times as much as those that KVM handles, so fewer serve. */
static uint64_t affordable(enum probe_op op, uint64_t count)
{
	static const enum probe_op dear[] = {
		PROBE_OUT,	 PROBE_IN,	   PROBE_OUTS, PROBE_INS,
		PROBE_MMIO_READ, PROBE_MMIO_WRITE, PROBE_HLT,
	};

	for (unsigned int i = 0; i < NR(dear); i++)
		if (op == dear[i])
			return count / 10 + 1;
	return count;
}

/* Starts some count exits on a vCPU: leaf reads, or one workload of the mix; which, turn says. */
static int command_start(struct session *session, const struct vm *vm, unsigned int vcpu,
			 struct command *command, unsigned int turn, uint64_t count)
{
	const char *unsupported = NULL;
	enum probe_op op;
	uint64_t passes;
	int status;

	*command = (struct command){ .running = true, .keep = true };
	/* Every third command reads leaves, if there are any. */
	command->reads = has_leaves(session) && (turn % 3 == 0 || !session->nr_mix);
	if (!command->reads) {
		op = session->mix[turn % session->nr_mix];
		status = test_vm_start(vm->test_vm, vcpu, op, affordable(op, count), &unsupported,
				       session->err);
	} else {
		sweep_open(session, vm, vcpu, &command->sweep);
		command->sweep.concurrent = vm->nr_vcpus > 1;
		command->list = list_mix(session, vm, vcpu);
		passes = count / command->list.nr;
		test_vm_set_nr_reads(vm->test_vm, vcpu, command->list.nr);
		status = test_vm_start(vm->test_vm, vcpu, PROBE_READ_LEAVES, passes ? passes : 1,
				       &unsupported, session->err);
	}
	if (status || unsupported)
		command->running = false;
	if (!status && unsupported)
		status = error_set(session->err, STATUS_CANNOT_RUN,
				   "a workload that ran on one vCPU does not on another: %s",
				   unsupported);
	return status;
}

static int command_wait(struct session *session, const struct vm *vm, unsigned int vcpu,
			struct command *command)
{
	int status;

	if (!command->running)
		return 0;
	command->running = false;
	status = test_vm_wait(vm->test_vm, vcpu, session->err);
	if (!status && command->reads && command->keep)
		status = sweep_close(session, vm, vcpu, &command->sweep, &command->list);
	return status;
}

/* Scales an amount of work down to what -n asks for. */
static uint64_t scaled(const struct session *session, uint64_t amount, uint64_t per_execution)
{
	uint64_t n = session->plan->count;

	return n && n * per_execution < amount ? n * per_execution : amount;
}

/* Whether the phase can run: there must be something to do. */
static bool has_work(struct session *session, enum result_phase phase)
{
	struct result_phase_info *info = &session->result->phase[phase];

	if (session->nr_mix || has_leaves(session))
		return true;
	snprintf(info->skipped, sizeof(info->skipped),
		 "none of the workloads that ran can be exact under load");
	return false;
}

static uint64_t nr_executed(const struct vm *vm)
{
	uint64_t sum = 0;

	for (unsigned int vcpu = 0; vcpu < vm->nr_vcpus; vcpu++)
		for (int op = 0; op < PROBE_NR_OPS; op++)
			sum += test_vm_executed(vm->test_vm, vcpu, op);
	return sum;
}

/* ---- phase B ---- */

static int smp_load(struct session *session, const struct vm *vm)
{
	const uint64_t asked = session->plan->smp_exits;
	const uint64_t exits = asked ? asked : scaled(session, SMP_EXITS, 16);
	const uint64_t each = scaled(session, SMP_COMMAND, 1);
	struct command commands[TEST_VM_MAX_VCPUS] = { 0 };
	unsigned int turn = random_next(&session->random) % 64, kept = 0;
	int status = 0;

	/*
	 * Each vCPU has its next command as soon as its turn to be looked at comes: by turns
	 * the same as the others', so that they would meet in a counter that they share, and
	 * another one, so that leaves are read while the others do something else.
	 */
	while (!status && nr_executed(vm) < exits) {
		const bool keep = nr_executed(vm) >= exits / SMP_KEPT * kept;
		bool reads = false;

		for (unsigned int v = 0; v < vm->nr_vcpus && !status; v++) {
			status = command_wait(session, vm, v, &commands[v]);
			if (!status)
				status = command_start(session, vm, v, &commands[v],
						       turn % 2 ? turn + v : turn, each);
			commands[v].keep = keep;
			reads |= commands[v].reads;
		}
		kept += keep && reads;
		turn++;
	}
	for (unsigned int v = 0; v < vm->nr_vcpus && !status; v++)
		status = command_wait(session, vm, v, &commands[v]);
	return status;
}

/*
 * After their last command all vCPUs stay in user space, in the exit that ended it, until it has
 * taken four thirds of the cycles that 32 bits hold: a counter of these is too low then, and the sum
 * over four such counters too large for 32 bits. The phases with other VMs come meanwhile. Not for
 * shortened runs, nor where it takes too long.
 */
static void begin_rest(struct session *session)
{
	const uint64_t khz = session->result->tsc_khz,
		       ms = khz ? (1ull << 34) / 3 / khz : UINT64_MAX;

	session->rested_ns = read_clocks().ns;
	if (has_leaves(session) && !session->plan->count && ms < IDLE_MAX_MS)
		session->rested_ns += ms * 1000000;
}

static int phase_smp(struct session *session)
{
	int status;

	if (!has_work(session, PHASE_SMP))
		return 0;
	if (session->plan->vcpus < 2) {
		struct result_phase_info *info = &session->result->phase[PHASE_SMP];

		snprintf(info->skipped, sizeof(info->skipped), "--vcpus %u", session->plan->vcpus);
		return 0;
	}
	progress("several vCPUs at full rate");
	status = vm_open(session, &session->several, PHASE_SMP, session->plan->vcpus, false);
	if (!status)
		status = smp_load(session, &session->several);
	begin_rest(session);
	return status;
}

static int phase_smp_end(struct session *session, int status)
{
	if (!session->several.test_vm)
		return status;
	if (!status) {
		const struct timespec rested = {
			.tv_sec = session->rested_ns / 1000000000,
			.tv_nsec = session->rested_ns % 1000000000,
		};

		progress("several vCPUs after a rest");
		/* A signal ends it, and the sweep then says that it came. */
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &rested, NULL);
	}
	for (unsigned int v = 0; v < session->several.nr_vcpus && !status; v++)
		status = sweep(session, &session->several, v, SWEEP_FULL, -1);
	session->result->phase[PHASE_SMP].ran = !status;
	return vm_close(session, &session->several, status);
}

/* ---- phase C ---- */

/* Work on one vCPU of that VM, until it has executed so much more. */
static int work(struct session *session, const struct vm *vm, uint64_t exits)
{
	const uint64_t goal = nr_executed(vm) + exits, each = scaled(session, MIGRATE_COMMAND, 1);
	struct command command;
	int status = 0;

	for (unsigned int turn = 1; !status && nr_executed(vm) < goal; turn++) {
		status = command_start(session, vm, 0, &command, turn, each);
		if (!status)
			status = command_wait(session, vm, 0, &command);
	}
	return status;
}

/* Both VMs at the same time. */
static int work_both(struct session *session, const struct vm *a, const struct vm *b,
		     uint64_t exits)
{
	const uint64_t goal = nr_executed(a) + nr_executed(b) + exits;
	const uint64_t each = scaled(session, MIGRATE_COMMAND, 1);
	struct command of_a = { 0 }, of_b = { 0 };
	int status = 0, late;

	for (unsigned int turn = 1; !status && nr_executed(a) + nr_executed(b) < goal; turn++) {
		status = command_start(session, a, 0, &of_a, turn, each);
		if (!status)
			status = command_start(session, b, 0, &of_b, turn + 1, each);
		late = command_wait(session, a, 0, &of_a);
		if (!late)
			late = command_wait(session, b, 0, &of_b);
		if (!status)
			status = late;
	}
	return status;
}

static int phase_isolation(struct session *session)
{
	const uint64_t exits = scaled(session, ISOLATION_EXITS, 8);
	struct vm first, second = { 0 };
	int status, late;

	if (!has_work(session, PHASE_ISOLATION))
		return 0;
	progress("two VMs at once, and a new one");
	status = vm_open(session, &first, PHASE_ISOLATION, 1, false);
	if (!status)
		status = vm_open(session, &second, PHASE_ISOLATION, 1, false);
	/* The first one idle while the second works ... */
	if (!status)
		status = sweep(session, &first, 0, SWEEP_FULL, -1);
	if (!status)
		status = work(session, &second, exits);
	if (!status)
		status = sweep(session, &first, 0, SWEEP_FULL, -1);
	/* ... both at work ... */
	if (!status)
		status = work_both(session, &first, &second, exits);
	if (!status)
		status = sweep(session, &first, 0, SWEEP_FULL, -1);
	if (!status)
		status = sweep(session, &second, 0, SWEEP_FULL, -1);
	/* ... and one that may get the memory of the second. */
	if (second.test_vm) {
		late = vm_close(session, &second, status);
		if (!status)
			status = late;
	}
	if (!status) {
		status = vm_open(session, &second, PHASE_ISOLATION, 1, false);
		if (!status)
			status = sweep(session, &second, 0, SWEEP_FULL, -1);
		status = vm_close(session, &second, status);
	}
	session->result->phase[PHASE_ISOLATION].ran = !status;
	return vm_close(session, &first, status);
}

/* ---- phase D ---- */

/*
 * Moves a thread to the next allowed CPU after *cpu. One that has gone offline, or was taken away
 * from us, is allowed no more: false once there are not two left.
 */
static bool move(pid_t tid, cpu_set_t *allowed, int *cpu)
{
	cpu_set_t one;

	while (CPU_COUNT(allowed) >= 2) {
		do
			*cpu = (*cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(*cpu, allowed));
		CPU_ZERO(&one);
		CPU_SET(*cpu, &one);
		if (!sched_setaffinity(tid, sizeof(one), &one))
			return true;
		CPU_CLR(*cpu, allowed);
	}
	return false;
}

static int migrate_load(struct session *session, const struct vm *vm, cpu_set_t *allowed,
			struct result_phase_info *info)
{
	const uint64_t each = scaled(session, MIGRATE_COMMAND, 1);
	const unsigned int goal = scaled(session, MIGRATE_MOVES, 4);
	struct command command = { 0 };
	bool can_move = true;
	int status = 0, cpu = -1;

	for (unsigned int turn = 0; !status && can_move && info->moves < goal; turn++) {
		status = command_start(session, vm, 0, &command, turn, each);
		for (int i = 0; i < MIGRATE_MOVES_A_COMMAND && !status && can_move; i++) {
			can_move = move(test_vm_tid(vm->test_vm, 0), allowed, &cpu);
			info->moves += can_move;
			usleep(MIGRATE_PAUSE_US);
		}
		if (!status)
			status = command_wait(session, vm, 0, &command);
	}
	if (!can_move)
		snprintf(info->skipped, sizeof(info->skipped),
			 "after %u of %u moves only one CPU was left to move a thread to",
			 info->moves, goal);
	return status;
}

static int phase_migrate(struct session *session)
{
	struct result_phase_info *info = &session->result->phase[PHASE_MIGRATE];
	cpu_set_t allowed;
	struct vm vm;
	int status;

	if (!has_work(session, PHASE_MIGRATE))
		return 0;
	if (sched_getaffinity(0, sizeof(allowed), &allowed)) {
		snprintf(info->skipped, sizeof(info->skipped),
			 "there are more CPUs than a thread's affinity can say here");
		return 0;
	}
	info->cpus = CPU_COUNT(&allowed);
	if (info->cpus < 2) {
		snprintf(info->skipped, sizeof(info->skipped),
			 "there is one CPU only to move a thread to");
		return 0;
	}
	progress("a vCPU thread moved between CPUs");
	status = vm_open(session, &vm, PHASE_MIGRATE, 1, false);
	if (!status)
		status = migrate_load(session, &vm, &allowed, info);
	if (!status)
		status = sweep(session, &vm, 0, SWEEP_FULL, -1);
	info->ran = !status;
	return vm_close(session, &vm, status);
}

/* ---- the whole ---- */

static void take_losses_down(struct session *session)
{
	struct result *result = session->result;
	const struct ec_mismatch *mismatches;
	unsigned long long missed = 0;
	struct error none;
	unsigned int nr;

	result->stats = *tracer_stats(session->tracer);
	mismatches = tracer_mismatches(session->tracer, &nr);
	result->nr_mismatches = nr < EC_MAX_MISMATCHES ? nr : EC_MAX_MISMATCHES;
	memcpy(result->mismatches, mismatches, result->nr_mismatches * sizeof(*mismatches));
	result->has_missed = !tracer_missed(session->tracer, &missed, &none);
	result->missed = missed;
}

static int run_phases(struct session *session)
{
	int status;

	tracer_gate(session->tracer, true);
	session->result->begin = session->clocks = read_clocks();
	status = phase_single(session);
	if (!status)
		status = phase_irqchip(session);
	if (!status)
		status = phase_smp(session);
	if (!status)
		status = phase_isolation(session);
	if (!status)
		status = phase_migrate(session);
	status = phase_smp_end(session, status);
	watch_clocks(session);
	session->result->end = read_clocks();
	tracer_gate(session->tracer, false);
	if (!status)
		take_losses_down(session);
	return status;
}

int validate(const struct host *host, const struct run_plan *plan, struct result **result,
	     struct error *err)
{
	struct session session = { .host = host, .plan = plan, .err = err };
	const struct tracer_config config = {
		.isa = host->isa,
		.path = plan->path,
		/* One vCPU, one with an APIC, several, three VMs in turn, and the one that is moved. */
		.nr_slots = 2 + plan->vcpus + 3 + 1,
	};
	int status = 0, kvm_fd;

	session.result = result_create();
	if (!session.result)
		return no_memory(&session);
	session.result->host = *host;
	session.result->started = time(NULL);
	session.result->seed = plan->has_seed ? plan->seed : random_seed();
	session.result->count = plan->count;
	session.result->opt_in = plan->opt_in;
	session.random = session.result->seed;

	/* Open until the end, it keeps KVM's modules from being replaced between two VMs. */
	kvm_fd = open(DEV_KVM, O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0)
		status = system_error(err, "open " DEV_KVM, errno);
	progress("loading the eBPF program");
	if (!status)
		status = tracer_create(&session.tracer, &config, err);
	if (!status) {
		session.result->tracer_path = tracer_path_name(session.tracer);
		status = run_phases(&session);
		session.result->seconds =
			(double)(session.result->end.ns - session.result->begin.ns) / 1e9;
		tracer_destroy(session.tracer);
	}
	if (kvm_fd >= 0)
		close(kvm_fd);
	if (status)
		result_destroy(session.result);
	else
		*result = session.result;
	return status;
}
