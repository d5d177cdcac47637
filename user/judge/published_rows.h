/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PUBLISHED_ROWS_H
#define PUBLISHED_ROWS_H

#include "judge/published.h"

/* The table by reason. */
void published_rows(struct published *p);

/* A check for each point of the assignment. */
void published_checks(struct published *p);

#endif
