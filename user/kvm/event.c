// SPDX-License-Identifier: GPL-2.0-only
/* cpu_set_t */
#define _GNU_SOURCE
#include "kvm/event.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <x86intrin.h>

#include "exitcheck.h"
#include "kvm/late_memory.h"
#include "kvm/workload.h"
#include "kvm/rival.h"
#include "kvm/thread.h"
#include "util/affinity.h"
#include "util/array.h"

#define LATE_NS 200000
#define STOP_NS 300000
#define STOPS_A_HALT 4 /* so that the guest gets on, on however slow a host */
#define POLL_NS 10000000

/* Waits in user space, where the exit goes on. */
static void wait_ns(struct vcpu *vcpu, uint64_t ns)
{
	struct timespec left = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	uint64_t begin = __rdtsc();

	/* The timeout's ticks interrupt it. */
	while (nanosleep(&left, &left) && errno == EINTR)
		;
	vcpu->known += __rdtsc() - begin;
}

/* What the other thread had of the CPU since the last time: there the vCPU did not run. */
static int note_rival(struct vcpu *vcpu, struct error *err)
{
	(void)err;
	vcpu->known += rival_cycles(vcpu->rival);
	return 0;
}

static int event_late(struct vcpu *vcpu, struct error *err)
{
	(void)err;
	wait_ns(vcpu, vcpu->shared->late_ns ?: LATE_NS);
	return 0;
}

static int stop_at_once(struct vcpu *vcpu, struct error *err)
{
	(void)err;
	vcpu_end_instruction(vcpu);
	return 0;
}

/* With a signal pending that KVM_RUN alone does not block, KVM gets to the entry, and cancels it. */
static int stop_at_entry(struct vcpu *vcpu, struct error *err)
{
	const int number = SIGRTMIN + 1;
	const uint64_t blocked = ~(1ull << (number - 1));
	const struct timespec at_once = { 0 };
	union {
		struct kvm_signal_mask mask;
		uint8_t room[sizeof(struct kvm_signal_mask) + sizeof(blocked)];
	} during = { .mask.len = sizeof(blocked) };
	sigset_t signals;

	memcpy(during.mask.sigset, &blocked, sizeof(blocked));
	if (KVM(vcpu->fd, KVM_SET_SIGNAL_MASK, &during, err) < 0)
		return STATUS_CANNOT_RUN;
	pthread_kill(pthread_self(), number);
	ioctl(vcpu->fd, KVM_RUN, 0);
	sigemptyset(&signals);
	sigaddset(&signals, number);
	sigtimedwait(&signals, NULL, &at_once);
	return KVM(vcpu->fd, KVM_SET_SIGNAL_MASK, NULL, err) < 0 ? STATUS_CANNOT_RUN : 0;
}

static void *other_thread(void *vcpu)
{
	vcpu_end_instruction(vcpu);
	return NULL;
}

/* At once, in another thread. */
static int stop_elsewhere(struct vcpu *vcpu, struct error *err)
{
	pthread_t thread;
	int status = thread_start(&thread, other_thread, vcpu, 0, err);

	if (!status)
		pthread_join(thread, NULL);
	return status;
}

/* KVM_RUN returns without an entry. */
static int event_stopped(struct vcpu *vcpu, struct error *err)
{
	static int (*const stops[])(struct vcpu * vcpu, struct error * err) = {
		stop_at_once,
		stop_at_entry,
		stop_elsewhere,
	};
	int status = 0;

	for (unsigned int i = 0; i < NR(stops) && !status; i++) {
		status = stops[i](vcpu, err);
		wait_ns(vcpu, LATE_NS / NR(stops));
	}
	return status;
}

/* A vCPU's state, as a VMM that saves and restores it has it; all that an INIT changes. */
struct saved {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp_state;
	struct kvm_fpu fpu;
};

static int save(struct vcpu *vcpu, struct saved *saved, struct error *err)
{
	*saved = (struct saved){ 0 };
	vcpu_end_instruction(vcpu);
	return KVM(vcpu->fd, KVM_GET_REGS, &saved->regs, err) < 0 ||
			       KVM(vcpu->fd, KVM_GET_SREGS, &saved->sregs, err) < 0 ||
			       KVM(vcpu->fd, KVM_GET_DEBUGREGS, &saved->debugregs, err) < 0 ||
			       KVM(vcpu->fd, KVM_GET_VCPU_EVENTS, &saved->events, err) < 0 ||
			       KVM(vcpu->fd, KVM_GET_LAPIC, &saved->lapic, err) < 0 ||
			       KVM(vcpu->fd, KVM_GET_FPU, &saved->fpu, err) < 0 ||
			       KVM(vcpu->fd, KVM_GET_MP_STATE, &saved->mp_state, err) < 0 ?
		       STATUS_CANNOT_RUN :
		       0;
}

static int restore(struct vcpu *vcpu, const struct saved *saved, struct error *err)
{
	return KVM(vcpu->fd, KVM_SET_SREGS, &saved->sregs, err) < 0 ||
			       KVM(vcpu->fd, KVM_SET_REGS, &saved->regs, err) < 0 ||
			       KVM(vcpu->fd, KVM_SET_DEBUGREGS, &saved->debugregs, err) < 0 ||
			       KVM(vcpu->fd, KVM_SET_FPU, &saved->fpu, err) < 0 ||
			       KVM(vcpu->fd, KVM_SET_LAPIC, &saved->lapic, err) < 0 ||
			       KVM(vcpu->fd, KVM_SET_VCPU_EVENTS, &saved->events, err) < 0 ||
			       KVM(vcpu->fd, KVM_SET_MP_STATE, &saved->mp_state, err) < 0 ?
		       STATUS_CANNOT_RUN :
		       0;
}

/* INIT of a vCPU with an APIC of KVM's own, which goes on where it was. */
static int event_reset(struct vcpu *vcpu, struct error *err)
{
	struct kvm_vcpu_events init;
	struct kvm_mp_state state;
	struct saved saved;

	if (save(vcpu, &saved, err))
		return STATUS_CANNOT_RUN;
	init = saved.events;
	init.flags |= KVM_VCPUEVENT_VALID_SMM;
	init.smi.latched_init = 1;
	/* KVM_GET_MP_STATE obeys a pending INIT, as KVM_RUN does. */
	if (KVM(vcpu->fd, KVM_SET_VCPU_EVENTS, &init, err) < 0 ||
	    KVM(vcpu->fd, KVM_GET_MP_STATE, &state, err) < 0)
		return STATUS_CANNOT_RUN;
	return restore(vcpu, &saved, err);
}

/* Besides, what a VMM does to a vCPU that was paused; where the guest has no clock of KVM's, it is refused. */
static int event_state(struct vcpu *vcpu, struct error *err)
{
	const int khz = KVM(vcpu->fd, KVM_GET_TSC_KHZ, 0, err);
	struct saved saved;
	int status;

	wait_ns(vcpu, LATE_NS / 2);
	status = khz < 0 ? STATUS_CANNOT_RUN : save(vcpu, &saved, err);
	if (!status)
		status = restore(vcpu, &saved, err);
	if (!status && KVM(vcpu->fd, KVM_SET_TSC_KHZ, (long)khz, err) < 0)
		status = STATUS_CANNOT_RUN;
	ioctl(vcpu->fd, KVM_KVMCLOCK_CTRL, 0);
	wait_ns(vcpu, LATE_NS / 2);
	return status;
}

/* The second one has to wait until the first one's handler has returned. */
static int event_nmi(struct vcpu *vcpu, struct error *err)
{
	for (int i = 0; i < 2; i++)
		if (KVM(vcpu->fd, KVM_NMI, 0, err) < 0)
			return STATUS_CANNOT_RUN;
	return 0;
}

static int event_smi(struct vcpu *vcpu, struct error *err)
{
	return KVM(vcpu->fd, KVM_SMI, 0, err) < 0 ? STATUS_CANNOT_RUN : 0;
}

static int event_cause(struct vcpu *vcpu, struct error *err)
{
	static const struct {
		enum probe_op op;
		int (*cause)(struct vcpu *vcpu, struct error *err);
	} events[] = {
		{ PROBE_PREEMPTED, note_rival },  { PROBE_LATE, event_late },
		{ PROBE_STOPPED, event_stopped }, { PROBE_RESET, event_reset },
		{ PROBE_STATE, event_state },	  { PROBE_SMI, event_smi },
		{ PROBE_NMI, event_nmi },
	};

	for (unsigned int i = 0; i < NR(events); i++)
		if (events[i].op == vcpu->op)
			return events[i].cause(vcpu, err);
	return 0;
}

static int event_begin(struct vcpu *vcpu, struct error *err)
{
	if (vcpu->op == PROBE_PREEMPTED)
		return rival_start(&vcpu->rival, err);
	if (op_touches_late(vcpu->op))
		return late_memory_start(&vcpu->late, vcpu->touch, TOUCH_SIZE, err);
	/* On another CPU KVM sets the timer again, and one that has expired by then causes no exit. */
	if (vcpu->op == PROBE_PREEMPTION_TIMER)
		vcpu->confined = affinity_confine();
	return 0;
}

static void event_round(struct vcpu *vcpu)
{
	if (vcpu->late)
		vcpu->known += late_memory_cycles(vcpu->late);
}

static void event_end(struct vcpu *vcpu)
{
	rival_end(vcpu->rival);
	late_memory_end(vcpu->late);
	affinity_release(vcpu->confined);
	vcpu->confined = NULL;
	vcpu->rival = NULL;
	vcpu->late = NULL;
}

/* A signal ends the KVM_RUN that comes, unless there were too many. */
static void event_before_run(struct vcpu *vcpu)
{
	const struct itimerspec soon = { .it_value.tv_nsec = STOP_NS };

	if (vcpu->op != PROBE_HLT_STOPPED || vcpu->stops >= STOPS_A_HALT * vcpu->count)
		return;
	vcpu->stops++;
	timer_settime(vcpu->stopper, 0, &soon, NULL);
}

bool event_halt_poll_ns(enum probe_op op, uint64_t *ns)
{
	*ns = op == PROBE_HLT_POLL ? POLL_NS : 0;
	return op == PROBE_HLT_POLL || op == PROBE_HLT_TIMER || op == PROBE_HLT_STOPPED ||
	       op == PROBE_NESTED_HLT;
}

const struct vcpu_events vcpu_events = {
	.begin = event_begin,
	.round = event_round,
	.end = event_end,
	.before_run = event_before_run,
	.cause = event_cause,
};
