/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ROWS_H
#define ROWS_H

#include "judge/facts.h"
#include "judge/verdicts.h"

/* The table by reason, of the phases with one vCPU. After the checks: TIME tells which times fail. */
void rows_judge(const struct facts *facts, struct verdicts *verdicts);

#endif
