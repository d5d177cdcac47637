/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_COUNTS_H
#define DIAGNOSE_COUNTS_H

#include "judge/evidence.h"

void diagnose_counts(struct evidence *evidence);

#endif
