/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PUBLISHED_COUNTS_H
#define PUBLISHED_COUNTS_H

#include "judge/published.h"

/* Counts: of one vCPU alone, and of several at once. */
void published_counts(struct published *p);

#endif
