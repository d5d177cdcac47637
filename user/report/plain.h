/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PLAIN_H
#define PLAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* For a terminal: header, table, the checks of a run, and the closing line last. */
void report_text(FILE *to, const json_t *document, bool color);

#endif
