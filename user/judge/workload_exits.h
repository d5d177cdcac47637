/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WORKLOAD_EXITS_H
#define WORKLOAD_EXITS_H

#include "judge/facts.h"
#include "judge/verdicts.h"

/* Exits of one reason from the sweep before a workload to the one after it, by all sources. */
struct workload_exits workload_exits_of(const struct facts *facts, unsigned int workload,
					unsigned int index);

/* Lists those of all workloads and reasons. */
void workload_exits_list(const struct facts *facts, struct verdicts *verdicts);

#endif
