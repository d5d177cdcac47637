/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef REPORT_H
#define REPORT_H

/*
 * A report is a JSON document that user/report/report.schema.json describes, or of bench
 * user/report/bench.schema.json. It is made from a result or read from a file; every form of the report
 * is a function of it.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "judge/checks.h"
#include "options.h"

/* The document of a run, and of one that did not come to an end; NULL: no memory. */
json_t *report_document(const struct result *result, const struct verdicts *verdicts);
json_t *report_error_document(const struct error *err);

/*
 * The document that is in a file ("-": standard input), and in a text. Both are held against the
 * document's schema: STATUS_USAGE where it is no report, STATUS_CANNOT_RUN where it cannot be read.
 */
int report_read(const char *path, json_t **document, struct error *err);
int report_parse(const char *text, size_t size, json_t **document, struct error *err);

/* Whether there is that form of a document: JUnit's is of verdicts, and bench has none. */
bool report_has_form(const json_t *document, enum report_form form);

/* A document in one of its forms: a text to be freed, NULL: no memory. Text is without colour. */
char *report_render(const json_t *document, enum report_form form);

/* For people: header, table, of a run checks, and the closing line as the last. */
void report_text(FILE *to, const json_t *document, bool color);

/* The other forms, each complete with its last newline. */
void report_json(FILE *to, const json_t *document);
void report_markdown(FILE *to, const json_t *document);
void report_junit(FILE *to, const json_t *document);
void report_html(FILE *to, const json_t *document);

/* The page of a bench, as report_html() writes it. */
void report_bench_html(FILE *to, const json_t *document);

/* The workloads and the exit of each, as `exitcheck list` shows them; NULL: no memory. */
void report_list_text(FILE *to);
char *report_list_json(void);

/*
 * Writes a text to path ("-": standard output), all of it or nothing, with a newline as its end.
 * Where that is a file it is replaced at once. STATUS_CANNOT_RUN.
 */
int report_write(const char *path, const char *text, struct error *err);

/* Whether report_write() will be able to, as far as one can know before. */
int report_can_write(const char *path, struct error *err);

#endif
