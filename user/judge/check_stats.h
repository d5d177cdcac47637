/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_STATS_H
#define CHECK_STATS_H

#include "judge/check.h"

void check_stats(struct facts *facts, struct check *check);

#endif
