// SPDX-License-Identifier: GPL-2.0-only
/* A saved report: what is read of it is shown in every form. */
#include "fuzz.h"
#include "report.h"
#include "text.h"

/* No form has control characters but tabs and ends of lines, however odd the report is. */
static void check_form(const json_t *document, enum report_form form)
{
	char *text = report_render(document, form);
	size_t length;

	must(text);
	length = strlen(text);
	must(length && text[length - 1] == '\n');
	for (const char *c = text; form != REPORT_JSON && *c; c++)
		must((unsigned char)*c >= ' ' || *c == '\n' || *c == '\t');
	free(text);
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
		check_form(document, form);
	json_decref(document);
	return 0;
}
