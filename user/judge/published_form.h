/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PUBLISHED_FORM_H
#define PUBLISHED_FORM_H

#include "judge/published.h"

/* Which numbers are refused, and whether cycles have halves; needed by all others. */
void published_collect_forms(struct published *p);

/* What the registers must have for numbers that are not defined, or not enabled. */
void published_form(struct published *p);

#endif
