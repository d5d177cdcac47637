/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_STORM_H
#define CHECK_STORM_H

#include "judge/check.h"

void check_storm(struct facts *facts, struct check *check);

#endif
