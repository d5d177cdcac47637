/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_ELSEWHERE_H
#define DIAGNOSE_ELSEWHERE_H

#include "judge/evidence.h"

/* True if reasons have the cycles that others lack. */
bool diagnose_elsewhere(struct evidence *evidence);

#endif
