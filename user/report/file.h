/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef REPORT_FILE_H
#define REPORT_FILE_H

/* Reports in files: written, and read again. */

#include <jansson.h>
#include <stddef.h>

#include "util/error.h"

/*
 * The document that is in a file ("-": standard input), and in a text. Both are held against the
 * document's schema: STATUS_USAGE where it is no report, STATUS_CANNOT_RUN where it cannot be read.
 */
int report_read(const char *path, json_t **document, struct error *err);
int report_parse(const char *text, size_t size, json_t **document, struct error *err);

/*
 * Writes a text to path ("-": standard output), all of it or nothing, with a newline as its end.
 * Where that is a file it is replaced at once. STATUS_CANNOT_RUN.
 */
int report_write(const char *path, const char *text, struct error *err);

/* Whether report_write() will be able to, as far as one can know before. */
int report_can_write(const char *path, struct error *err);

#endif
