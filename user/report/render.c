// SPDX-License-Identifier: GPL-2.0-only
/* open_memstream() */
#define _GNU_SOURCE
#include "report/render.h"

#include <stdlib.h>

#include "report/html.h"
#include "report/junit.h"
#include "report/markdown.h"
#include "report/plain.h"
#include "report/schema.h"

void report_json(FILE *to, const json_t *document)
{
	json_dumpf(document, to, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	fputc('\n', to);
}

bool report_has_form(const json_t *document, enum report_form form)
{
	return form != REPORT_JUNIT || schema_kind(document) != SCHEMA_BENCH;
}

char *report_render(const json_t *document, enum report_form form)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	bool failed;

	if (!to)
		return NULL;
	switch (form) {
	case REPORT_TEXT:
		report_text(to, document, false);
		break;
	case REPORT_JSON:
		report_json(to, document);
		break;
	case REPORT_MARKDOWN:
		report_markdown(to, document);
		break;
	case REPORT_JUNIT:
		report_junit(to, document);
		break;
	case REPORT_HTML:
		report_html(to, document);
		break;
	}
	failed = ferror(to);
	if (fclose(to) || failed) {
		free(text);
		return NULL;
	}
	return text;
}
