/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DOCUMENT_H
#define DOCUMENT_H

/* Documents of synthetic runs, for tests of the reports. Include after cmocka.h. */

#include <stdlib.h>
#include <string.h>

#include "compare/compare.h"
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

/* As many files of it on either side, four at most; *comparison as of compare_documents(). */
static inline int compare_with_itself(json_t *document, unsigned int nr, double limit,
				      struct comparison **comparison, struct error *err)
{
	/* The comparison goes on to use them. */
	static json_t *documents[4];
	static const char *const names[] = { "1", "2", "3", "4" };
	const struct compare_side side = { documents, names, nr };

	for (unsigned int i = 0; i < 4; i++)
		documents[i] = document;
	return compare_documents(&side, &side, limit, comparison, err);
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
