/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KERNEL_SOURCE_H
#define KERNEL_SOURCE_H

/* The patched KVM's own account of exits, as usage: nothing is attached to any exit. It has no histograms. */

#include "kvm/host.h"
#include "live/proof.h"
#include "live/usage.h"
#include "tracer/vcpus.h"
#include "util/error.h"

struct kernel_source;

/* Begins: exits count from here on. process: whose VMs, 0: all. STATUS_CANNOT_RUN, such as on a KVM that has no such account. */
int kernel_source_open(struct kernel_source **source, const struct host *host, pid_t process,
		       struct error *err);
void kernel_source_close(struct kernel_source *source);

/* Takes notice of vCPUs that went: some times a second. */
void kernel_source_poll(struct kernel_source *source);

/* A look: seconds since the beginning. STATUS_CANNOT_RUN. */
int kernel_source_take(struct kernel_source *source, struct usage *usage, double seconds,
		       struct proof *proof, struct error *err);

#endif
