/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRACER_SNAPSHOT_H
#define TRACER_SNAPSHOT_H

/* What the eBPF programs have counted of a vCPU, as plain data of one moment. */

#include "tracer/details.h"
#include "tracer/shared.h"

/* The programs' clock. */
struct snapshot_clock {
	unsigned int khz; /* 0: it is in ns */
	ec_u64 now;
};

ec_u64 snapshot_now(unsigned int khz);

/* One vCPU, over what it was at the last read; with its details, unless details is NULL. */
void snapshot_read(const struct shared *shared, unsigned int slot,
		   const struct snapshot_clock *clock, struct ec_vcpu *vcpu,
		   struct details *details);

/* Adds what one vCPU did to a sum. */
void snapshot_add(struct ec_vcpu *sum, const struct ec_vcpu *vcpu);

#endif
