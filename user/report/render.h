/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RENDER_H
#define RENDER_H

/*
 * A report is a JSON document that report.schema.json or bench.schema.json describes. Every form is
 * a function of the document.
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

/* Whether a document has that form: JUnit XML needs verdicts, which a bench lacks. */
bool report_has_form(const json_t *document, enum report_form form);

/* A document in one of its forms: a text to be freed, NULL: no memory. Text is without colour. */
char *report_render(const json_t *document, enum report_form form);

void report_json(FILE *to, const json_t *document);

#endif
