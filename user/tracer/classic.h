/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRACER_CLASSIC_H
#define TRACER_CLASSIC_H

/* What the eBPF program takes from the classic tracepoints. */

#include "memory.h"
#include "tracer/tracefs.h"
#include "util/error.h"

/*
 * Where kvm_exit's record has what is read; and that kvm_cpuid's arguments are in the expected order.
 * STATUS_CANNOT_RUN where something is missing, or not what it used to be.
 */
int classic_find_fields(struct tracefs_field fields[EC_NR_FIELDS], struct error *err);

#endif
