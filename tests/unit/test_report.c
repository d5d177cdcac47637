// SPDX-License-Identifier: GPL-2.0-only
/* posix_openpt() */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "document.h"
#include "report/file.h"
#include "list.h"
#include "report/error_document.h"
#include "report/parts.h"
#include "report/plain.h"
#include "report/blob.h"
#include "util/array.h"

/* ---- JSON ---- */

static void json_fits_the_schema(void **state)
{
	static const enum defect defects[] = { DEFECT_NONE, DEFECT_MISSED, DEFECT_HI_LO_SWAPPED,
					       DEFECT_BPF_LOSES, DEFECT_NOT_TIMED };
	json_t *root;

	(void)state;
	for (unsigned int i = 0; i < NR(defects); i++) {
		for (int isa = EXIT_ISA_VMX; isa <= EXIT_ISA_SVM; isa++) {
			root = document_of(isa, LEAVES_PRESENT, defects[i]);
			assert_fits(root);
			json_decref(root);
		}
	}
	for (int leaves = LEAVES_UNPATCHED; leaves <= LEAVES_MISSING; leaves++) {
		root = document_of(EXIT_ISA_SVM, leaves, DEFECT_NONE);
		assert_fits(root);
		json_decref(root);
	}
}

static void json_says_what_was_found(void **state)
{
	json_t *root = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE), *row, *entry;
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
	json_t *root = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE), *list, *first;

	(void)state;
	assert_int_equal(json_array_size(json_object_get(root, "diagnoses")), 0);
	json_decref(root);

	root = document_of(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_UNIT_NS);
	list = json_object_get(root, "diagnoses");
	assert_true(json_array_size(list) > 0);
	first = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(first, "name")), "unit");
	assert_string_equal(json_string_value(json_object_get(first, "confidence")), "certain");
	assert_true(*json_string_value(json_object_get(first, "shows")));
	json_decref(root);
}

/* The schema lists exactly the names that exist. */
static void the_schema_has_every_diagnosis(void **state)
{
	static const char *const path[] = { "$defs", "report",	   "properties", "diagnoses",
					    "items", "properties", "name",	 "examples" };
	json_t *schema = json_loadb(report_schema, report_schema_end - report_schema, 0, NULL);
	json_t *node = schema, *name;
	size_t i;

	(void)state;
	for (i = 0; i < NR(path); i++)
		node = json_object_get(node, path[i]);
	assert_int_equal(json_array_size(node), NR_DIAGNOSES);
	json_array_foreach(node, i, name)
		assert_string_equal(json_string_value(name), diagnosis_name(i));
	json_decref(schema);
}

static void large_numbers_survive(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	json_t *root;

	(void)state;
	result->seed = UINT64_MAX;
	result->count = (uint64_t)INT64_MAX;
	root = document_of_result(result);
	assert_string_equal(json_string_value(json_object_get(root, "seed")),
			    "18446744073709551615");
	assert_true(json_integer_value(json_object_get(root, "count")) == INT64_MAX);
	assert_fits(root);
	json_decref(root);
	result_destroy(result);
}

static void errors_are_json(void **state)
{
	const struct error err = { "no \"such\" thing" };
	json_t *root = report_error_document(&err);
	struct error hostile;

	(void)state;
	assert_fits(root);
	assert_string_equal(json_string_value(json_object_get(root, "error")), err.text);
	json_decref(root);

	error_set(&hostile, STATUS_USAGE, "no %s", "\033[31m\n\xff\xc3\xb6");
	root = report_error_document(&hostile);
	assert_fits(root);
	assert_string_equal(json_string_value(json_object_get(root, "error")),
			    "no ?[31m??\xc3\xb6");
	json_decref(root);
}

static void list_is_json(void **state)
{
	char *text = list_json();
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *entry;
	size_t i;

	(void)state;
	free(text);
	assert_non_null(root);
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
	json_t *document = document_of_result(result);
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	report_text(to, document, color);
	fclose(to);
	json_decref(document);
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

	result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_STAT);
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
	for (unsigned int i = 0; i < NR(cases); i++) {
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
	for (unsigned int i = 0; i < NR(defects); i++) {
		struct result *result = synthetic_run(EXIT_ISA_VMX, LEAVES_PRESENT, defects[i]);
		char *text = text_of(result, false);
		bool closing = false;

		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
			closing = !strncmp(line, "FAIL: ", 6);
			/* Numbers this wrong may take the room they need. */
			if (defects[i] != DEFECT_HI_LO_SWAPPED && !closing)
				assert_true(strlen(line) <= 100);
		}
		free(text);
		result_destroy(result);
	}
}

/* What a window of so many columns shows of it. */
static char *text_in_window(const struct result *result, unsigned short columns)
{
	const struct winsize size = { .ws_row = 24, .ws_col = columns };
	json_t *document = document_of_result(result);
	int window = posix_openpt(O_RDWR | O_NOCTTY), program;
	char *text = NULL, part[512];
	size_t length;
	FILE *to = open_memstream(&text, &length);
	ssize_t n;
	pid_t pid;

	assert_int_equal(grantpt(window) | unlockpt(window), 0);
	program = open(ptsname(window), O_RDWR | O_NOCTTY);
	assert_true(program >= 0);
	assert_int_equal(ioctl(program, TIOCSWINSZ, &size), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		FILE *terminal = fdopen(program, "w");

		report_text(terminal, document, false);
		fclose(terminal);
		_exit(0);
	}
	close(program);
	/* A terminal that nobody has open any more is an error. */
	while ((n = read(window, part, sizeof(part))) > 0)
		fwrite(part, 1, n, to);
	fclose(to);
	close(window);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	json_decref(document);
	return text;
}

static void a_narrow_window_is_enough(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	char *narrow = text_in_window(result, 80), *wide = text_in_window(result, 200), *line;

	(void)state;
	assert_non_null(strstr(wide, "eBPF cyc"));
	assert_null(strstr(narrow, "eBPF cyc"));
	assert_non_null(strstr(narrow, "leaf cyc"));
	for (line = strtok(narrow, "\r\n"); line; line = strtok(NULL, "\r\n")) {
		if (strncmp(line, "PASS: ", 6) && strlen(line) > 80)
			print_error("%s\n", line);
		assert_true(!strncmp(line, "PASS: ", 6) || strlen(line) <= 80);
	}
	for (line = strtok(wide, "\r\n"); line; line = strtok(NULL, "\r\n"))
		assert_true(!strncmp(line, "PASS: ", 6) || strlen(line) <= 100);
	free(narrow);
	free(wide);
	result_destroy(result);
}

/* The columns are explained in a few lines, and each check says what must hold. */
static void text_explains_itself(void **state)
{
	struct result *result = synthetic_run(EXIT_ISA_SVM, LEAVES_PRESENT, DEFECT_NONE);
	json_t *document = document_of_result(result), *check;
	char *text = text_of(result, false);
	const char *legend = strstr(text, "\n\ntruth: what the guest executed; leaf:");
	unsigned int lines = 0;
	size_t i;

	(void)state;
	assert_non_null(legend);
	for (const char *at = legend + 2; *at != '\n'; at = strchr(at, '\n') + 1)
		lines++;
	assert_true(lines <= 5);
	assert_non_null(strstr(text, "\nPASS COUNT     leaf = eBPF at each read of the guest's: "));
	json_array_foreach(json_object_get(document, "checks"), i, check) {
		const char *asserts = doc_string(check, "asserts");

		assert_true(*asserts && strlen(asserts) <= 60);
	}
	for (enum check_id id = 0; id < NR_CHECKS; id++)
		assert_true(*check_asserts(id));
	free(text);
	json_decref(document);
	result_destroy(result);
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
	assert_true(rows > 5);
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

/* Missing values are not shown. */
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
	assert_int_equal(report_write(path, "one\n", &err), 0);
	assert_int_equal(report_write(path, "two\n", &err), 0);
	read_back(path, text, sizeof(text));
	assert_string_equal(text, "two\n");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0600, 0600);
	unlink(path);
	assert_int_equal(rmdir(directory), 0); /* no temporary file is left */
}

/* Whoever reads through the link, or could not read the file before, finds it so again. */
static void what_is_replaced_stays_what_it_was(void **state)
{
	char directory[] = "/tmp/exitcheck-test.XXXXXX", file[64], link[64], text[64];
	struct error err;
	struct stat status;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/report", directory);
	snprintf(link, sizeof(link), "%s/link", directory);
	assert_int_equal(symlink("report", link), 0);
	/* There is nothing behind it yet. */
	assert_int_equal(report_can_write(link, &err), 0);
	assert_int_equal(report_write(link, "one\n", &err), 0);
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(report_write(link, "two\n", &err), 0);
	read_back(file, text, sizeof(text));
	assert_string_equal(text, "two\n");
	assert_int_equal(lstat(link, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_int_equal(stat(file, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);

	assert_true(report_is_same_file(file, link));
	assert_int_equal(unlink(file), 0);
	assert_true(report_is_same_file(file, link));
	assert_false(report_is_same_file(file, directory));
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(directory), 0);
}

/* A descriptor that looks like a link to a file: what was written to that stays. */
static void descriptors_are_not_replaced(void **state)
{
	char path[] = "/tmp/exitcheck-test.XXXXXX", descriptor[32], text[64];
	int fd = mkstemp(path);
	struct stat before, after;
	struct error err;

	(void)state;
	assert_true(fd >= 0);
	snprintf(descriptor, sizeof(descriptor), "/dev/fd/%d", fd);
	assert_int_equal(write(fd, "one\n", 4), 4);
	assert_int_equal(fstat(fd, &before), 0);
	assert_int_equal(report_can_write(descriptor, &err), 0);
	assert_int_equal(report_write(descriptor, "two\n", &err), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_true(before.st_ino == after.st_ino);
	read_back(path, text, sizeof(text));
	assert_string_equal(text, "one\ntwo\n");
	assert_true(report_is_stdout("/dev/stdout"));
	close(fd);
	unlink(path);
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
		cmocka_unit_test(a_narrow_window_is_enough),
		cmocka_unit_test(text_explains_itself),
		cmocka_unit_test(table_is_aligned),
		cmocka_unit_test(color_is_optional),
		cmocka_unit_test(unpatched_shows_no_leaf),
		cmocka_unit_test(files_are_replaced_at_once),
		cmocka_unit_test(what_is_replaced_stays_what_it_was),
		cmocka_unit_test(descriptors_are_not_replaced),
		cmocka_unit_test(files_that_cannot_be_written),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
