/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_WIDTH_H
#define CHECK_WIDTH_H

#include "judge/check.h"

/* What the host's interrupts and the like may add to a total: less than a carry that is lost. */
#define WIDTH_OTHER_EXITS 0x4000

void check_width(struct facts *facts, struct check *check);

/* Whether a read of a counter near a width is right, and its value. */
bool width_holds(const struct result_width *width, uint64_t *value);

#endif
