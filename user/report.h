/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#include "checks.h"
#include "options.h"

/* For people: header, table by reason, checks, and the closing line as the last. */
void report_text(FILE *to, const struct result *result, const struct verdicts *verdicts,
		 bool color);

/* The workloads and the exit of each, as `exitcheck list` shows them. */
void report_list_text(FILE *to);

/*
 * For programs: user/report.schema.json describes it. The text is the caller's
 * to free; NULL: no memory.
 */
char *report_json(const struct result *result, const struct verdicts *verdicts);
char *report_json_error(const struct error *err);
char *report_json_list(void);

/*
 * Writes a text to path ("-": standard output), all of it or nothing. Where
 * that is a file it is replaced at once. STATUS_CANNOT_RUN.
 */
int report_write(const char *path, const char *text, struct error *err);

/* Whether report_write() will be able to, as far as one can know before. */
int report_can_write(const char *path, struct error *err);

#endif
