// SPDX-License-Identifier: GPL-2.0-only
/* Reports from a file, which may contain anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "compare/compare.h"
#include "document.h"
#include "list.h"
#include "report/error_document.h"
#include "report/file.h"
#include "synthetic_bench.h"
#include "util/array.h"

static struct error err;

/* The document read from a text; NULL: it was refused, with a one-line reason. */
static json_t *parsed(const char *text, size_t size)
{
	json_t *document = NULL;
	int status;

	err.text[0] = '\0';
	status = report_parse(text, size, &document, &err);
	if (!status) {
		assert_non_null(document);
		return document;
	}
	assert_int_equal(status, STATUS_USAGE);
	assert_null(document);
	assert_true(*err.text);
	assert_true(text_is_clean(err.text));
	return NULL;
}

static void expect_refused(const json_t *document, const char *why)
{
	char *text = json_dumps(document, 0);

	assert_null(parsed(text, strlen(text)));
	if (!strstr(err.text, why))
		print_error("\"%s\" does not say \"%s\"\n", err.text, why);
	assert_non_null(strstr(err.text, why));
	free(text);
}

static void expect_refused_text(const char *text, const char *why)
{
	assert_null(parsed(text, strlen(text)));
	if (!strstr(err.text, why))
		print_error("\"%s\" does not say \"%s\"\n", err.text, why);
	assert_non_null(strstr(err.text, why));
}

/* Keeps the first elements of every list: the others add little. */
static void shorten(json_t *at)
{
	const char *key;
	json_t *value;
	size_t i;

	while (json_array_size(at) > 2)
		json_array_remove(at, 2);
	json_array_foreach(at, i, value)
		shorten(value);
	json_object_foreach(at, key, value)
		shorten(value);
}

/* ---- what is a report ---- */

/* Read back, a report is the same in every form, byte for byte. */
static void forms_are_the_same_again(void **state)
{
	static const enum defect defects[] = { DEFECT_NONE, DEFECT_MISSED, DEFECT_HI_LO_SWAPPED };

	(void)state;
	for (unsigned int d = 0; d < NR(defects); d++) {
		json_t *document = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, defects[d]);
		char *json = form_of(document, REPORT_JSON);
		json_t *again = parsed(json, strlen(json));

		assert_non_null(again);
		for (enum report_form form = 0; form < NR_REPORT_FORMS; form++) {
			char *first = form_of(document, form), *second = form_of(again, form);

			assert_string_equal(first, second);
			free(first);
			free(second);
		}
		free(json);
		json_decref(document);
		json_decref(again);
	}
}

static void other_members_are_let_through(void **state)
{
	json_t *document = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE), *again;
	char *text;

	(void)state;
	json_object_set_new(document, "unheard_of", json_true());
	json_object_set_new(json_object_get(document, "host"), "age", json_string("\033"));
	text = json_dumps(document, 0);
	again = parsed(text, strlen(text));
	assert_non_null(again);
	json_decref(again);
	free(text);
	/* But exitcheck itself writes none. */
	assert_int_equal(schema_check(document, true, &err), STATUS_USAGE);
	assert_non_null(strstr(err.text, "host.age"));
	json_decref(document);
}

static void fields_that_came_later_may_be_missing(void **state)
{
	json_t *document = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_MISSED), *again;
	char *text;

	(void)state;
	json_object_del(document, "latency");
	json_object_del(document, "diagnoses");
	text = json_dumps(document, 0);
	again = parsed(text, strlen(text));
	assert_non_null(again);
	free(text);
	for (enum report_form form = 0; form < NR_REPORT_FORMS; form++)
		free(form_of(again, form));
	json_decref(again);
	json_decref(document);
}

static void errors_are_read_too(void **state)
{
	const struct error error = { "there is no /dev/kvm <here>" };
	json_t *document = report_error_document(&error), *again;
	char *text = form_of(document, REPORT_JSON);

	(void)state;
	again = parsed(text, strlen(text));
	assert_non_null(again);
	free(text);
	for (enum report_form form = 0; form < NR_REPORT_FORMS; form++) {
		text = form_of(again, form);
		assert_non_null(strstr(text, "there is no /dev/kvm "));
		free(text);
	}
	text = form_of(again, REPORT_TEXT);
	assert_string_equal(text, "ERROR: there is no /dev/kvm <here>\n");
	free(text);
	json_decref(again);
	json_decref(document);
}

/* ---- what is none ---- */

static void versions_are_refused(void **state)
{
	json_t *document = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	json_object_set_new(document, "schema_version", json_integer(2));
	expect_refused(document, "schema_version is 2, this exitcheck reads 1");
	json_object_set_new(document, "schema_version", json_integer(INT64_MIN));
	expect_refused(document, "schema_version is -9223372036854775808");
	json_object_set_new(document, "schema_version", json_string("1"));
	expect_refused(document, "no schema_version");
	json_object_del(document, "schema_version");
	expect_refused(document, "no schema_version");
	json_decref(document);
}

static void misfits_are_named(void **state)
{
	json_t *document = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	json_t *host = json_object_get(document, "host"), *many = json_array();
	json_t *check = json_array_get(json_object_get(document, "checks"), 2);

	(void)state;
	json_object_set_new(host, "isa", json_string("ARM"));
	expect_refused(document, "host.isa has a value that is not known");
	json_object_set_new(host, "isa", json_string("SVM"));
	json_object_set_new(document, "seed", json_string("1e9"));
	expect_refused(document, "seed is no number");
	json_object_set_new(document, "seed", json_string("123456789012345678901"));
	expect_refused(document, "seed is no number");
	json_object_set_new(document, "seed", json_integer(-1));
	expect_refused(document, "seed is negative");
	json_object_set_new(document, "seed", json_real(4.5));
	expect_refused(document, "seed has another type");
	json_object_del(document, "seed");
	expect_refused(document, "seed is missing");
	json_object_set_new(document, "seed", json_integer(7));
	json_object_set_new(check, "evidence", json_string("all\nPASS: well"));
	expect_refused(document, "checks[2].evidence has control characters");
	json_object_set_new(check, "evidence", json_string("\xc2\x9b\x33\x31m"));
	expect_refused(document, "checks[2].evidence has control characters");
	json_object_set_new(check, "evidence", json_string("\xef\xbf\xbf"));
	expect_refused(document, "checks[2].evidence has control characters");
	json_object_set_new(check, "evidence", json_null());
	expect_refused(document, "checks[2].evidence has another type");
	for (int i = 0; i < 65; i++)
		json_array_append(many, check);
	json_object_set_new(document, "checks", many);
	expect_refused(document, "checks has too many elements");
	json_decref(document);
}

/* A later exitcheck of the same schema has more checks and diagnoses: they are shown. */
static void names_that_came_later_are_shown(void **state)
{
	json_t *document = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_MISSED);
	json_t *check = json_array_get(json_object_get(document, "checks"), 2);
	json_t *diagnosis = json_array_get(json_object_get(document, "diagnoses"), 0);

	(void)state;
	json_object_set_new(check, "id", json_string("STORM"));
	json_object_set_new(diagnosis, "name", json_string("rained-on"));
	assert_fits(document);
	for (enum report_form form = 0; form < NR_REPORT_FORMS; form++) {
		char *text = form_of(document, form);

		assert_non_null(strstr(text, "STORM"));
		assert_non_null(strstr(text, "rained-on"));
		free(text);
	}
	json_decref(document);
}

static void other_texts_are_refused(void **state)
{
	static char deep[200001];
	char *list = list_json();

	(void)state;
	expect_refused_text("", "not JSON");
	expect_refused_text("\n\n", "not JSON");
	expect_refused_text("PASS: all well\n", "not JSON");
	expect_refused_text("null", "not JSON");
	expect_refused_text("[]", "no schema_version");
	expect_refused_text("{}", "no schema_version");
	expect_refused_text("{\"schema_version\":1}", "exitcheck is missing");
	expect_refused_text("{\"schema_version\":1,\"error\":1}", "exitcheck is missing");
	expect_refused_text("{\"schema_version\":1,\"error\":\"\\u0000\"}", "not JSON");
	expect_refused_text("{\"schema_version\":1,\"error\":\"\\ud800\"}", "not JSON");
	expect_refused_text("{\"schema_version\":1,\"error\":\"\xc3\"}", "not JSON");
	expect_refused_text("{\"schema_version\":1,\"error\":\"\\u001b[2J\"}",
			    "exitcheck is missing");
	expect_refused_text("{\"schema_version\":1,\"schema_version\":1,\"error\":\"\"}",
			    "not JSON");
	expect_refused_text("{\"schema_version\":1,\"error\":\"\"} {}", "not JSON");
	expect_refused_text("{\"schema_version\":1e999}", "not JSON");
	expect_refused_text("{\"schema_version\":99999999999999999999}", "not JSON");
	expect_refused_text("{\"\033[31m", "not JSON");
	expect_refused_text(list, "exitcheck is missing");
	free(list);
	memset(deep, '[', sizeof(deep) - 1);
	expect_refused_text(deep, "not JSON");
	for (size_t i = 0; i + 5 < sizeof(deep); i += 5)
		memcpy(deep + i, "{\"a\":", 5);
	expect_refused_text(deep, "not JSON");
}

static void truncated_at_every_byte(void **state)
{
	json_t *document = document_of(EXIT_ISA_VMX, LEAVES_PRESENT, DEFECT_MISSED);
	char *text, *part;
	size_t size;

	(void)state;
	shorten(document);
	text = json_dumps(document, JSON_COMPACT | JSON_PRESERVE_ORDER);
	size = strlen(text);
	for (size_t length = 0; length < size; length++) {
		/* A separate block, so that a read beyond it is noticed. */
		part = malloc(length ? length : 1);
		memcpy(part, text, length);
		assert_null(parsed(part, length));
		free(part);
	}
	free(text);
	json_decref(document);
}

/* Changes one value of the document at a time: it is refused, or shown and compared. */
static void any_value_may_be_anything(json_t *document, json_t *at)
{
	static const char *const others[] = {
		"null", "true", "-1", "9223372036854775807", "1e308", "\"\"", "\"<\\\"&|'\"",
		"[]",	"[[]]", "{}"
	};
	struct comparison *comparison;
	void *next;
	const char *key;
	json_t *value;
	size_t i;

	json_array_foreach(at, i, value)
		any_value_may_be_anything(document, value);
	json_object_foreach_safe(at, next, key, value)
	{
		json_incref(value);
		for (i = 0; i < NR(others); i++) {
			json_t *other = json_loads(others[i], JSON_DECODE_ANY, NULL);

			json_object_set_new(at, key, other);
			if (schema_check(document, false, &err))
				continue;
			for (enum report_form form = 0; form < NR_REPORT_FORMS; form++)
				if (form != REPORT_JSON && report_has_form(document, form))
					free(form_of(document, form));
			if (!compare_with_itself(document, 1, 0, &comparison, &err))
				compare_destroy(comparison);
		}
		json_object_set(at, key, value);
		any_value_may_be_anything(document, value);
		json_decref(value);
	}
}

static void values_may_be_anything(void **state)
{
	json_t *documents[] = { document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_MISSED),
				synthetic_bench_document() };

	(void)state;
	for (unsigned int i = 0; i < NR(documents); i++) {
		shorten(documents[i]);
		any_value_may_be_anything(documents[i], documents[i]);
		assert_int_equal(schema_check(documents[i], true, &err), 0);
		json_decref(documents[i]);
	}
}

/* ---- files ---- */

static void files_are_read(void **state)
{
	char path[] = "/tmp/exitcheck-test.XXXXXX";
	int fd = mkstemp(path);
	json_t *document = NULL;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(report_read(path, &document, &err), STATUS_USAGE);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(report_write(path, "{\"schema_version\":1,\"error\":\"\"}\n", &err), 0);
	assert_int_equal(report_read(path, &document, &err), 0);
	json_decref(document);
	assert_int_equal(truncate(path, (16 << 20) + 1), 0);
	assert_int_equal(report_read(path, &document, &err), STATUS_CANNOT_RUN);
	assert_non_null(strstr(err.text, "File too large"));
	unlink(path);
	assert_int_equal(report_read(path, &document, &err), STATUS_CANNOT_RUN);
	assert_non_null(strstr(err.text, "No such file"));
	assert_int_equal(report_read("/tmp", &document, &err), STATUS_CANNOT_RUN);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_the_same_again),
		cmocka_unit_test(other_members_are_let_through),
		cmocka_unit_test(fields_that_came_later_may_be_missing),
		cmocka_unit_test(errors_are_read_too),
		cmocka_unit_test(versions_are_refused),
		cmocka_unit_test(misfits_are_named),
		cmocka_unit_test(names_that_came_later_are_shown),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(truncated_at_every_byte),
		cmocka_unit_test(values_may_be_anything),
		cmocka_unit_test(files_are_read),
	};

	return cmocka_run_group_tests_name("read", tests, NULL, NULL);
}
