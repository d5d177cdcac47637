/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRACER_VCPUS_H
#define TRACER_VCPUS_H

/* A list of the vCPUs that exist, with KVM's own numbers of their exits. Nothing is attached to an exit for it. */

#include <stdbool.h>

#include "tracer/tracer.h"
#include "util/error.h"
#include "listed.h"

struct vcpus;

/*
 * Opens the list. tracer: who counts exits, NULL if nobody does. account: the numbers by reason are wanted, and of
 * vCPUs at their end; only where KVM accounts for exits. process: whose vCPUs, 0: all. STATUS_CANNOT_RUN.
 */
int vcpus_open(struct vcpus **vcpus, enum exit_isa isa, const struct tracer *tracer, bool account,
	       pid_t process, struct error *err);
void vcpus_close(struct vcpus *vcpus);

/*
 * Takes notice of vCPUs that went, with account: some times a second. The list has those, and each stays in it until
 * the caller clears its key.
 */
void vcpus_poll(struct vcpus *vcpus, struct ec_listed **list, unsigned int *nr);

/*
 * The same, and lists the vCPUs that exist, each once. Numbers by reason are in the order of exit_index(). Valid until
 * the next time. STATUS_CANNOT_RUN.
 */
int vcpus_read(struct vcpus *vcpus, struct ec_listed **list, unsigned int *nr, struct error *err);

/* vCPUs that went and are in no list. */
unsigned long long vcpus_lost(const struct vcpus *vcpus);

#endif
