// SPDX-License-Identifier: GPL-2.0-only
/* sched_getaffinity() and CPU_ISSET() */
#define _GNU_SOURCE
#include "run/several.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "run/clocks.h"
#include "run/command.h"
#include "run/published.h"
#include "run/sweep.h"
#include "kvm/kvm.h"
#include "kvm/vcpu.h"
#include "run/vm.h"
#include "util/affinity.h"
#include "util/random.h"

#define SMP_EXITS 20000
#define SMP_COMMAND 625
#define SMP_KEPT 8 /* turns whose reads are kept: memory does not grow with --smp-exits */
/* Of a vCPU, however short the run: twice as many as UNCOVERED needs, as some read leaves. */
#define LEAST_TURNS (2 * RESULT_VCPU_SPANS)
#define ISOLATION_EXITS 5000
#define MIGRATE_MOVES 100
#define MIGRATE_COMMAND 500
#define MIGRATE_MOVES_A_COMMAND 5
#define MIGRATE_PAUSE_US 1000
#define IDLE_MAX_MS 6000
/* KVM switches the accounting off a second after the last vCPU that has it went. */
#define SETTLE_NS 1200000000

/* ---- what the phases have in common ---- */

/* Whether the phase can run: there must be something to do. */
static bool has_work(struct session *session, enum result_phase phase)
{
	struct result_phase_info *info = &session->result->phase[phase];

	if (session->nr_mix || command_has_reads(session))
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

/* Whether that is all the work, and each vCPU had the turns that it needs. */
static bool is_enough(uint64_t done, uint64_t goal, unsigned int turns)
{
	return done >= goal && turns >= LEAST_TURNS;
}

/* ---- phase B ---- */

static int smp_load(struct session *session, const struct vm *vm)
{
	const uint64_t asked = session->plan->smp_exits;
	const uint64_t exits = asked ? asked : session_scaled(session, SMP_EXITS, 16);
	const uint64_t most = session_scaled(session, SMP_COMMAND, 1);
	const uint64_t share = exits / vm->nr_vcpus / LEAST_TURNS;
	const uint64_t each = share < most ? share : most;
	struct command *commands = calloc(vm->nr_vcpus, sizeof(*commands));
	unsigned int first = random_next(&session->random) % 64, turn = first, kept = 0;
	int status = commands ? 0 : session_no_memory(session);

	/*
	 * Keeps every vCPU busy. In odd turns the vCPUs run different commands, so that leaves are
	 * read while others work; in even turns the same, so that shared counters would collide.
	 */
	while (!status && !is_enough(nr_executed(vm), exits, turn - first)) {
		const bool keep = turn - first < LEAST_TURNS ||
				  nr_executed(vm) >= exits / SMP_KEPT * kept;
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
	free(commands);
	return status;
}

/*
 * Leaves all vCPUs in their last exit until it has taken 4/3 * 2^32 cycles: a 32-bit counter is
 * then too low, and the sum of four exceeds 32 bits. Other VMs run meanwhile. Skipped in shortened
 * runs, and if it takes too long.
 */
static void begin_rest(struct session *session)
{
	const uint64_t khz = session->host->tsc_khz, ms = khz ? (1ull << 34) / 3 / khz : UINT64_MAX;

	session->rested_ns = clocks_read().ns;
	if (session_has_leaves(session) && !session->plan->count && ms < IDLE_MAX_MS)
		session->rested_ns += ms * 1000000;
}

/* Meanwhile one exit of the second vCPU's takes 5/4 * 2^31 cycles: negative, as a signed number of 32 bits. */
static int begin_long(struct session *session)
{
	const struct vm *vm = &session->several;
	const char *unsupported;

	if (session->rested_ns <= clocks_read().ns)
		return 0;
	test_vm_vcpu(vm->test_vm, 1)->shared->late_ns =
		(5ull << 29) * 1000000 / session->host->tsc_khz;
	session->has_long = true;
	return test_vm_start(vm->test_vm, 1, PROBE_LATE, 1, &unsupported, session->err);
}

int phase_smp(struct session *session)
{
	int status;

	if (!has_work(session, PHASE_SMP))
		return 0;
	if (session->plan->vcpus < 2) {
		struct result_phase_info *info = &session->result->phase[PHASE_SMP];

		snprintf(info->skipped, sizeof(info->skipped), "--vcpus %u", session->plan->vcpus);
		return 0;
	}
	session_progress("several vCPUs at full rate");
	status = vm_open(session, &session->several, PHASE_SMP, session->plan->vcpus, VM_USUAL);
	if (!status && session_has_published(session))
		status = published_sibling(session, &session->several);
	if (session_has_published(session))
		published_window_begin(session, WINDOW_SMP);
	if (!status)
		status = smp_load(session, &session->several);
	if (!status && session_has_published(session)) {
		status = sweep(session, &session->several, 0, SWEEP_FULL, -1);
		published_window_end(session, WINDOW_SMP);
	}
	begin_rest(session);
	return status ?: begin_long(session);
}

/* When they have rested, and would notice if KVM had taken the vCPUs of other VMs that went for theirs. */
static uint64_t rest_until(const struct session *session)
{
	const uint64_t settled = clocks_read().ns + SETTLE_NS;

	if (!session->result->contract.ran || session->plan->count || session->rested_ns > settled)
		return session->rested_ns;
	return settled;
}

int phase_smp_end(struct session *session, int status)
{
	if (!session->several.test_vm)
		return status;
	if (!status) {
		const uint64_t until = rest_until(session);
		const struct timespec rested = {
			.tv_sec = until / 1000000000,
			.tv_nsec = until % 1000000000,
		};

		session_progress("several vCPUs after a rest");
		/* A signal ends it; the sweep then reports the signal. */
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &rested, NULL);
		if (session->has_long)
			status = test_vm_wait(session->several.test_vm, 1, session->err);
	}
	for (unsigned int v = 0; v < session->several.nr_vcpus && !status; v++)
		status = sweep(session, &session->several, v, SWEEP_FULL, -1);
	session->result->phase[PHASE_SMP].ran = !status;
	return vm_close(session, &session->several, status);
}

/* ---- phase C ---- */

/* Keeps one vCPU of that VM busy until it has executed that much more. */
static int work(struct session *session, const struct vm *vm, uint64_t exits)
{
	const uint64_t goal = nr_executed(vm) + exits,
		       each = session_scaled(session, MIGRATE_COMMAND, 1);
	struct command command;
	int status = 0;

	for (unsigned int turn = 1; !status && !is_enough(nr_executed(vm), goal, turn - 1);
	     turn++) {
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
	const uint64_t each = session_scaled(session, MIGRATE_COMMAND, 1);
	struct command of_a = { 0 }, of_b = { 0 };
	int status = 0, late;

	for (unsigned int turn = 1;
	     !status && !is_enough(nr_executed(a) + nr_executed(b), goal, turn - 1); turn++) {
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

/* Whether KVM can account for a VM and keep it from the guest. */
static bool can_hide(const struct session *session, const struct vm *vm)
{
	return session_has_leaves(session) && session->plan->opt_in && session->nr_mix &&
	       session->host->exit_leaves != EXIT_LEAVES_ALL &&
	       test_vm_capability(vm->test_vm, false, KVM_CAP_X86_EXIT_LEAVES) &
		       KVM_X86_EXIT_LEAVES_HOST;
}

/* A VM that is accounted for the host alone, beside another one. */
static int work_hidden(struct session *session, const struct vm *beside, uint64_t exits)
{
	struct vm hidden;
	int status;

	if (!can_hide(session, beside))
		return 0;
	status = vm_open(session, &hidden, PHASE_ISOLATION, 1, VM_HIDDEN);
	if (!status)
		status = work_both(session, &hidden, beside, exits);
	if (!status)
		status = sweep(session, &hidden, 0, SWEEP_FULL, -1);
	return vm_close(session, &hidden, status);
}

int phase_isolation(struct session *session)
{
	const uint64_t exits = session_scaled(session, ISOLATION_EXITS, 8);
	struct vm first, second = { 0 };
	int status, late;

	if (!has_work(session, PHASE_ISOLATION))
		return 0;
	session_progress("two VMs at once, and a new one");
	status = vm_open(session, &first, PHASE_ISOLATION, 1, VM_USUAL);
	if (!status)
		status = vm_open(session, &second, PHASE_ISOLATION, 1, VM_USUAL);
	/* Counters of a CPU are to be none of a VM. */
	if (!status && session_has_published(session)) {
		published_pin(&first, 0);
		published_pin(&second, 0);
	}
	/* The first one idle while the second works ... */
	if (!status)
		status = sweep(session, &first, 0, SWEEP_FULL, -1);
	published_window_begin(session, WINDOW_VM);
	if (!status)
		status = work(session, &second, exits);
	if (!status)
		status = sweep(session, &first, 0, SWEEP_FULL, -1);
	published_window_end(session, WINDOW_VM);
	/* ... both at work ... */
	if (!status)
		status = work_both(session, &first, &second, exits);
	/* ... the first one beside a VM whose exits the host alone may see ... */
	if (!status)
		status = work_hidden(session, &first, exits / 2);
	if (!status)
		status = sweep(session, &first, 0, SWEEP_FULL, -1);
	if (!status)
		status = sweep(session, &second, 0, SWEEP_FULL, -1);
	/* ... and a new VM, which may reuse the second one's memory. */
	if (second.test_vm) {
		late = vm_close(session, &second, status);
		if (!status)
			status = late;
	}
	if (!status) {
		status = vm_open(session, &second, PHASE_ISOLATION, 1, VM_USUAL);
		if (!status)
			status = sweep(session, &second, 0, SWEEP_FULL, -1);
		status = vm_close(session, &second, status);
	}
	session->result->phase[PHASE_ISOLATION].ran = !status;
	return vm_close(session, &first, status);
}

/* ---- phase D ---- */

/*
 * Moves a thread to the next allowed CPU after *cpu. Drops CPUs that went offline or were taken
 * away; false once fewer than two are left.
 */
static bool move(pid_t tid, cpu_set_t *allowed, int *cpu)
{
	while (CPU_COUNT(allowed) >= 2) {
		do
			*cpu = (*cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(*cpu, allowed));
		if (affinity_pin(tid, *cpu))
			return true;
		CPU_CLR(*cpu, allowed);
	}
	return false;
}

static int migrate_load(struct session *session, const struct vm *vm, cpu_set_t *allowed,
			struct result_phase_info *info)
{
	const uint64_t each = session_scaled(session, MIGRATE_COMMAND, 1);
	const unsigned int goal = session_scaled(session, MIGRATE_MOVES, 4);
	struct command command = { 0 };
	bool can_move = true;
	int status = 0, cpu = -1;

	for (unsigned int turn = 0; !status && !is_enough(info->moves, can_move ? goal : 0, turn);
	     turn++) {
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
			 "only one CPU was left after %u of %u moves", info->moves, goal);
	return status;
}

int phase_migrate(struct session *session)
{
	struct result_phase_info *info = &session->result->phase[PHASE_MIGRATE];
	cpu_set_t allowed;
	struct vm vm;
	int status;

	if (!has_work(session, PHASE_MIGRATE))
		return 0;
	if (sched_getaffinity(0, sizeof(allowed), &allowed)) {
		snprintf(info->skipped, sizeof(info->skipped),
			 "this host has more CPUs than an affinity mask holds");
		return 0;
	}
	info->cpus = CPU_COUNT(&allowed);
	if (info->cpus < 2) {
		snprintf(info->skipped, sizeof(info->skipped),
			 "only one CPU is available, so no thread can move");
		return 0;
	}
	session_progress("a vCPU thread moved between CPUs");
	status = vm_open(session, &vm, PHASE_MIGRATE, 1, VM_USUAL);
	if (!status)
		status = migrate_load(session, &vm, &allowed, info);
	if (!status)
		status = sweep(session, &vm, 0, SWEEP_FULL, -1);
	info->ran = !status;
	return vm_close(session, &vm, status);
}
