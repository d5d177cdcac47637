// SPDX-License-Identifier: GPL-2.0-only
/* sched_getaffinity() and CPU_COUNT() */
#define _GNU_SOURCE
#include "run/storm.h"

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "kvm/guest/program.h"
#include "kvm/workload.h"
#include "run/clocks.h"
#include "run/command.h"
#include "run/cpu_switch.h"
#include "run/sweep.h"
#include "run/vm.h"
#include "util/affinity.h"

/* Of a storm that nobody asked for; less work where an exit takes long. */
#define STEPS 96
#define SHORT_NS 1500000000
#define LEAST_STEPS 32	   /* even if the host is so busy that they take ... */
#define LATE_NS 8000000000 /* ... so much longer */
#define SHORT_VMS 6
#define LONG_VMS 48 /* each takes memory until the report is written */
#define TRIAL_VMS 4
#define KEPT_READS 200 /* runs of leaf reads: eBPF has compared the others all the same */
#define PAUSE_US 500
#define WORK 160 /* operations of a program, to be at work amid what else happens */
#define SEEK_NS 4000000000
#define MAX_TRIALS 40
#define SLOW_COUNT 4

/* A place for a VM. */
struct place {
	struct vm vm; /* test_vm NULL: there is none */
	unsigned int room;
	struct command commands[STORM_VCPUS];
};

/* Some steps of a storm, from first to last. */
struct storm {
	struct session *session;
	struct result_storm *record;
	struct place places[STORM_PLACES];
	struct probe_program program;	 /* but for its seed */
	enum probe_op ops[PROBE_NR_OPS]; /* that can be run by themselves */
	unsigned int nr_ops;
	cpu_set_t allowed;
	uint64_t first, last, begun_ns, ns; /* ns: that it may take */
	unsigned int without;		    /* kinds that are left out, in bits */
	unsigned int most_vms, reads;
};

static struct result_phase_info *info_of(const struct storm *storm)
{
	return &storm->session->result->phase[PHASE_STORM];
}

/* What eBPF has found so far: wrong reads, and wrong exits. */
static uint64_t findings(const struct storm *storm)
{
	const struct ec_stats *stats = tracer_stats(storm->session->tracer);

	return stats->mismatches + stats->differences;
}

/* ---- VMs that come and go ---- */

/* How much was recorded before a VM. */
struct mark {
	unsigned int vcpus, sweeps, reads, times;
};

static struct mark mark(const struct result *result)
{
	return (struct mark){ result->nr_vcpus, result->nr_sweeps, result->nr_reads,
			      result->nr_times };
}

/* As if that VM had never been there. */
static void forget(struct session *session, struct vm *vm, const struct mark *before)
{
	test_vm_destroy(vm->test_vm);
	for (unsigned int v = 0; v < vm->nr_vcpus; v++)
		if (result_vcpu(session, vm, v)->slot != RESULT_NO_SLOT)
			tracer_retire(session->tracer, result_vcpu(session, vm, v)->slot);
	*vm = (struct vm){ 0 };
	session->result->nr_vcpus = before->vcpus;
	session->result->nr_sweeps = before->sweeps;
	session->result->nr_reads = before->reads;
	session->result->nr_times = before->times;
}

/* A new VM: of one vCPU up to as many as there is room for; the others come late. */
static int open_vm(struct storm *storm, struct place *place, const struct storm_step *step)
{
	struct session *session = storm->session;
	const struct mark before = mark(session->result);
	/* One in four has one vCPU, and of all others at least one comes late. */
	const unsigned int room = step->seed % 4 ? STORM_VCPUS - step->seed % 2 : 1;
	const unsigned int nr = room > 1 ? step->choice % (room - 1) + 1 : 1;
	int status;

	*place = (struct place){ .room = room };
	status = vm_begin(session, &place->vm, PHASE_STORM, room, VM_USUAL);
	for (unsigned int v = 0; v < nr && !status; v++)
		status = vm_add_vcpu(session, &place->vm);
	for (unsigned int v = 0; v < place->vm.nr_vcpus && !status; v++)
		status = vm_start_vcpu(session, &place->vm, v);
	if (!status) {
		storm->record->vms++;
		return 0;
	}
	if (status != STATUS_CANNOT_RUN)
		return status;
	/* What there is will do. */
	forget(session, &place->vm, &before);
	storm->most_vms = storm->record->vms;
	snprintf(info_of(storm)->skipped, sizeof(info_of(storm)->skipped),
		 "no more than %u VMs: %.60s", storm->most_vms, session->err->text);
	return 0;
}

static int wait_all(struct storm *storm, struct place *place)
{
	int status = 0;

	for (unsigned int v = 0; v < place->vm.nr_vcpus && !status; v++)
		status = command_wait(storm->session, &place->vm, v, &place->commands[v]);
	return status;
}

/* So that they come and go up to the end, however long that takes. */
static bool may_open(const struct storm *storm, double progress)
{
	return storm->record->vms <= STORM_PLACES + progress * (storm->most_vms - STORM_PLACES) &&
	       storm->record->vms < storm->most_vms;
}

/* ---- steps ---- */

/* Adds to what a vCPU was told to execute. */
static uint64_t *planned(const struct storm *storm, const struct place *place, unsigned int v)
{
	return result_vcpu(storm->session, &place->vm, v)->planned;
}

static int start_program(struct storm *storm, struct place *place, unsigned int v, uint64_t seed,
			 unsigned int count)
{
	struct session *session = storm->session;
	struct probe_program program = storm->program;
	const struct list list = command_list(session, &place->vm, v);
	int status;

	program.seed = seed;
	test_vm_set_nr_reads(place->vm.test_vm, v, list.nr);
	test_vm_set_program(place->vm.test_vm, v, &program);
	program_add(&program, count, planned(storm, place, v));
	status = command_execute(session, &place->vm, v, &place->commands[v], PROBE_PROGRAM, count);
	/* How long it took says nothing here. */
	place->commands[v].keep = false;
	return status;
}

/* On all vCPUs of the VM at once; every second time the same one, so that what they share would collide. */
static int start_programs(struct storm *storm, struct place *place, const struct storm_step *step,
			  unsigned int count)
{
	int status = wait_all(storm, place);

	for (unsigned int v = 0; v < place->vm.nr_vcpus && !status; v++)
		status = start_program(storm, place, v, step->seed + (step->choice & 2 ? v : 0),
				       count);
	return status;
}

/* Puts all VMs to work, but for one. */
static int stir(struct storm *storm, const struct place *but, const struct storm_step *step)
{
	int status = 0;

	for (unsigned int p = 0; p < STORM_PLACES && !status && storm->program.nr; p++)
		if (storm->places[p].vm.test_vm && &storm->places[p] != but)
			status = start_programs(storm, &storm->places[p], step, WORK);
	return status;
}

/*
 * All leaves of all its vCPUs once they are idle, those that had not come yet included. With a step, the others are
 * at work when the VM goes.
 */
static int close_vm(struct storm *storm, struct place *place, const struct storm_step *step,
		    int status)
{
	struct session *session = storm->session;

	if (!place->vm.test_vm)
		return status;
	if (!status)
		status = wait_all(storm, place);
	while (!status && place->vm.nr_vcpus < place->room) {
		status = vm_add_vcpu(session, &place->vm);
		if (!status)
			status = vm_start_vcpu(session, &place->vm, place->vm.nr_vcpus - 1);
	}
	for (unsigned int v = 0; v < place->vm.nr_vcpus && !status; v++)
		status = sweep(session, &place->vm, v, SWEEP_FULL, -1);
	if (!status && step)
		status = stir(storm, place, step);
	return vm_close(session, &place->vm, status);
}

static int start_op(struct storm *storm, struct place *place, unsigned int v,
		    const struct storm_step *step)
{
	const enum probe_op op = storm->ops[step->choice % storm->nr_ops];
	const bool slow = workload_of(op)->slow;
	const uint64_t count = slow ? step->count % SLOW_COUNT + 1 : step->count;
	int status;

	planned(storm, place, v)[op] += count;
	status = command_execute(storm->session, &place->vm, v, &place->commands[v], op, count);
	place->commands[v].keep = false;
	return status;
}

static int start_reads(struct storm *storm, struct place *place, unsigned int v,
		       const struct storm_step *step)
{
	struct command *command = &place->commands[v];
	int status = command_read(storm->session, &place->vm, v, command, step->count);

	planned(storm, place, v)[PROBE_CPUID] += step->count / command->list.nr * command->list.nr;
	command->keep = storm->reads++ < KEPT_READS;
	return status;
}

/* A vCPU that is idle, with a command of its own to follow. */
static int step_command(struct storm *storm, struct place *place, unsigned int v,
			const struct storm_step *step, unsigned int *done)
{
	int status = command_wait(storm->session, &place->vm, v, &place->commands[v]);

	*done = !status;
	if (status)
		return status;
	if (step->kind == STORM_READ && command_has_reads(storm->session))
		return start_reads(storm, place, v, step);
	if (step->kind == STORM_PROGRAM && storm->program.nr)
		return step->choice & 1 ? start_programs(storm, place, step, step->count) :
					  start_program(storm, place, v, step->seed, step->count);
	if (step->kind == STORM_COMMAND && storm->nr_ops)
		return start_op(storm, place, v, step);
	*done = 0;
	return 0;
}

/* To the vCPUs of a VM in turn, at work. */
static int step_signal(struct storm *storm, struct place *place, const struct storm_step *step)
{
	int status = storm->program.nr ? start_programs(storm, place, step, WORK) : 0;

	for (unsigned int i = 0; i < step->count && !status; i++) {
		usleep(step->vcpu % PAUSE_US);
		test_vm_kick(place->vm.test_vm, (step->choice + i) % place->vm.nr_vcpus);
	}
	return status;
}

static int step_move(struct storm *storm, struct place *place, const struct storm_step *step,
		     unsigned int *moves)
{
	const unsigned int nr = CPU_COUNT(&storm->allowed);
	int status = 0;

	if (nr < 2)
		return 0;
	if (storm->program.nr)
		status = start_programs(storm, place, step, WORK);
	for (unsigned int i = 0; i < step->count && !status; i++) {
		const unsigned int v = (step->vcpu + i) % place->vm.nr_vcpus;

		usleep(step->vcpu % PAUSE_US);
		/* The CPU may be off just now. */
		*moves += affinity_pin(test_vm_tid(place->vm.test_vm, v),
				       affinity_nth(&storm->allowed, (step->choice + i) % nr));
	}
	return status;
}

static bool step_cpu(const struct storm *storm, const struct storm_step *step)
{
	struct cpu_switch *cpus = storm->session->cpus;

	if (!cpus)
		return false;
	return cpu_switch_is_off(cpus) ? cpu_switch_on(cpus) : cpu_switch_off(cpus, step->choice);
}

/* Of any VM that has room. */
static int step_vcpu(struct storm *storm, struct place *place, const struct storm_step *step,
		     unsigned int *late)
{
	int status;

	for (unsigned int p = 0; p < STORM_PLACES && place->vm.nr_vcpus == place->room; p++)
		if (storm->places[p].vm.test_vm)
			place = &storm->places[p];
	if (place->vm.nr_vcpus == place->room)
		return 0;
	*late = 1;
	status = stir(storm, NULL, step);
	if (!status)
		status = vm_add_vcpu(storm->session, &place->vm);
	return status ?: vm_start_vcpu(storm->session, &place->vm, place->vm.nr_vcpus - 1);
}

static int take_step(struct storm *storm, const struct storm_step *step, double progress)
{
	struct place *place = &storm->places[step->place];
	unsigned int done = 0, v;
	int status = 0;

	if (storm->without & 1u << step->kind)
		return 0;
	if (!place->vm.test_vm && may_open(storm, progress))
		status = open_vm(storm, place, step);
	if (status || !place->vm.test_vm)
		return status;
	v = step->vcpu % place->vm.nr_vcpus;
	switch (step->kind) {
	case STORM_PROGRAM:
	case STORM_COMMAND:
	case STORM_READ:
		status = step_command(storm, place, v, step, &done);
		break;
	case STORM_SIGNAL:
		status = step_signal(storm, place, step);
		done = step->count;
		break;
	case STORM_MOVE:
		status = step_move(storm, place, step, &done);
		break;
	case STORM_CPU:
		if (storm->session->cpus) {
			status = stir(storm, NULL, step);
			done = !status && step_cpu(storm, step);
		}
		break;
	case STORM_VCPU:
		status = step_vcpu(storm, place, step, &done);
		break;
	case STORM_VM:
		if (may_open(storm, progress)) {
			status = close_vm(storm, place, step, 0);
			done = 1;
		}
		break;
	case NR_STORM_KINDS:
		return 0;
	}
	storm->record->done[step->kind] += done;
	return status;
}

/* Takes the steps, up to the last or as long as it may; *found: the first by which eBPF had found something. */
static int take_steps(struct storm *storm, uint64_t *found)
{
	const uint64_t before = findings(storm), seed = storm->session->result->seed;
	struct session *session = storm->session;
	uint64_t number, ns = 0;
	int status = 0;

	*found = UINT64_MAX;
	storm->begun_ns = clocks_read().ns;
	for (number = storm->first; number < storm->last && !status; number++) {
		const struct storm_step step = storm_step(seed, number);
		double progress = storm->last == UINT64_MAX ? (double)ns / storm->ns :
							      (double)(number - storm->first) /
								      (storm->last - storm->first);

		if (ns >= storm->ns + (number - storm->first < LEAST_STEPS ? LATE_NS : 0))
			break;
		status = take_step(storm, &step, progress);
		if (*found == UINT64_MAX && findings(storm) != before)
			*found = number;
		ns = clocks_read().ns - storm->begun_ns;
	}
	if (session->cpus && cpu_switch_is_off(session->cpus))
		cpu_switch_on(session->cpus);
	for (unsigned int p = 0; p < STORM_PLACES; p++)
		status = close_vm(storm, &storm->places[p], NULL, status);
	storm->record->steps = number - storm->first;
	storm->record->seconds = (double)(clocks_read().ns - storm->begun_ns) / 1e9;
	if (*found == UINT64_MAX && findings(storm) != before)
		*found = number - 1;
	return status;
}

/* ---- the fewest steps that show what eBPF found ---- */

struct seek {
	struct storm *storm;
	struct result_storm *record;
	uint64_t until_ns;
	int status;
};

static bool shows(struct seek *seek, uint64_t first, uint64_t last, unsigned int without)
{
	struct result_storm unused = { 0 };
	struct storm *storm = seek->storm;
	uint64_t found;

	if (seek->status || seek->record->trials == MAX_TRIALS || clocks_read().ns > seek->until_ns)
		return false;
	seek->record->trials++;
	storm->record = &unused;
	storm->first = first;
	storm->last = last;
	storm->without = without;
	storm->most_vms = TRIAL_VMS;
	storm->ns = SEEK_NS;
	seek->status = take_steps(storm, &found);
	return found != UINT64_MAX;
}

static int seek_fewest(struct storm *storm)
{
	struct result_storm *record = storm->record;
	struct seek seek = {
		.storm = storm,
		.record = record,
		.until_ns = clocks_read().ns + SEEK_NS,
	};
	uint64_t first = 0, last = record->found_by + 1, half;
	unsigned int without = 0;

	session_progress("looking for the fewest steps that show it");
	if (!shows(&seek, first, last, 0))
		return seek.status;
	while (last - first > 1) {
		half = first + (last - first) / 2;
		if (shows(&seek, half, last, 0))
			first = half;
		else if (shows(&seek, first, half, 0))
			last = half;
		else
			break;
	}
	for (int kind = NR_STORM_KINDS - 1; kind >= 0; kind--)
		if (shows(&seek, first, last, without | 1u << kind))
			without |= 1u << kind;
	record->shown_from = first;
	record->shown_to = last;
	for (uint64_t number = first; number < last; number++)
		record->needed |= 1u << storm_step(storm->session->result->seed, number).kind;
	record->needed &= ~without;
	return seek.status;
}

/* ---- the phase ---- */

/* What the guests are told to do: all that is exact whatever the host does meanwhile. */
static void choose(struct storm *storm)
{
	const struct session *session = storm->session;

	for (unsigned int i = 0; i < session->nr_mix && storm->program.nr < PROBE_MAX_PROGRAM; i++)
		storm->program.ops[storm->program.nr++] = session->mix[i];
	/* As often as three of these. */
	for (int i = 0; command_has_reads(session) && i < 3; i++)
		if (storm->program.nr < PROBE_MAX_PROGRAM)
			storm->program.ops[storm->program.nr++] = PROBE_READ_LEAVES;
	for (unsigned int i = 0; i < session->result->nr_workloads; i++) {
		const struct result_workload *entry = &session->result->workloads[i];
		const enum probe_op op = entry->workload->op;

		/* KVM tries these again after a signal, which its statistic counts. */
		if (!entry->unsupported && !entry->workload->irqchip && op != PROBE_INVALID_STATE &&
		    op != PROBE_EMULATE && entry->workload->truth != TRUTH_AT_MOST)
			storm->ops[storm->nr_ops++] = op;
	}
}

int phase_storm(struct session *session)
{
	struct result_storm *record = &session->result->storm;
	struct result_phase_info *info = &session->result->phase[PHASE_STORM];
	const bool asked = session->plan->has_storm;
	struct storm storm = {
		.session = session,
		.record = record,
		.last = asked ? UINT64_MAX : session_scaled(session, STEPS, 1),
		.ns = asked ? session->plan->storm * 1000000000ull : SHORT_NS,
		.most_vms = asked ? LONG_VMS : SHORT_VMS,
	};
	const uint64_t before = findings(&storm);
	uint64_t found;
	int status;

	if (asked && !session->plan->storm) {
		snprintf(info->skipped, sizeof(info->skipped), "--storm 0");
		return 0;
	}
	choose(&storm);
	if (!storm.program.nr && !storm.nr_ops) {
		snprintf(info->skipped, sizeof(info->skipped),
			 "none of the workloads that ran can be exact under load");
		return 0;
	}
	if (!sched_getaffinity(0, sizeof(storm.allowed), &storm.allowed))
		info->cpus = CPU_COUNT(&storm.allowed);
	session_progress("everything at once");
	status = take_steps(&storm, &found);
	info->moves = record->done[STORM_MOVE];
	info->ran = !status && record->vms;
	record->found = !status && found != UINT64_MAX;
	record->found_by = found;
	/* What other phases show as well needs no search. */
	if (record->found && !before)
		status = seek_fewest(&storm);
	return status;
}
