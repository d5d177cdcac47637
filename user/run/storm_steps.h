/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef STORM_STEPS_H
#define STORM_STEPS_H

/* What PHASE_STORM does, step by step. */

#include "run/result.h"

#define STORM_PLACES 3 /* for VMs, at a time */
#define STORM_VCPUS 3  /* of a VM, at most */

struct storm_step {
	enum storm_kind kind;
	unsigned int place; /* of the VM */
	/* To be taken modulo of what there is to choose from. */
	uint32_t vcpu, choice;
	unsigned int count; /* of operations, exits, signals or moves */
	uint64_t seed;	    /* of a program */
};

/* A step by its number, whatever the others are: so any of them can be repeated alone. */
struct storm_step storm_step(uint64_t seed, uint64_t number);

#endif
