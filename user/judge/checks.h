/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECKS_H
#define CHECKS_H

#include "judge/facts.h"
#include "judge/verdicts.h"

/* Runs every check that applies, in the order of the report. */
void checks_run(struct facts *facts, struct verdicts *verdicts);

#endif
