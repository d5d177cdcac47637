/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_TOTALS_H
#define CHECK_TOTALS_H

#include "judge/check.h"

void check_total(struct facts *facts, struct check *check);

#endif
