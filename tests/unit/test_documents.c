// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a released version wrote can still be read. A change that breaks this raises schema_version, and keeps the
 * old documents' refusal in test_report.c. From the top of the tree; a directory a version in tests/unit/documents.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare/compare.h"
#include "document.h"
#include "report/file.h"
#include "report/render.h"
#include "report/schema.h"
#include "util/array.h"
#include "util/version.h"

#define DOCUMENTS "tests/unit/documents/0.1/"

static void each_is_shown_in_every_form(void **state)
{
	static const char *const files[] = {
		DOCUMENTS "run.json",
		DOCUMENTS "run-no-leaves.json",
		DOCUMENTS "bench.json",
		DOCUMENTS "error.json",
	};

	(void)state;
	for (size_t i = 0; i < NR(files); i++) {
		json_t *document;
		struct error err;

		if (report_read(files[i], &document, &err))
			fail_msg("%s: %s", files[i], err.text);
		for (unsigned int form = 0; form < NR_REPORT_FORMS; form++) {
			char *text = report_render(document, form);

			assert_non_null(text);
			assert_true(strlen(text) > 20);
			free(text);
		}
		json_decref(document);
	}
}

static void each_can_be_compared_with_itself(void **state)
{
	static const char *const files[] = { DOCUMENTS "run.json", DOCUMENTS "bench.json" };

	(void)state;
	for (size_t i = 0; i < NR(files); i++) {
		struct comparison *comparison = NULL;
		json_t *document;
		struct error err;

		if (report_read(files[i], &document, &err))
			fail_msg("%s: %s", files[i], err.text);
		if (compare_with_itself(document, 4, 5, &comparison, &err))
			fail_msg("%s: %s", files[i], err.text);
		assert_int_equal(compare_status(comparison), STATUS_PASS);
		compare_destroy(comparison);
		json_decref(document);
	}
}

static void lines_of_audit_fit_their_schema(void **state)
{
	json_t *schema = json_load_file("user/live/audit.schema.json", 0, NULL), *document;
	FILE *file = fopen(DOCUMENTS "audit.json", "r");
	unsigned int nr = 0;
	struct error err;

	(void)state;
	assert_non_null(schema);
	assert_non_null(file);
	while ((document = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL))) {
		if (schema_check_by(schema, document, false, &err))
			fail_msg("line %u: %s", nr + 1, err.text);
		json_decref(document);
		nr++;
	}
	assert_int_equal(nr, 5);
	fclose(file);
	json_decref(schema);
}

/* Where one is raised, a directory of documents of its own comes beside those that are refused now. */
static void versions_are_those_of_the_documents(void **state)
{
	(void)state;
	assert_int_equal(REPORT_SCHEMA_VERSION, 1);
	assert_int_equal(BENCH_SCHEMA_VERSION, 1);
	/* Version 1 was not read again by anything. */
	assert_int_equal(COMPARISON_SCHEMA_VERSION, 2);
	assert_int_equal(INGUEST_SCHEMA_VERSION, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_shown_in_every_form),
		cmocka_unit_test(each_can_be_compared_with_itself),
		cmocka_unit_test(lines_of_audit_fit_their_schema),
		cmocka_unit_test(versions_are_those_of_the_documents),
	};

	return cmocka_run_group_tests_name("documents of released versions", tests, NULL, NULL);
}
