/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RENDER_H
#define RENDER_H

/*
 * A report is a JSON document that report.schema.json describes, or of bench bench.schema.json.
 * Every form of it is a function of the document.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum report_form {
	REPORT_TEXT,
	REPORT_JSON,
	REPORT_MARKDOWN,
	REPORT_JUNIT,
	REPORT_HTML,
};

#define NR_REPORT_FORMS (REPORT_HTML + 1)

/* Whether there is that form of a document: JUnit's is of verdicts, and bench has none. */
bool report_has_form(const json_t *document, enum report_form form);

/* A document in one of its forms: a text to be freed, NULL: no memory. Text is without colour. */
char *report_render(const json_t *document, enum report_form form);

void report_json(FILE *to, const json_t *document);

#endif
