/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LOSSES_H
#define LOSSES_H

/* What a source has lost. */

#include <stdint.h>

#include "tracer/tracer.h"
#include "util/error.h"

enum loss {
	LOSS_SKIPPED,
	LOSS_NO_ROOM,
	LOSS_MAP_FULL,
	LOSS_UNKNOWN_VCPU,
	LOSS_ENTRIES,
	LOSS_GONE,
	NR_LOSSES,
};

struct loss_kind {
	const char *name; /* in one word */
	const char *what; /* that there were some of */
};

extern const struct loss_kind loss_kinds[NR_LOSSES];

struct losses {
	uint64_t nr[NR_LOSSES];
	char s[256]; /* in one line; "" if nothing was */
};

/* Says what nr has. */
void losses_say(struct losses *losses);

/* What the eBPF program has lost. lost_entries: of all vCPUs. STATUS_CANNOT_RUN. */
int losses_sum(struct losses *losses, const struct tracer *tracer, uint64_t lost_entries,
	       struct error *err);

#endif
