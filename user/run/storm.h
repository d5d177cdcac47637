/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef STORM_H
#define STORM_H

#include "run/session.h"
#include "run/storm_steps.h"

/* vCPUs that it has at a time, at most. */
#define STORM_MAX_VCPUS (STORM_PLACES * STORM_VCPUS)

/*
 * Everything at once, in random order: VMs and vCPUs that come and go, random programs, leaf reads, signals,
 * moves between CPUs, CPUs off and on. If eBPF finds anything, looks for the fewest steps that show it.
 */
int phase_storm(struct session *session);

#endif
