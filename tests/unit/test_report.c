// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"
#include "synthetic.h"

#define SCHEMA "user/report.schema.json" /* tests run at the top of the tree */

static struct verdicts verdicts;

/* ---- as much of JSON Schema as report.schema.json uses ---- */

static json_t *schema;

static bool has_type(const json_t *value, const char *type)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return !strcmp(type, "object");
	case JSON_ARRAY:
		return !strcmp(type, "array");
	case JSON_STRING:
		return !strcmp(type, "string");
	case JSON_INTEGER:
		return !strcmp(type, "integer") || !strcmp(type, "number");
	case JSON_REAL:
		return !strcmp(type, "number");
	case JSON_TRUE:
	case JSON_FALSE:
		return !strcmp(type, "boolean");
	case JSON_NULL:
		return !strcmp(type, "null");
	}
	return false;
}

static bool valid(const json_t *value, const json_t *rule, const char *where, bool quiet);

static bool invalid(const char *where, const char *what, bool quiet)
{
	if (!quiet)
		print_error("%s: %s\n", where, what);
	return false;
}

static bool valid_object(const json_t *value, const json_t *rule, bool quiet)
{
	const json_t *properties = json_object_get(rule, "properties"), *required, *member;
	const char *key;
	size_t i;

	json_array_foreach(json_object_get(rule, "required"), i, required)
		if (!json_object_get(value, json_string_value(required)))
			return invalid(json_string_value(required), "is missing", quiet);
	json_object_foreach((json_t *)value, key, member) {
		const json_t *sub = json_object_get(properties, key);

		if (!sub && json_is_false(json_object_get(rule, "additionalProperties")))
			return invalid(key, "is not in the schema", quiet);
		if (sub && !valid(member, sub, key, quiet))
			return false;
	}
	return true;
}

static bool valid(const json_t *value, const json_t *rule, const char *where, bool quiet)
{
	const json_t *type = json_object_get(rule, "type"), *any = json_object_get(rule, "anyOf");
	const json_t *list = json_object_get(rule, "enum"), *items = json_object_get(rule, "items");
	const char *ref = json_string_value(json_object_get(rule, "$ref"));
	const json_t *entry;
	bool found = false;
	size_t i;

	if (ref) {
		const json_t *to =
			json_object_get(json_object_get(schema, "$defs"), strrchr(ref, '/') + 1);

		if (!to)
			return invalid(ref, "is not defined", false);
		if (!valid(value, to, where, quiet))
			return false;
	}
	if (any) {
		json_array_foreach(any, i, entry)
			found = found ||
				valid(value, entry, where, quiet || i + 1 < json_array_size(any));
		if (!found)
			return invalid(where, "is none of anyOf", quiet);
	}
	if (type) {
		found = json_is_string(type) && has_type(value, json_string_value(type));
		json_array_foreach(type, i, entry)
			found |= has_type(value, json_string_value(entry));
		if (!found)
			return invalid(where, "has another type", quiet);
	}
	if (list) {
		found = false;
		json_array_foreach(list, i, entry)
			found |= json_equal(value, entry);
		if (!found)
			return invalid(where, "is not in the enumeration", quiet);
	}
	if (items)
		json_array_foreach(value, i, entry)
			if (!valid(entry, items, where, quiet))
				return false;
	return !json_is_object(value) || valid_object(value, rule, quiet);
}

static json_t *parse(char *text)
{
	json_error_t error;
	json_t *root;

	assert_non_null(text);
	root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		print_error("line %d: %s\n", error.line, error.text);
	assert_non_null(root);
	free(text);
	return root;
}

static json_t *report_of(enum exit_isa isa, enum leaves_state leaves, enum defect defect)
{
	struct result *result = synthetic_run(isa, leaves, defect);
	json_t *root;

	checks_judge(result, &verdicts);
	root = parse(report_json(result, &verdicts));
	result_destroy(result);
	return root;
}

static int load_schema(void **state)
{
	json_error_t error;

	(void)state;
	schema = json_load_file(SCHEMA, 0, &error);
	if (!schema)
		print_error("%s:%d: %s\n", SCHEMA, error.line, error.text);
	return !schema;
}

static int free_schema(void **state)
{
	(void)state;
	json_decref(schema);
	return 0;
}

/* ---- JSON ---- */

static void json_fits_the_schema(void **state)
{
	static const enum defect defects[] = { DEFECT_NONE, DEFECT_MISSED, DEFECT_HI_LO_SWAPPED,
					       DEFECT_BPF_LOSES, DEFECT_NOT_TIMED };
	json_t *root;

	(void)state;
	for (unsigned int i = 0; i < sizeof(defects) / sizeof(*defects); i++) {
		for (int isa = EXIT_ISA_VMX; isa <= EXIT_ISA_SVM; isa++) {
			root = report_of(isa, LEAVES_PRESENT, defects[i]);
			assert_true(valid(root, schema, "report", false));
			json_decref(root);
		}
	}
	for (int leaves = LEAVES_UNPATCHED; leaves <= LEAVES_MISSING; leaves++) {
		root = report_of(EXIT_ISA_SVM, leaves, DEFECT_NONE);
		assert_true(valid(root, schema, "report", false));
		json_decref(root);
	}
}

static void the_schema_refuses(void **state)
{
	json_t *root = report_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);

	(void)state;
	json_object_set_new(root, "unheard_of", json_true());
	assert_false(valid(root, schema, "report", true));
	json_object_del(root, "unheard_of");
	assert_true(valid(root, schema, "report", true));
	json_object_set_new(json_object_get(root, "host"), "isa", json_string("ARM"));
	assert_false(valid(root, schema, "report", true));
	json_object_set_new(json_object_get(root, "host"), "isa", json_string("SVM"));
	json_object_del(root, "seed");
	assert_false(valid(root, schema, "report", true));
	json_decref(root);
}

static void json_says_what_was_found(void **state)
{
	json_t *root = report_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE), *row, *entry;
	unsigned int seen = 0;
	size_t i, j;

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(root, "schema_version")), 1);
	assert_int_equal(json_integer_value(json_object_get(root, "seed")), 42);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(root, "summary"), "verdict")),
		"PASS");
	json_array_foreach(json_object_get(root, "reasons"), i, row) {
		if (json_integer_value(json_object_get(row, "number")) != 0x7c)
			continue;
		assert_string_equal(json_string_value(json_object_get(row, "name")), "MSR");
		assert_int_equal(json_integer_value(json_object_get(row, "leaf")), 4 * 97);
		assert_int_equal(json_integer_value(json_object_get(row, "truth")), 4 * 97);
		seen++;
	}
	/* A workload's exits: its own, and the OUTs and CPUIDs of the sweep. */
	json_array_foreach(json_object_get(root, "workloads"), i, row) {
		if (strcmp(json_string_value(json_object_get(row, "name")), "rdmsr"))
			continue;
		assert_int_equal(json_array_size(json_object_get(row, "exits")), 3);
		json_array_foreach(json_object_get(row, "exits"), j, entry) {
			assert_true(json_equal(json_object_get(entry, "truth"),
					       json_object_get(entry, "bpf")));
			assert_true(json_equal(json_object_get(entry, "leaf"),
					       json_object_get(entry, "bpf")));
		}
		seen++;
	}
	assert_int_equal(seen, 2);
	json_decref(root);
}

static void diagnoses_are_there_if_a_check_failed(void **state)
{
	json_t *root = report_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE), *list, *first;

	(void)state;
	assert_int_equal(json_array_size(json_object_get(root, "diagnoses")), 0);
	json_decref(root);

	root = report_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_UNIT_NS);
	list = json_object_get(root, "diagnoses");
	assert_int_equal(json_array_size(list), verdicts.nr_diagnoses);
	first = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(first, "name")), "unit");
	assert_string_equal(json_string_value(json_object_get(first, "confidence")), "certain");
	assert_string_equal(json_string_value(json_object_get(first, "shows")),
			    verdicts.diagnoses[0].shows);
	json_decref(root);
}

/* Each name that there is, the schema has, and no other. */
static void the_schema_has_every_diagnosis(void **state)
{
	json_t *node = json_object_get(json_object_get(schema, "$defs"), "report"), *name;
	static const char *const path[] = { "properties", "diagnoses", "items",
					    "properties", "name",      "enum" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(path) / sizeof(*path); i++)
		node = json_object_get(node, path[i]);
	assert_int_equal(json_array_size(node), NR_DIAGNOSES);
	json_array_foreach(node, i, name)
		assert_string_equal(json_string_value(name), diagnosis_name(i));
}

static void large_numbers_survive(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	json_t *root;

	(void)state;
	result->seed = UINT64_MAX;
	result->count = (uint64_t)INT64_MAX;
	checks_judge(result, &verdicts);
	root = parse(report_json(result, &verdicts));
	assert_string_equal(json_string_value(json_object_get(root, "seed")),
			    "18446744073709551615");
	assert_true(json_integer_value(json_object_get(root, "count")) == INT64_MAX);
	assert_true(valid(root, schema, "report", false));
	json_decref(root);
	result_destroy(result);
}

static void errors_are_json(void **state)
{
	const struct error err = { "no \"such\" thing" };
	json_t *root = parse(report_json_error(&err));

	(void)state;
	assert_true(valid(root, schema, "error", false));
	assert_string_equal(json_string_value(json_object_get(root, "error")), err.text);
	json_decref(root);
}

static void list_is_json(void **state)
{
	json_t *root = parse(report_json_list()), *entry;
	size_t i;

	(void)state;
	assert_int_equal(json_array_size(json_object_get(root, "workloads")), nr_workloads);
	json_array_foreach(json_object_get(root, "workloads"), i, entry) {
		bool somewhere = json_is_object(json_object_get(entry, "svm")) ||
				 json_is_object(json_object_get(entry, "vmx"));

		assert_true(somewhere);
	}
	json_decref(root);
}

/* ---- text ---- */

static char *text_of(const struct result *result, bool color)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	checks_judge(result, &verdicts);
	report_text(to, result, &verdicts, color);
	fclose(to);
	return text;
}

static void text_has_its_parts(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	char *text = text_of(result, false);

	(void)state;
	assert_non_null(strstr(text, "CPU        Synthetic CPU; SVM; 2 online\n"));
	assert_non_null(strstr(text, "kernel     6.12.0; kvm.exit_leaves=optin\n"));
	assert_non_null(strstr(text, "TSC        2,000,000 kHz, stable; clock source tsc\n"));
	assert_non_null(strstr(text, "seed       42 (--seed 42 repeats this run)\n"));
	assert_non_null(strstr(text, " 0x7c MSR "));
	assert_non_null(strstr(text, "PASS COUNT "));
	free(text);
	result_destroy(result);
}

static void text_names_the_defect(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_UNIT_NS);
	char *text = text_of(result, false);

	(void)state;
	assert_non_null(strstr(text, "\nDiagnoses\n\ncertain  unit\n         All "));
	assert_non_null(strstr(text, "; most likely unit ("));
	free(text);
	result_destroy(result);

	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_RESERVED);
	text = text_of(result, false);
	assert_non_null(strstr(text, "\nDiagnoses\n\nNone: "));
	assert_null(strstr(text, "most likely"));
	free(text);
	result_destroy(result);

	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	text = text_of(result, false);
	assert_null(strstr(text, "Diagnoses"));
	free(text);
	result_destroy(result);
}

static void last_line_is_the_verdict(void **state)
{
	static const struct {
		enum leaves_state leaves;
		enum defect defect;
		const char *word;
	} cases[] = {
		{ LEAVES_PRESENT, DEFECT_NONE, "PASS: " },
		{ LEAVES_PRESENT, DEFECT_MISSED, "FAIL: " },
		{ LEAVES_PRESENT, DEFECT_BPF_LOSES, "INCONCLUSIVE: " },
		{ LEAVES_UNPATCHED, DEFECT_NONE, "UNPATCHED: " },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct result *result =
			synthetic_run(EXIT_ISA_SVM, cases[i].leaves, cases[i].defect);
		char *text = text_of(result, false), *last;

		assert_true(text[strlen(text) - 1] == '\n');
		text[strlen(text) - 1] = '\0';
		last = strrchr(text, '\n') + 1;
		assert_memory_equal(last, cases[i].word, strlen(cases[i].word));
		free(text);
		result_destroy(result);
	}
}

static void lines_fit(void **state)
{
	static const enum defect defects[] = { DEFECT_NONE, DEFECT_HI_LO_SWAPPED,
					       DEFECT_NOT_RESET };

	(void)state;
	for (unsigned int i = 0; i < sizeof(defects) / sizeof(*defects); i++) {
		struct result *result = synthetic_run(EXIT_ISA_VMX, LEAVES_PRESENT, defects[i]);
		char *text = text_of(result, false);
		bool closing = false;

		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
			closing = !strncmp(line, "FAIL: ", 6);
			/* Numbers that are this wrong may take what room they need. */
			if (defects[i] != DEFECT_HI_LO_SWAPPED && !closing)
				assert_true(strlen(line) <= 100);
		}
		free(text);
		result_destroy(result);
	}
}

/* Every row ends in the column in which the first one does. */
static void table_is_aligned(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	char *text = text_of(result, false), *table = strstr(text, "exit reason");
	unsigned int rows = 0;
	size_t width = 0;

	(void)state;
	assert_non_null(table);
	table = strchr(table, '\n') + 1;
	for (char *end = strchr(table, '\n'); end != table; end = strchr(table, '\n')) {
		if (!width)
			width = end - table;
		assert_int_equal(end - table, width);
		rows++;
		table = end + 1;
	}
	assert_int_equal(rows, verdicts.nr_rows);
	free(text);
	result_destroy(result);
}

static void color_is_optional(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	char *plain = text_of(result, false), *colored = text_of(result, true);

	(void)state;
	assert_null(strchr(plain, '\033'));
	assert_non_null(strstr(colored, "\033[32mPASS\033[0m"));
	free(plain);
	free(colored);
	result_destroy(result);
}

/* Nothing is shown in place of what there is not. */
static void unpatched_shows_no_leaf(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_UNPATCHED, DEFECT_NONE);
	char *text = text_of(result, false), *row = strstr(text, " 0x7c MSR");

	(void)state;
	assert_non_null(strstr(text, "leaves     no exit leaves: kvm.ko is not patched"));
	assert_non_null(row);
	assert_int_equal(strcspn(row, "-"), strstr(row, " -") + 1 - row);
	assert_true(strcspn(row, "-") < strcspn(row, "\n"));
	free(text);
	result_destroy(result);
}

/* ---- files ---- */

static void read_back(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	fclose(file);
}

static void files_are_replaced_at_once(void **state)
{
	char directory[] = "/tmp/exitcheck-test.XXXXXX", path[64], text[64];
	struct error err;
	struct stat status;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/report", directory);
	assert_int_equal(report_can_write(path, &err), 0);
	assert_int_equal(access(path, F_OK), -1); /* asking leaves nothing behind */
	assert_int_equal(report_write(path, "one", &err), 0);
	assert_int_equal(report_write(path, "two", &err), 0);
	read_back(path, text, sizeof(text));
	assert_string_equal(text, "two\n");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0600, 0600);
	unlink(path);
	assert_int_equal(rmdir(directory), 0); /* no temporary file is left */
}

static void files_that_cannot_be_written(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(report_can_write("/nonexistent/report", &err), STATUS_CANNOT_RUN);
	assert_non_null(strstr(err.text, "/nonexistent/report"));
	assert_int_equal(report_can_write("/tmp", &err), STATUS_CANNOT_RUN);
	assert_int_equal(report_write("/nonexistent/report", "x", &err), STATUS_CANNOT_RUN);
	assert_int_equal(report_write("/dev/full", "x", &err), STATUS_CANNOT_RUN);
	assert_int_equal(report_write("/dev/null", "x", &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_fits_the_schema),
		cmocka_unit_test(the_schema_refuses),
		cmocka_unit_test(json_says_what_was_found),
		cmocka_unit_test(diagnoses_are_there_if_a_check_failed),
		cmocka_unit_test(the_schema_has_every_diagnosis),
		cmocka_unit_test(large_numbers_survive),
		cmocka_unit_test(errors_are_json),
		cmocka_unit_test(list_is_json),
		cmocka_unit_test(text_has_its_parts),
		cmocka_unit_test(text_names_the_defect),
		cmocka_unit_test(last_line_is_the_verdict),
		cmocka_unit_test(lines_fit),
		cmocka_unit_test(table_is_aligned),
		cmocka_unit_test(color_is_optional),
		cmocka_unit_test(unpatched_shows_no_leaf),
		cmocka_unit_test(files_are_replaced_at_once),
		cmocka_unit_test(files_that_cannot_be_written),
	};

	return cmocka_run_group_tests_name("report", tests, load_schema, free_schema);
}
