/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef JUNIT_H
#define JUNIT_H

#include <jansson.h>
#include <stdio.h>

/* A run alone: a bench has no verdicts. */
void report_junit(FILE *to, const json_t *document);

#endif
