/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VALIDATE_H
#define VALIDATE_H

#include "options.h"
#include "run/result.h"

/*
 * Runs the validation on this host and collects what checks_judge() judges.
 * The caller frees *result with result_destroy(); it is set on success only.
 */
int validate(const struct host *host, const struct options *options, struct result **result,
	     struct error *err);

#endif
