/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_TIME_H
#define DIAGNOSE_TIME_H

#include "judge/evidence.h"

void diagnose_time(struct evidence *evidence);

/* Whether too many reasons lack cycles for that to be what some exits alone have in common. */
bool time_is_general(const struct evidence *evidence);

#endif
