// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/vcpu.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#include "kvm/thread.h"
#include "kvm/workload.h"
#include "util/clock.h"
#include "util/stats.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define MSR_IA32_TSC 0x10

static atomic_bool interrupted;

static __thread struct vcpu *self;

static int kick_signal(void)
{
	return SIGRTMIN;
}

static const char *op_name(enum probe_op op)
{
	const struct workload *workload = workload_of(op);

	return workload ? workload->name : op == PROBE_PROGRAM ? "a random program" : "leaf reads";
}

/* ---- stopping: timeouts and interruption ---- */

/* A timeout is so many expirations of the timer: while the process is stopped, there is one at most. */
#define TIMEOUT_TICKS 60

/*
 * For the timer and for vcpu_kick(). immediate_exit closes the gap between the
 * last look at the flags and KVM_RUN: KVM_RUN then returns at once.
 */
static void on_kick(int signal, siginfo_t *info, void *context)
{
	struct vcpu *vcpu = self;

	(void)signal;
	(void)context;
	if (!vcpu)
		return;
	/* That KVM_RUN ends is all that is wanted. */
	if (info->si_code == SI_TIMER && info->si_value.sival_ptr == &vcpu->stopper)
		return;
	if (info->si_code == SI_TIMER) {
		if (++vcpu->ticks < TIMEOUT_TICKS)
			return;
		atomic_store(&vcpu->expired, true);
	}
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
}

int vcpu_install_handler(struct error *err)
{
	struct sigaction action = {
		.sa_sigaction = on_kick,
		.sa_flags = SA_SIGINFO,
	};

	if (sigaction(kick_signal(), &action, NULL))
		return system_error(err, "sigaction", errno);
	return 0;
}

void vcpu_kick(const struct vcpu *vcpu)
{
	syscall(SYS_tgkill, getpid(), vcpu->tid, kick_signal());
}

void vcpu_interrupt(void)
{
	atomic_store(&interrupted, true);
}

static int set_timer(struct vcpu *vcpu, unsigned int ms, struct error *err)
{
	uint64_t ns = ms * 1000000ull / TIMEOUT_TICKS;
	const struct timespec tick = {
		.tv_sec = ns / 1000000000,
		.tv_nsec = ns % 1000000000,
	};
	const struct itimerspec timeout = { .it_value = tick, .it_interval = tick };

	if (timer_settime(vcpu->timer, 0, &timeout, NULL))
		return system_error(err, "timer_settime", errno);
	return 0;
}

/* Non-zero, with the reason, once the command under way has to end. */
static int must_stop(struct vcpu *vcpu, struct error *err)
{
	if (atomic_load(&interrupted) || atomic_load(&vcpu->group->stopping))
		return error_set(err, STATUS_INCONCLUSIVE, "vCPU %d: interrupted in \"%s\"",
				 vcpu->id, op_name(vcpu->op));
	if (atomic_load(&vcpu->expired))
		return error_set(err, STATUS_INCONCLUSIVE,
				 "vCPU %d: \"%s\" did not end within %u ms", vcpu->id,
				 op_name(vcpu->op), vcpu->group->timeout_ms);
	return 0;
}

/* ---- commands ---- */

int vcpu_set_state(const struct vcpu *vcpu, uint32_t state, struct error *err)
{
	const struct kvm_mp_state to = { .mp_state = state };

	return KVM(vcpu->fd, KVM_SET_MP_STATE, &to, err) < 0 ? STATUS_CANNOT_RUN : 0;
}

int vcpu_set_clock(const struct vcpu *vcpu, unsigned int khz, uint64_t tsc, struct error *err)
{
	struct error none; /* a rate that is too high where KVM scales it */

	KVM(vcpu->fd, KVM_SET_TSC_KHZ, (long)khz, &none);
	return kvm_set_msr(vcpu->fd, MSR_IA32_TSC, tsc, err) < 0 ? STATUS_CANNOT_RUN : 0;
}

int vcpu_reset(struct vcpu *vcpu, struct error *err)
{
	if (KVM(vcpu->fd, KVM_SET_SREGS, &vcpu->sregs, err) < 0 ||
	    KVM(vcpu->fd, KVM_SET_REGS, &vcpu->regs, err) < 0 ||
	    KVM(vcpu->fd, KVM_SET_VCPU_EVENTS, &vcpu->events, err) < 0)
		return STATUS_CANNOT_RUN;
	vcpu->shared->cr4 = vcpu->sregs.cr4;
	/* All but the first, where they have KVM's own APIC, would wait for a SIPI. */
	return vcpu_set_state(vcpu, KVM_MP_STATE_RUNNABLE, err);
}

int vcpu_unexpected_exit(struct vcpu *vcpu, struct error *err)
{
	const struct kvm_run *run = vcpu->run;
	unsigned long long reason = run->fail_entry.hardware_entry_failure_reason;
	char what[96];

	if (run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		snprintf(what, sizeof(what), "the CPU refused the entry, hardware reason %#llx",
			 reason);
	else if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		snprintf(what, sizeof(what), "KVM internal error, suberror %u, data[0] %#llx",
			 run->internal.suberror,
			 run->internal.ndata ? (unsigned long long)run->internal.data[0] : 0);
	else if (run->exit_reason == KVM_EXIT_SHUTDOWN)
		snprintf(what, sizeof(what), "a triple fault in the guest");
	else
		snprintf(what, sizeof(what), "unknown KVM exit reason %u", run->exit_reason);
	return error_set(err, STATUS_INCONCLUSIVE, "vCPU %d: \"%s\": %s", vcpu->id,
			 op_name(vcpu->op), what);
}

int vcpu_run_once(struct vcpu *vcpu, struct error *err)
{
	int status;

	for (;;) {
		vcpu->group->events->before_run(vcpu);
		status = must_stop(vcpu, err);
		if (status || !ioctl(vcpu->fd, KVM_RUN, 0))
			return status;
		if (errno != EINTR && errno != EAGAIN)
			return error_set(err, STATUS_INCONCLUSIVE, "vCPU %d: \"%s\": KVM_RUN: %s",
					 vcpu->id, op_name(vcpu->op), strerror(errno));
		/* The signal's cause is checked next. */
		__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	}
}

/* Runs the guest until it says that it is done. */
static int enter_guest(struct vcpu *vcpu, struct error *err)
{
	struct kvm_run *run = vcpu->run;
	int status;

	for (;;) {
		status = vcpu_run_once(vcpu, err);
		if (status)
			return status;
		switch (run->exit_reason) {
		case KVM_EXIT_IO:
			if (run->io.port == PROBE_PORT_DONE)
				goto done;
			if (run->io.port == PROBE_PORT_EVENT)
				status = vcpu->group->events->cause(vcpu, err);
			if (status)
				return status;
			break;
		case KVM_EXIT_MMIO: /* what is read does not matter, here and above */
		case KVM_EXIT_HLT:
		case KVM_EXIT_SET_TPR:
			break;
		case KVM_EXIT_SHUTDOWN:
			if (vcpu->op != PROBE_SHUTDOWN)
				return vcpu_unexpected_exit(vcpu, err);
			status = vcpu_reset(vcpu, err);
			if (status)
				return status;
			break;
		default:
			return vcpu_unexpected_exit(vcpu, err);
		}
	}
done:
	if (vcpu->shared->fault)
		return error_set(err, STATUS_INCONCLUSIVE,
				 "vCPU %d: \"%s\": exception %u in the guest, at %#llx", vcpu->id,
				 op_name(vcpu->op), vcpu->shared->fault - 1,
				 (unsigned long long)vcpu->shared->fault_rip);
	return 0;
}

/* A kick meanwhile is seen by must_stop(). */
void vcpu_end_instruction(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	ioctl(vcpu->fd, KVM_RUN, 0);
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

/*
 * PROBE_INVALID_STATE and PROBE_EMULATE: one KVM_RUN in a state that the CPU refuses to enter (KVM
 * does not check CS.L and CS.D), or that KVM does not try to enter. Restores the state.
 */
static int run_invalid(struct vcpu *vcpu, struct error *err)
{
	const struct kvm_run *run = vcpu->run;
	bool emulate = vcpu->op == PROBE_EMULATE;
	struct kvm_sregs sregs = { 0 }, invalid;
	struct kvm_regs regs = { 0 }, moved;
	int status;

	vcpu_end_instruction(vcpu);
	if (KVM(vcpu->fd, KVM_GET_SREGS, &sregs, err) < 0 ||
	    KVM(vcpu->fd, KVM_GET_REGS, &regs, err) < 0)
		return STATUS_CANNOT_RUN;
	invalid = sregs;
	moved = regs;
	if (emulate) {
		invalid.ds.s = 0;
		moved.rip = PROBE_EMULATED_ADDR;
	} else {
		invalid.cs.db = 1;
	}
	if (KVM(vcpu->fd, KVM_SET_SREGS, &invalid, err) < 0 ||
	    KVM(vcpu->fd, KVM_SET_REGS, &moved, err) < 0)
		return STATUS_CANNOT_RUN;
	vcpu->shared->executed[vcpu->op]++;
	status = vcpu_run_once(vcpu, err);
	if (status)
		return status;
	if (emulate ? run->exit_reason != KVM_EXIT_IO || run->io.port != PROBE_PORT_DATA :
		      run->exit_reason != KVM_EXIT_FAIL_ENTRY)
		return vcpu_unexpected_exit(vcpu, err);
	if (KVM(vcpu->fd, KVM_SET_SREGS, &sregs, err) < 0 ||
	    KVM(vcpu->fd, KVM_SET_REGS, &regs, err) < 0)
		return STATUS_CANNOT_RUN;
	return 0;
}

static int make_fresh(struct vcpu *vcpu, struct error *err)
{
	int status = 0;

	pthread_rwlock_wrlock(&vcpu->group->fresh);
	if (madvise(vcpu->touch, TOUCH_SIZE, MADV_DONTNEED))
		status = system_error(err, "madvise", errno);
	pthread_rwlock_unlock(&vcpu->group->fresh);
	return status;
}

/* The time between these two counts. */
static void start_clocks(struct vcpu *vcpu)
{
	vcpu->cpu_ns -= clock_ns(CLOCK_THREAD_CPUTIME_ID);
	vcpu->cycles -= __rdtsc();
}

static void stop_clocks(struct vcpu *vcpu)
{
	vcpu->cycles += __rdtsc();
	vcpu->cpu_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Cycles of a command, had each of its operations lasted as the quicker three quarters of them. */
static uint64_t steady_cycles(const struct probe_shared *shared)
{
	const struct probe_span *span = &shared->span;
	const uint64_t elapsed = span->tsc[1] - span->tsc[0];
	double steady, steps[PROBE_MAX_STAMPS - 1];
	unsigned int nr = 0;

	for (; nr + 1 < PROBE_MAX_STAMPS && nr + 1 < span->operations; nr++)
		steps[nr] = (double)(shared->stamps[nr + 1] - shared->stamps[nr]);
	if (!nr)
		return elapsed;
	steady = stats_lower_mean(steps, nr) * (double)span->operations;
	return steady < (double)elapsed ? (uint64_t)steady : elapsed;
}

static void add_span(struct vcpu *vcpu)
{
	const struct probe_span *span = &vcpu->shared->span;

	if (!vcpu->shared->measure_exits || !span->valid)
		return;
	vcpu->span.elapsed += span->tsc[1] - span->tsc[0];
	vcpu->span.steady += steady_cycles(vcpu->shared);
	vcpu->span.until_read += span->tsc_read - span->tsc[0];
	vcpu->span.covered += span->cycles[1] - span->cycles[0];
	vcpu->span.exits += span->exits[1] - span->exits[0] - 2;
	vcpu->span.known += vcpu->known;
}

/* Has the guest execute op count times, at once or in rounds. */
static int run_rounds(struct vcpu *vcpu, struct error *err)
{
	bool touch = op_touches(vcpu->op);
	bool invalid = vcpu->op == PROBE_INVALID_STATE || vcpu->op == PROBE_EMULATE;
	uint64_t left, round, largest = UINT64_MAX;
	int status = 0;

	if (touch)
		largest = PROBE_TOUCH_PAGES;
	else if (vcpu->op == PROBE_SHUTDOWN || invalid)
		largest = 1; /* the guest forgets how many are left, or has no part in it */

	vcpu->cycles = 0;
	vcpu->cpu_ns = 0;
	vcpu->stops = 0;
	vcpu->span = (struct vcpu_span){ 0 };
	for (left = vcpu->count; left && !status; left -= round) {
		round = left < largest ? left : largest;
		vcpu->shared->op = vcpu->op;
		vcpu->shared->count = round;
		vcpu->known = 0;
		if (touch) {
			status = make_fresh(vcpu, err);
			if (status)
				break;
			pthread_rwlock_rdlock(&vcpu->group->fresh);
		}
		start_clocks(vcpu);
		if (invalid)
			status = run_invalid(vcpu, err);
		if (!status)
			status = enter_guest(vcpu, err);
		stop_clocks(vcpu);
		vcpu->group->events->round(vcpu);
		if (!status && !invalid)
			add_span(vcpu);
		if (touch)
			pthread_rwlock_unlock(&vcpu->group->fresh);
	}
	return status;
}

static int set_guest_debug(struct vcpu *vcpu, bool enable, struct error *err)
{
	struct kvm_guest_debug debug = { .control = enable ? KVM_GUESTDBG_ENABLE : 0 };

	return KVM(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug, err) < 0 ? STATUS_CANNOT_RUN : 0;
}

static int run_to_exit(struct vcpu *vcpu, struct error *err)
{
	const struct workload *workload = workload_of(vcpu->op);
	bool debug = workload && workload->guest_debug;
	int status;

	if (!vcpu->warm) {
		status = enter_guest(vcpu, err);
		if (status)
			return status;
		vcpu->warm = true;
	}
	if (vcpu->op == PROBE_DRIVEN)
		return vcpu->drive(vcpu, vcpu->driven, err);
	if (!debug) {
		status = vcpu->group->events->begin(vcpu, err);
		if (!status)
			status = run_rounds(vcpu, err);
		vcpu->group->events->end(vcpu);
		return status;
	}

	status = set_guest_debug(vcpu, true, err);
	if (status)
		return status;
	status = run_rounds(vcpu, err);
	if (status)
		return status;
	return set_guest_debug(vcpu, false, err);
}

static int obey(struct vcpu *vcpu, struct error *err)
{
	struct error ignored;
	int status;

	/* In this order: a kick from now on is seen by must_stop() or by KVM_RUN. */
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	vcpu->ticks = 0;
	atomic_store(&vcpu->expired, false);
	status = set_timer(vcpu, vcpu->group->timeout_ms, err);
	if (status)
		return status;
	status = run_to_exit(vcpu, err);
	set_timer(vcpu, 0, &ignored);
	return status;
}

/* ---- the thread ---- */

static int create_timer(const struct vcpu *vcpu, timer_t *timer, struct error *err)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = kick_signal(),
		.sigev_value.sival_ptr = timer,
	};

	event.sigev_notify_thread_id = vcpu->tid;
	if (timer_create(CLOCK_MONOTONIC, &event, timer))
		return system_error(err, "timer_create", errno);
	return 0;
}

static void set_state(struct vcpu *vcpu, enum vcpu_state state)
{
	vcpu->state = state;
	pthread_cond_broadcast(&vcpu->changed);
}

static void *vcpu_thread(void *argument)
{
	struct vcpu *vcpu = argument;
	bool has_timer, has_stopper;

	self = vcpu;
	vcpu->tid = syscall(SYS_gettid);
	pthread_mutex_lock(&vcpu->lock);
	vcpu->status = create_timer(vcpu, &vcpu->timer, &vcpu->err);
	has_timer = !vcpu->status;
	if (has_timer)
		vcpu->status = create_timer(vcpu, &vcpu->stopper, &vcpu->err);
	has_stopper = !vcpu->status;
	set_state(vcpu, VCPU_IDLE);
	for (;;) {
		while (vcpu->state == VCPU_IDLE)
			pthread_cond_wait(&vcpu->changed, &vcpu->lock);
		if (vcpu->state == VCPU_QUIT)
			break;
		pthread_mutex_unlock(&vcpu->lock);
		vcpu->status = obey(vcpu, &vcpu->err);
		pthread_mutex_lock(&vcpu->lock);
		set_state(vcpu, VCPU_IDLE);
	}
	pthread_mutex_unlock(&vcpu->lock);
	if (has_timer)
		timer_delete(vcpu->timer);
	if (has_stopper)
		timer_delete(vcpu->stopper);
	return NULL;
}

/* Waits for the end of what the vCPU is doing; the lock is held. */
static void wait_idle(struct vcpu *vcpu)
{
	while (vcpu->state == VCPU_STARTING || vcpu->state == VCPU_BUSY)
		pthread_cond_wait(&vcpu->changed, &vcpu->lock);
}

int vcpu_start_thread(struct vcpu *vcpu, bool *created, struct error *err)
{
	int status = thread_start(&vcpu->thread, vcpu_thread, vcpu, kick_signal(), err);

	*created = !status;
	return status ? status : vcpu_wait(vcpu, err);
}

void vcpu_end_thread(struct vcpu *vcpu)
{
	pthread_mutex_lock(&vcpu->lock);
	wait_idle(vcpu);
	set_state(vcpu, VCPU_QUIT);
	pthread_mutex_unlock(&vcpu->lock);
	pthread_join(vcpu->thread, NULL);
}

int vcpu_order(struct vcpu *vcpu, enum probe_op op, uint64_t count, struct error *err)
{
	int status;

	pthread_mutex_lock(&vcpu->lock);
	wait_idle(vcpu);
	status = vcpu->status;
	if (status) {
		*err = vcpu->err;
	} else {
		vcpu->op = op;
		vcpu->count = count;
		set_state(vcpu, VCPU_BUSY);
	}
	pthread_mutex_unlock(&vcpu->lock);
	return status;
}

int vcpu_drive(struct vcpu *vcpu, vcpu_driver drive, void *driven, struct error *err)
{
	int status = vcpu_wait(vcpu, err);

	if (status)
		return status;
	vcpu->drive = drive;
	vcpu->driven = driven;
	status = vcpu_order(vcpu, PROBE_DRIVEN, 1, err);
	return status ? status : vcpu_wait(vcpu, err);
}

int vcpu_wait(struct vcpu *vcpu, struct error *err)
{
	int status;

	pthread_mutex_lock(&vcpu->lock);
	wait_idle(vcpu);
	status = vcpu->status;
	if (status)
		*err = vcpu->err;
	pthread_mutex_unlock(&vcpu->lock);
	return status;
}
