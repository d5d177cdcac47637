/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef JUNIT_H
#define JUNIT_H

#include <jansson.h>
#include <stdio.h>

/* For a run only: a bench has no verdicts. */
void report_junit(FILE *to, const json_t *document);

#endif
