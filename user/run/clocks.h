/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CLOCKS_H
#define CLOCKS_H

#include "run/session.h"

/* The TSC and CLOCK_MONOTONIC at one instant. */
struct result_clock clocks_read(void);

/* The same, and the suspends until now: at the beginning and the end of what is timed. */
struct result_clock clocks_mark(void);

/* The greatest number of which all differences between readings of the TSC are multiples. */
uint64_t clocks_tsc_step(void);

/* Rate-limited clock check: records the TSC's rate, and a change of the clock source. */
void clocks_check(struct session *session);

#endif
