/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef JUDGE_H
#define JUDGE_H

#include "judge/verdicts.h"
#include "run/result.h"

/* Judges a result: a pure function of its data, no input or output. */
void judge_result(const struct result *result, struct verdicts *verdicts);

#endif
