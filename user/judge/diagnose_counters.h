/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_COUNTERS_H
#define DIAGNOSE_COUNTERS_H

#include "judge/evidence.h"

/* Counters that go down, or stand still, by the exits at which they did. True if that is what is wrong. */
bool diagnose_counters(struct evidence *evidence);

#endif
