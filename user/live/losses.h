/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LOSSES_H
#define LOSSES_H

/* What the eBPF program has lost. */

#include <stdint.h>

#include "tracer/tracer.h"
#include "util/error.h"

struct losses {
	char s[256]; /* in one line; "" if nothing was */
};

/* lost_entries: of all vCPUs. STATUS_CANNOT_RUN. */
int losses_sum(struct losses *losses, const struct tracer *tracer, uint64_t lost_entries,
	       struct error *err);

#endif
