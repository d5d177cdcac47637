/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_H
#define DIAGNOSE_H

#include "judge/verdicts.h"
#include "run/result.h"

/*
 * From the pattern over all reasons and checks to the likely defect. Fills in list (of
 * NR_DIAGNOSES), the most likely one first; returns how many there are: 0 where no check failed,
 * or where no known defect fits.
 */
unsigned int diagnose(const struct result *result, const struct verdicts *verdicts,
		      struct diagnosis *list);

#endif
