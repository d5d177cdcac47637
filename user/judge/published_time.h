/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PUBLISHED_TIME_H
#define PUBLISHED_TIME_H

#include "judge/published.h"

/* Cycles, by eBPF's clock and by the guest's. */
void published_time(struct published *p);

#endif
