/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CLOCKS_H
#define CLOCKS_H

#include "run/session.h"

/* The TSC and CLOCK_MONOTONIC at one instant. */
struct result_clock clocks_read(void);

/* Rate-limited clock check: records the TSC's rate, and a change of the clock source. */
void clocks_check(struct session *session);

#endif
