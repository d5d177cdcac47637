/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef INGUEST_SNAPSHOT_H
#define INGUEST_SNAPSHOT_H

/* All counters, read one after another, while the VM runs. */

#include "inguest/source.h"

struct reading {
	uint64_t exits, cycles;
};

struct snapshot {
	uint64_t clock_ns; /* CLOCK_MONOTONIC, before the first read */
	/*
	 * CPUIDs that this program had executed when it read the exits of CPUID, that one included: they
	 * are in that value, and the time of all but the last.
	 */
	uint64_t own;
	/*
	 * Before the reasons and after them. Between two snapshots the first one's last and the
	 * second one's first total enclose less than each reason's own two reads do.
	 */
	struct reading total[2];
	uint64_t own_total[2];			   /* as own, when these were read */
	struct reading reason[SOURCE_MAX_NUMBERS]; /* as in source.number[] */
};

int snapshot_take(struct snapshot *snapshot, const struct source *source, struct reader *reader,
		  struct error *err);

/* Whether a counter is lower than it was before, which no exit does. */
bool snapshot_went_down(const struct source *source, const struct snapshot *from,
			const struct snapshot *to);

#endif
