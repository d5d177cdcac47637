/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PUBLISHED_SCOPE_H
#define PUBLISHED_SCOPE_H

#include "judge/published.h"

/* Whose exits the leaves have. */
void published_scope(struct published *p);

#endif
