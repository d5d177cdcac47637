/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VCPU_H
#define VCPU_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "util/error.h"
#include "kvm/guest_memory.h"
#include "kvm/kvm.h"

struct vcpu;

/* What the VMM does to a vCPU besides running it, by vcpu->op: see kvm/event.h. */
struct vcpu_events {
	/* Around a command, and after each of its rounds. */
	int (*begin)(struct vcpu *vcpu, struct error *err);
	void (*round)(struct vcpu *vcpu);
	void (*end)(struct vcpu *vcpu);
	void (*before_run)(struct vcpu *vcpu); /* before each KVM_RUN */
	/* At an OUT of the guest to PROBE_PORT_EVENT. */
	int (*cause)(struct vcpu *vcpu, struct error *err);
};

/* What the vCPUs of a VM have in common. */
struct vcpu_group {
	const struct vcpu_events *events;
	unsigned int timeout_ms; /* of a command */
	atomic_bool stopping;	 /* ends the commands under way */
	/*
	 * Held for writing while pages are made fresh: the MMU notifier would make
	 * page faults of other vCPUs start again, with another exit.
	 */
	pthread_rwlock_t fresh;
};

/*
 * A command by the guest's own clock: TSC cycles, and how many they would be had each operation lasted as the
 * quicker three quarters; those of exits by the leaves, and how many exits; and cycles that exits
 * lasted for certain, by the VMM.
 */
struct vcpu_span {
	uint64_t elapsed, steady, until_read, covered, exits, known;
};

/* Has a vCPU between two commands run by hand, on its own thread. */
typedef int (*vcpu_driver)(struct vcpu *vcpu, void *driven, struct error *err);

enum vcpu_state {
	VCPU_STARTING,
	VCPU_IDLE,
	VCPU_BUSY,
	VCPU_QUIT,
};

/* A vCPU and the thread that runs it, one command at a time. */
struct vcpu {
	struct vcpu_group *group;
	int id;
	int fd;
	struct kvm_run *run;
	struct probe_shared *shared;
	uint8_t *touch;	      /* its pages of PROBE_TOUCH, TOUCH_SIZE bytes */
	struct kvm_regs regs; /* these three: as before the first entry */
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;
	struct kvm_stat exits; /* opened when first asked for */

	pthread_t thread;
	pid_t tid;
	timer_t timer, stopper; /* stopper: of PROBE_HLT_STOPPED */
	bool warm;		/* has been entered */
	unsigned int ticks;	/* of the timeout, since the command began; the thread's own */
	atomic_bool expired;

	/* The thread's orders. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum vcpu_state state;
	enum probe_op op;
	uint64_t count;
	vcpu_driver drive; /* of PROBE_DRIVEN */
	void *driven;
	/* What the last order took, on its way through the guest: cycles of the host's TSC, and of
	 * the thread's CPU time, ns. */
	uint64_t cycles, cpu_ns;
	uint64_t known, stops;	   /* of the round, and of the command, see kvm/event.h */
	struct rival *rival;	   /* of PROBE_PREEMPTED */
	struct late_memory *late;  /* of PROBE_TOUCH_LATE */
	struct affinity *confined; /* during PROBE_PREEMPTION_TIMER */
	struct vcpu_span span;
	int status; /* of the last order; a vCPU that failed stays failed */
	struct error err;
};

/* Once a process: the handler of the signal that gets threads out of KVM_RUN. */
int vcpu_install_handler(struct error *err);

/* Sets the registers with which the guest begins: vcpu->sregs, regs and events. It can run, whichever it is. */
int vcpu_reset(struct vcpu *vcpu, struct error *err);

/* Sets an idle vCPU's TSC, which goes on meanwhile, and its rate, where KVM takes it. */
int vcpu_set_clock(const struct vcpu *vcpu, unsigned int khz, uint64_t tsc, struct error *err);

/* KVM_SET_MP_STATE of an idle vCPU that has KVM's own APIC. */
int vcpu_set_state(const struct vcpu *vcpu, uint32_t state, struct error *err);

/*
 * Creates the thread, which is idle then. *created says whether it exists (and
 * has to be ended), whatever is returned.
 */
int vcpu_start_thread(struct vcpu *vcpu, bool *created, struct error *err);
void vcpu_end_thread(struct vcpu *vcpu);

/* Gives the thread a command, after the one that it has; waits for its end. */
int vcpu_order(struct vcpu *vcpu, enum probe_op op, uint64_t count, struct error *err);
int vcpu_wait(struct vcpu *vcpu, struct error *err);

/* Has a driver run, with driven as its argument, and waits. */
int vcpu_drive(struct vcpu *vcpu, vcpu_driver drive, void *driven, struct error *err);

/* For drivers. One KVM_RUN, up to what is for the VMM to do. */
int vcpu_run_once(struct vcpu *vcpu, struct error *err);

/*
 * Lets KVM end the instruction that got the vCPU here, without an entry: the registers are those
 * after it then.
 */
void vcpu_end_instruction(struct vcpu *vcpu);

/* Fills in *err with what KVM_RUN returned for; returns its status. */
int vcpu_unexpected_exit(struct vcpu *vcpu, struct error *err);

/* All commands, of now and later, fail from here on. Async-signal-safe. */
void vcpu_interrupt(void);

/* Makes the thread check whether it must stop. Async-signal-safe. */
void vcpu_kick(const struct vcpu *vcpu);

#endif
