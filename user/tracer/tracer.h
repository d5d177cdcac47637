/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WITNESS_H
#define WITNESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"
#include "exitcheck.h"
#include "kvm/host.h"

/* The eBPF program that counts and times exits on its own. */
struct witness;

enum witness_path {
	WITNESS_AUTO,	 /* BTF where KVM has it, else classic */
	WITNESS_BTF,	 /* tp_btf, types from module BTF or vmlinux */
	WITNESS_CLASSIC, /* classic tracepoints, offsets from tracefs */
};

#define WITNESS_MAX_SLOTS (EC_SLOTS - 1)

struct witness_config {
	enum exit_isa isa;
	enum witness_path path;
	unsigned int nr_slots; /* vCPUs that can be watched, up to WITNESS_MAX_SLOTS */
	bool watch;	       /* any VM: slots are taken at first sight */
	bool leaves_all;       /* kvm.exit_leaves=all: guests need not ask for the signature */
};

/* Opens, sizes, loads and attaches the program; its gate is still closed. */
int witness_create(struct witness **witness, const struct witness_config *config,
		   struct error *err);
void witness_destroy(struct witness *witness);

/* Which path was taken: "tp_btf" or "tracepoint". */
const char *witness_path_name(const struct witness *witness);

/*
 * Gives the vCPU thread tid the next free slot (its index in *slot). vm: any
 * non-zero number; the slots of one VM are summed for VM-wide leaves.
 */
int witness_register(struct witness *witness, unsigned int vm, unsigned int vcpu_id, pid_t tid,
		     unsigned int *slot, struct error *err);

/* From now on (open) events count. */
void witness_gate(struct witness *witness, bool open);

/*
 * The live numbers of a slot (memory shared with the program), NULL if out of range. Those
 * that the loader works out from the others are of the time of this call.
 */
const struct ec_vcpu *witness_vcpu(const struct witness *witness, unsigned int slot);
unsigned int witness_nr_vcpus(const struct witness *witness); /* slots taken */

const struct ec_stats *witness_stats(const struct witness *witness);

/* Leaf reads that did not hold; *nr of them are kept. */
const struct ec_mismatch *witness_mismatches(const struct witness *witness, unsigned int *nr);

/* Events that the kernel says it skipped for our programs (recursion misses). */
int witness_missed(const struct witness *witness, unsigned long long *missed, struct error *err);

#endif
