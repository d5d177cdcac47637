/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_TIME_H
#define CHECK_TIME_H

#include "judge/check.h"

void check_time(struct facts *facts, struct check *check);

#endif
