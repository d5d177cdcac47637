// SPDX-License-Identifier: GPL-2.0-only
/* A saved report is read, shown in every form, and compared with itself. */
#include "compare/forms.h"
#include "fuzz.h"
#include "report/file.h"
#include "report/render.h"
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

static void check_compare(const json_t *document)
{
	struct comparison *comparison;
	struct error err;
	int status = compare_documents(document, document, 0, &comparison, &err);
	json_t *root;
	char *text;

	must(status == 0 || status == STATUS_USAGE);
	if (status) {
		must(*err.text && text_is_clean(err.text));
		return;
	}
	for (unsigned int i = 0; i < comparison->nr_rows; i++)
		must(text_is_clean(comparison->rows[i].name));
	text = compare_json(comparison);
	root = text ? json_loads(text, 0, NULL) : NULL;
	must(root);
	json_decref(root);
	free(text);
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
