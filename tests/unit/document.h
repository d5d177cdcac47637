/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOCUMENT_H
#define DOCUMENT_H

/* Documents of synthetic runs, for tests of the reports. Include after cmocka.h. */

#include <stdlib.h>
#include <string.h>

#include "judge/document.h"
#include "judge/judge.h"
#include "report/render.h"
#include "report/schema.h"
#include "synthetic.h"
#include "util/text.h"

static inline json_t *document_of_result(const struct result *result)
{
	static struct verdicts verdicts;
	json_t *document;

	judge_result(result, &verdicts);
	document = run_document(result, &verdicts);
	assert_non_null(document);
	return document;
}

static inline json_t *document_of(enum exit_isa isa, enum leaves_state leaves, enum defect defect)
{
	struct result *result = synthetic_run(isa, leaves, defect);
	json_t *document = document_of_result(result);

	result_destroy(result);
	return document;
}

/* A document in one of its forms, to be freed. */
static inline char *form_of(const json_t *document, enum report_form form)
{
	char *text = report_render(document, form);

	assert_non_null(text);
	return text;
}

/* It fits the schema, without other members. */
static inline void assert_fits(const json_t *document)
{
	struct error err;
	int status = schema_check(document, true, &err);

	if (status)
		print_error("%s\n", err.text);
	assert_int_equal(status, 0);
}

#endif
