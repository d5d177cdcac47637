/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRACER_CLASSIC_H
#define TRACER_CLASSIC_H

/* Where the classic tracepoints' records have what the eBPF program reads. */

#include "memory.h"
#include "util/error.h"

/* STATUS_CANNOT_RUN where one of them is missing, or not what it used to be. */
int classic_find_fields(struct ec_fields *fields, struct error *err);

#endif
