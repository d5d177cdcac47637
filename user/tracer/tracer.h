/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRACER_H
#define TRACER_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"
#include "exitcheck.h"
#include "kvm/host.h"

/* The eBPF program that counts and times exits on its own. */
struct tracer;

enum tracer_path {
	TRACER_AUTO,	/* BTF where KVM has it, else classic */
	TRACER_BTF,	/* tp_btf, types from module BTF or vmlinux */
	TRACER_CLASSIC, /* classic tracepoints, offsets from tracefs */
};

#define TRACER_MAX_SLOTS (EC_SLOTS - 1)

struct tracer_config {
	enum exit_isa isa;
	enum tracer_path path;
	unsigned int nr_slots; /* vCPUs that can be watched, up to TRACER_MAX_SLOTS */
	bool watch;	       /* any VM: slots are taken at first sight */
	unsigned int tsc_khz;  /* 0: unknown, cycles are not audited */
	bool leaves_all;       /* kvm.exit_leaves=all: guests need not ask for the signature */
};

/* Opens, sizes, loads and attaches the program; its gate is still closed. */
int tracer_create(struct tracer **tracer, const struct tracer_config *config, struct error *err);
void tracer_destroy(struct tracer *tracer);

/* Which path was taken: "tp_btf" or "tracepoint". */
const char *tracer_path_name(const struct tracer *tracer);

/* Why exits are not compared with KVM's own account of them, NULL if they are. */
const char *tracer_no_audit(const struct tracer *tracer);

/*
 * Gives the vCPU thread tid the next free slot (its index in *slot). vm: any
 * non-zero number; the slots of one VM are summed for VM-wide leaves.
 */
int tracer_register(struct tracer *tracer, unsigned int vm, unsigned int vcpu_id, pid_t tid,
		    unsigned int *slot, struct error *err);

/* Events count while the gate is open. */
void tracer_gate(struct tracer *tracer, bool open);

/*
 * The live numbers of a slot (memory shared with the program), NULL if out of range. Numbers that
 * the loader computes are as of this call.
 */
const struct ec_vcpu *tracer_vcpu(const struct tracer *tracer, unsigned int slot);
unsigned int tracer_nr_vcpus(const struct tracer *tracer); /* slots taken */

/* How the exits that ended on a CPU, below EC_MAX_CPUS, compare with KVM's account. */
const struct ec_audit *tracer_cpu(const struct tracer *tracer, unsigned int cpu);

const struct ec_stats *tracer_stats(const struct tracer *tracer);

/* Wrong leaf reads; *nr of them are kept. */
const struct ec_mismatch *tracer_mismatches(const struct tracer *tracer, unsigned int *nr);

/* Events that the kernel skipped for our programs (recursion misses). */
int tracer_missed(const struct tracer *tracer, unsigned long long *missed, struct error *err);

#endif
