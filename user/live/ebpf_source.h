/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EBPF_SOURCE_H
#define EBPF_SOURCE_H

/* What the eBPF program has counted, as usage. */

#include "live/usage.h"
#include "tracer/tracer.h"

/* Takes notice of vCPUs that come and go, and of the names of their VMs: some times a second. */
void ebpf_source_poll(struct tracer *tracer, struct usage *usage);

/* A look: seconds since the beginning. STATUS_CANNOT_RUN. */
int ebpf_source_take(struct tracer *tracer, struct usage *usage, double seconds, struct error *err);

#endif
