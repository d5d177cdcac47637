/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRACER_H
#define TRACER_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"
#include "memory.h"
#include "kvm/host.h"

/* The eBPF program that counts and times exits on its own. */
struct tracer;

enum tracer_path {
	TRACER_AUTO,	/* BTF where KVM has it, else classic */
	TRACER_BTF,	/* tp_btf, types from module BTF or vmlinux */
	TRACER_CLASSIC, /* classic tracepoints, offsets from tracefs */
};

#define TRACER_MAX_VCPUS 65536 /* at a time */

enum tracer_clock {
	TRACER_MONOTONIC, /* CLOCK_MONOTONIC */
	TRACER_TSC,	  /* the TSC, by a function of kvm.ko that the series adds */
};

struct tracer_config {
	enum exit_isa isa;
	enum tracer_path path;
	enum tracer_clock clock;
	unsigned int nr_vcpus; /* that there are at a time, up to TRACER_MAX_VCPUS */
	bool watch;	       /* any VM: vCPUs are followed from first sight on ... */
	pid_t process;	       /* ... of this process alone, 0: of all */
	bool audit;	       /* exits are compared with KVM's account of them, where it has one */
	bool details; /* exits are told apart by more than their reason; not without KVM's types */
	bool split;   /* where the time of exits goes; likewise */
	ec_u64 over; /* ns; exits that take longer are kept one by one, with details and split; 0: none */
	unsigned int tsc_khz; /* 0: unknown, cycles are not audited */
	bool leaves_all;      /* kvm.exit_leaves=all: guests need not ask for the signature */
};

/* Opens, sizes, loads and attaches the program; its gate is still closed. */
int tracer_create(struct tracer **tracer, const struct tracer_config *config, struct error *err);
void tracer_destroy(struct tracer *tracer);

/* Which path was taken: "tp_btf" or "tracepoint". */
const char *tracer_path_name(const struct tracer *tracer);

/* Why exits are not compared with KVM's own account of them, NULL if they are. */
const char *tracer_no_audit(const struct tracer *tracer);

/* Whether that is because the program would not load, although KVM has its types. */
bool tracer_refused(const struct tracer *tracer);

/* The maps that say what has been counted of a vCPU, for another program to look into. */
struct tracer_maps {
	int memory, by_key;
	struct ec_extent slots, rows;
};

struct tracer_maps tracer_maps(const struct tracer *tracer);

/* Whether it tells vCPUs that had run before from new ones: not without KVM's types. */
bool tracer_knows_late(const struct tracer *tracer);

/*
 * Tells the program of a vCPU that the thread tid is going to run; its number in *vcpu. vm: any non-zero
 * number; the vCPUs of one VM are summed for VM-wide leaves.
 */
int tracer_register(struct tracer *tracer, unsigned int vm, unsigned int vcpu_id, pid_t tid,
		    unsigned int *vcpu, struct error *err);

/* That vCPU does not run any more: its address in the kernel may be another one's soon. */
void tracer_retire(struct tracer *tracer, unsigned int vcpu);

/* Events count while the gate is open; once it is closed, nothing changes any more. */
void tracer_gate(struct tracer *tracer, bool open);

/*
 * Takes notice of vCPUs that have come and gone, if any are followed: to be called some times a second,
 * and once the gate is closed.
 */
void tracer_poll(struct tracer *tracer);

/* vCPUs so far, those that are gone included. */
unsigned int tracer_nr_vcpus(const struct tracer *tracer);

/*
 * What one has done until now; NULL if out of range, or if it is one of those that went so long ago that only
 * their sum is left. Valid until the next tracer_poll().
 */
const struct ec_vcpu *tracer_vcpu(struct tracer *tracer, unsigned int vcpu);

/* Whether KVM has destroyed one, as of the last tracer_poll(). */
bool tracer_is_gone(const struct tracer *tracer, unsigned int vcpu);

/* That sum, of *nr vCPUs; NULL if there are none. */
const struct ec_vcpu *tracer_former(const struct tracer *tracer, unsigned int *nr);

struct details;

/* The details of one, and of that sum, as tracer_vcpu() has just read them. */
const struct details *tracer_details(const struct tracer *tracer, unsigned int vcpu);
const struct details *tracer_former_details(const struct tracer *tracer);

/* How the exits that ended on each of *nr CPUs compare with KVM's account; NULL: no memory. The caller frees it. */
struct ec_audit *tracer_cpus(const struct tracer *tracer, unsigned int *nr);

const struct ec_stats *tracer_stats(const struct tracer *tracer);

/* Wrong leaf reads; *nr of them are kept, the first ones. */
const struct ec_mismatch *tracer_mismatches(struct tracer *tracer, unsigned int *nr);

/* Exits that KVM's account is wrong about; *nr of them are kept, the first ones. */
const struct ec_difference *tracer_differences(struct tracer *tracer, unsigned int *nr);

/*
 * Exits that took longer than was asked for, since the last time: *nr of them are kept; *dropped: those that were not,
 * ever. Valid until the next tracer_poll().
 */
const struct ec_outlier *tracer_outliers(struct tracer *tracer, unsigned int *nr, ec_u64 *dropped);

/* Events that the kernel skipped for our programs (recursion misses). */
int tracer_missed(const struct tracer *tracer, unsigned long long *missed, struct error *err);

#endif
