/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef REPORT_FILE_H
#define REPORT_FILE_H

/* Reports in files: written, and read again. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/*
 * Reads the document of a file ("-": standard input), or of a text, and checks it against its
 * schema. STATUS_USAGE if it is no report, STATUS_CANNOT_RUN if it cannot be read.
 */
int report_read(const char *path, json_t **document, struct error *err);
int report_parse(const char *text, size_t size, json_t **document, struct error *err);

/*
 * Writes a text to path ("-": standard output), all of it or nothing, with a newline as its end.
 * Where that is a file, or a link to one, the file is replaced at once and keeps mode and owner.
 * STATUS_CANNOT_RUN.
 */
int report_write(const char *path, const char *text, struct error *err);

/* Whether report_write() is likely to succeed. */
int report_can_write(const char *path, struct error *err);

/* Whether path is "-", or another name of standard output. */
bool report_is_stdout(const char *path);

/* Whether two names lead to one regular file, there or not. */
bool report_is_same_file(const char *a, const char *b);

#endif
