/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_UNCOVERED_H
#define CHECK_UNCOVERED_H

#include "judge/check.h"

void check_uncovered(struct facts *facts, struct check *check);

#endif
