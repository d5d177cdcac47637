/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_TIME_H
#define DIAGNOSE_TIME_H

#include "judge/evidence.h"

void diagnose_time(struct evidence *evidence);

/* Cycles that are rounded. True if that is what is wrong. */
bool diagnose_step(struct evidence *evidence);

/* Whether too many reasons lack cycles for that to be what some exits alone have in common. */
bool time_is_general(const struct evidence *evidence);

/* Whether the longest exits have nearly, but not quite all of their cycles; the share that they have. */
bool time_is_scaled(const struct evidence *evidence, double *share);

#endif
