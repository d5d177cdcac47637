/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef JUDGE_ASSIGNMENT_H
#define JUDGE_ASSIGNMENT_H

#include "judge/verdicts.h"
#include "run/result.h"

/* Judges a run of --leaves: the findings, the scope, the table, and a check for each point. */
void assignment_judge(const struct result *result, struct verdicts *verdicts);

#endif
