// SPDX-License-Identifier: GPL-2.0-only
/* A saved report is read, shown in every form, and compared with itself. */
#include "compare/compare.h"
#include "compare/document.h"
#include "fuzz.h"
#include "report/file.h"
#include "report/render.h"
#include "report/schema.h"
#include "util/text.h"

static unsigned int count(const char *text, const char *word)
{
	unsigned int nr = 0;

	for (; (text = strstr(text, word)); text++)
		nr++;
	return nr;
}

/* The same document is read from its JSON again. */
static void check_json(const char *text)
{
	json_t *document = NULL;
	struct error err;
	char *again;

	must(!report_parse(text, strlen(text), &document, &err));
	again = report_render(document, REPORT_JSON);
	must(again && !strcmp(text, again));
	free(again);
	json_decref(document);
}

/*
 * However odd the report is, no form has control characters except tabs and newlines, and no text
 * of it begins or ends a script of the page.
 */
static void check_form(const json_t *document, enum report_form form)
{
	char *text = report_render(document, form);
	size_t length;

	must(text);
	length = strlen(text);
	must(length && text[length - 1] == '\n');
	for (const char *c = text; form != REPORT_JSON && *c; c++)
		must((unsigned char)*c >= ' ' || *c == '\n' || *c == '\t');
	if (form == REPORT_JSON)
		check_json(text);
	if (form == REPORT_HTML)
		must(count(text, "<script") == count(text, "</script"));
	free(text);
}

/* Four of it on either side, of which one may differ: there is something to tell. */
static void check_compare(json_t *document)
{
	json_t *const documents[] = { document, document, document, document };
	const char *const names[] = { "1", "2", "3", "4" };
	const struct compare_side side = { documents, names, 4 };
	struct comparison *comparison;
	struct error err;
	int status = compare_documents(&side, &side, 0, &comparison, &err);
	json_t *root;

	must(status == 0 || status == STATUS_USAGE);
	if (status) {
		must(*err.text && text_is_clean(err.text));
		return;
	}
	root = compare_document(comparison);
	must(root && !schema_check(root, true, &err));
	for (enum report_form form = 0; form < NR_REPORT_FORMS; form++)
		check_form(root, form);
	json_decref(root);
	compare_destroy(comparison);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	json_t *document = NULL;
	struct error err;
	int status = report_parse(text, size, &document, &err);

	free(text);
	must(status == 0 || status == STATUS_USAGE);
	must(!status == !!document);
	if (status) {
		must(*err.text && text_is_clean(err.text));
		return 0;
	}
	for (enum report_form form = 0; form < NR_REPORT_FORMS; form++)
		if (report_has_form(document, form))
			check_form(document, form);
	check_compare(document);
	json_decref(document);
	return 0;
}
