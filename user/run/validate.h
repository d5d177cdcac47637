/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VALIDATE_H
#define VALIDATE_H

#include "run/plan.h"
#include "run/result.h"

/*
 * Runs the validation on this host and collects what judge_result() judges.
 * The caller frees *result with result_destroy(); it is set on success only.
 */
int validate(const struct host *host, const struct run_plan *plan, struct result **result,
	     struct error *err);

#endif
