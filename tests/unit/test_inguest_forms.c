// SPDX-License-Identifier: GPL-2.0-only
/* exitcheck-guest's options, its text and its JSON, and the command that it runs. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "inguest/child.h"
#include "inguest/forms.h"
#include "inguest/options.h"
#include "kvm/exits.h"
#include "report/schema.h"
#include "util/text.h"

#define MAX_ARGS 32

static struct inguest_options options;
static struct error err;

/* ---- options ---- */

static int parse(const char *line)
{
	static char copy[256];
	static char *argv[MAX_ARGS + 1];
	int argc = 0;

	memset(argv, 0, sizeof(argv));
	argv[argc++] = (char *)"exitcheck-guest";
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word && argc < MAX_ARGS; word = strtok(NULL, " "))
		argv[argc++] = strcmp(word, "''") ? word : (char *)"";
	return inguest_options_parse(&options, argc, argv, &err);
}

static void expect_options(const char *line)
{
	if (parse(line))
		fail_msg("%s: %s", line, err.text);
}

static void expect_error(const char *line, const char *text)
{
	assert_int_equal(parse(line), STATUS_USAGE);
	if (!strstr(err.text, text))
		fail_msg("%s: \"%s\" does not say \"%s\"", line, err.text, text);
	assert_null(strchr(err.text, '\n'));
}

static void options_are_parsed(void **state)
{
	(void)state;
	expect_options("");
	assert_false(options.json || options.per_vcpu || options.foreign || options.help);
	assert_true(options.color);
	assert_null(options.command);
	assert_null(options.output);
	assert_true(!options.interval_ns && !options.count);

	expect_options("--interval=1 -n 3 --json --no-color --output=/x");
	assert_true(options.interval_ns == 1000000000);
	assert_int_equal(options.count, 3);
	assert_true(options.json && !options.color);
	assert_string_equal(options.output, "/x");
	expect_options("--interval 0.5");
	assert_true(options.interval_ns == 500000000);
	expect_options("--leaves=published");
	assert_true(options.foreign);
	assert_int_equal(options.leaves.exits, 0x4ffffffd);
	expect_options("--help --count=1");
	assert_true(options.help);
	expect_options("-V");
	assert_true(options.version);
}

static void the_command_has_its_own_options(void **state)
{
	(void)state;
	expect_options("--json -- sh -c --json");
	assert_string_equal(options.command[0], "sh");
	assert_string_equal(options.command[2], "--json");
	assert_null(options.command[3]);
	expect_options("sleep --count=1");
	assert_string_equal(options.command[1], "--count=1");
	expect_options("--");
	assert_null(options.command);
}

static void wrong_options_are_refused(void **state)
{
	(void)state;
	expect_error("--bad", "no option \"--bad\"; --help shows them");
	expect_error("--cuont=1", "did you mean: --count");
	expect_error("--interval=1 --jsom", "did you mean: --json");
	expect_error("-x", "no option \"-x\"");
	expect_error("--count", "--count needs a value");
	expect_error("-n", "-n needs a value");
	expect_error("--json=1", "--json takes no value");
	expect_error("--interval=0", "0 is not in 0.1 to 86,400");
	expect_error("--interval=-1", "\"-1\" is not a number of seconds");
	expect_error("--interval=nan", "not a number of seconds");
	expect_error("--interval=1e9", "not a number of seconds");
	expect_error("--interval=1.2.3", "not a number of seconds");
	expect_error("--interval=86401", "not in");
	expect_error("--interval=1 --count=0", "0 is not in 1 to 1,000,000,000");
	expect_error("--interval=1 --count=x", "\"x\" is not a number");
	expect_error("--count=2", "give --interval");
	expect_error("--interval=1 true", "not both");
	expect_error("--per-vcpu --leaves=published", "--per-vcpu needs exitcheck's leaves");
	expect_error("--leaves=", "is not published");
}

/* ---- forms ---- */

static struct source source;
static struct table table;
static char text[65536];
static json_t *schema;

static int load_schema(void **state)
{
	(void)state;
	schema = json_load_file("user/inguest/guest.schema.json", 0, NULL);
	return !schema;
}

static int free_schema(void **state)
{
	(void)state;
	json_decref(schema);
	return 0;
}

static int make_table(void **state)
{
	(void)state;
	source = (struct source){
		.leaves = { 1, 2, 3, 4 },
		.isa = EXIT_ISA_SVM,
		.host = { .present = true,
			  .abi_version = 2,
			  .tsc_khz = 2000000,
			  .features = LEAF_FEATURE_STABLE_TSC },
	};
	table = (struct table){
		.cpu = -1,
		.wall_ns = 4000000000,
		.own = 219,
		.total = { .exits = 1061, .cycles = 4000000000 },
		.halted = { .exits = 3, .cycles = 2000000000 },
		.nr = 7,
		.rows = { { 0x78, 3, 2000000000 },
			  { 0x400, 1000, 1999999000 },
			  { 0x72, 50, 500 },
			  { 0x60, 2, 200 },
			  { 0x80000012, 2, 150 },
			  { 0xa7, 3, 100 },
			  { 0x65, 1, 50 } },
	};
	return 0;
}

/* What the form is as text, or as JSON. */
static void render(const struct form *form, bool json)
{
	struct out out = { .fd = memfd_create("form", 0) };
	ssize_t n;

	assert_true(out.fd >= 0);
	if (json) {
		form_json_begin(&out, form, &table);
		form_json_table(&out, form, &table);
		form_json_end(&out);
	} else {
		form_text(&out, form, &table);
	}
	assert_true(out_flush(&out));
	n = pread(out.fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0 && n < (ssize_t)sizeof(text) - 1);
	text[n] = '\0';
	close(out.fd);
}

static void expect_text(const char *part)
{
	if (!strstr(text, part))
		fail_msg("not in the text: \"%s\"\n%s", part, text);
}

static void expect_80_columns(void)
{
	char line[256];

	for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
		if (text_width(line) > 80)
			fail_msg("%d columns: %s", text_width(line), line);
	}
}

static json_t *expect_valid(void)
{
	json_t *document = json_loads(text, 0, NULL);

	if (!document)
		fail_msg("no JSON: %s", text);
	if (schema_check_by(schema, document, true, &err))
		fail_msg("%s\n%s", err.text, text);
	assert_string_equal(strchr(text, '\n'), "\n");
	return document;
}

static void since_birth_has_all(void **state)
{
	const struct form form = { .source = &source, .vcpus = 2 };

	(void)state;
	table.since_birth = true;
	table.wall_ns = 0;
	render(&form, false);
	expect_80_columns();
	expect_text(
		"VM exits of all vCPUs since the VM was created\nSVM, host's TSC 2,000,000 kHz\n");
	expect_text(
		"      exit reason                         exits       time       mean   share\n");
	expect_text(
		"      0x78 HLT                                3     1.00 s     333 ms  50.0 %\n");
	expect_text(
		"     0x400 NPF                            1,000     1.00 s    1.00 ms  50.0 %\n");
	expect_text("0x80000012 VMGEXIT_EXT_GUEST_REQUEST");
	expect_text(
		"      0xa7                                    3      50 ns      17 ns   0.0 %\n");
	expect_text(
		"           total                          1,061     2.00 s    1.89 ms 100.0 %\n");
	expect_text("\nLeft out: 219 CPUID exits of exitcheck-guest itself.\n");
	assert_null(strstr(text, "undefined"));
	assert_null(strstr(text, " on 2 vCPUs"));
	assert_null(strchr(text, '\033'));
}

static void a_command_has_the_dearest(void **state)
{
	const struct form form = { .source = &source, .vcpus = 2, .command = "dd" };

	(void)state;
	table.other = (struct row){ .exits = 4, .cycles = 8 };
	render(&form, false);
	expect_80_columns();
	expect_text("VM exits of all vCPUs while dd ran\n");
	expect_text("0x80000012 ");
	assert_null(strstr(text, "0xa7"));
	expect_text(
		"           2 more                             4      75 ns      19 ns   0.0 %\n");
	expect_text("           undefined                          4 ");
	expect_text("\n1,061 exits took 2.00 s: 25.0 % of 4.00 s on 2 vCPUs.\nHalted: 12.5 %.\n");
}

static void remarks(void **state)
{
	const struct form form = { .source = &source, .command = "dd" };

	(void)state;
	source.host.features = 0;
	table.anew = table.since_birth = true;
	table.cpu = 3;
	render(&form, false);
	expect_80_columns();
	expect_text("VM exits of the vCPU of CPU 3 since the counters began anew\n");
	expect_text("The counters began anew: the VM was restored, or moved to another host.\n");
	expect_text("The host's TSCs are not synchronized");
	assert_null(strstr(text, "exits took"));
}

static void the_widest(void **state)
{
	const struct form form = { .source = &source,
				   .vcpus = 4096,
				   .command = "a-command-of-a-very-long-name-indeed" };

	(void)state;
	table.rows[0] = (struct row){ 0x402, 1234567890123, 1234567890123456 };
	table.total = table.rows[0];
	render(&form, false);
	expect_80_columns();
	source.foreign = true;
	source.host = (struct leaf_discovery){ 0 };
	table.rows[0] = (struct row){ 0x402, 4294967295, 99999999999999 };
	table.total = table.rows[0];
	render(&form, false);
	expect_80_columns();
	expect_text("VM exits of this VM, or of the whole host while a-command-of-a-very- ran\n");
	expect_text("SVM; the leaves tell neither their scope nor the TSC's rate\n");
	expect_text(" cycles ");
	assert_null(strstr(text, " s "));
}

static void a_command_with_a_hostile_name(void **state)
{
	const struct form form = { .source = &source, .command = "a\033[2J\n\xc3\xa4" };

	(void)state;
	render(&form, false);
	expect_text(" while a?[2J?\xc3\xa4 ran\n");
}

static void colours(void **state)
{
	const struct form form = { .source = &source };
	struct out out = { .fd = open("/dev/null", O_WRONLY), .color = true };

	(void)state;
	form_text(&out, &form, &table);
	out.text[out.length] = '\0';
	assert_non_null(strstr(out.text, "\033[1mVM exits of all vCPUs in 4.00 s\033[0m\n"));
	close(out.fd);
}

static void json(void **state)
{
	struct form form = { .source = &source, .vcpus = 2, .command = "dd", .status = 7 };
	json_t *document, *row;

	(void)state;
	render(&form, true);
	document = expect_valid();
	assert_string_equal(json_string_value(json_object_get(document, "since")), "command");
	assert_int_equal(json_integer_value(json_object_get(document, "command_status")), 7);
	row = json_array_get(json_object_get(document, "tables"), 0);
	assert_int_equal(json_integer_value(json_object_get(row, "own_exits")), 219);
	assert_int_equal(json_array_size(json_object_get(row, "reasons")), 7);
	row = json_array_get(json_object_get(row, "reasons"), 5);
	assert_int_equal(json_integer_value(json_object_get(row, "number")), 0xa7);
	assert_true(json_is_null(json_object_get(row, "name")));
	assert_int_equal(json_integer_value(json_object_get(row, "ns")), 50);
	json_decref(document);

	/* What an integer does not hold; and what other leaves do not tell. */
	table.total.cycles = UINT64_MAX;
	form = (struct form){ .source = &source };
	render(&form, true);
	expect_text("\"cycles\":\"18446744073709551615\"");
	json_decref(expect_valid());
	source.foreign = true;
	source.host = (struct leaf_discovery){ 0 };
	render(&form, true);
	expect_text("\"ns\":null");
	json_decref(expect_valid());
	source.leaves.cycles = 0;
	render(&form, true);
	expect_text("\"cycles\":null");
	json_decref(expect_valid());
}

static void an_error_is_json_too(void **state)
{
	struct out out = { .fd = -1 };
	json_t *document;

	(void)state;
	error_set(&err, STATUS_USAGE, "no option \"%s\"", "a\\b\n\xff");
	form_json_error(&out, err.text);
	snprintf(text, sizeof(text), "%.*s", (int)out.length, out.text);
	document = expect_valid();
	assert_string_equal(json_string_value(json_object_get(document, "error")),
			    "no option \"a\\b??\"");
	json_decref(document);
}

static void output_that_cannot_be_written(void **state)
{
	struct out out = { .fd = open("/dev/full", O_WRONLY) };

	(void)state;
	out_print(&out, "text");
	assert_false(out_flush(&out));
	close(out.fd);
}

static void the_help_fits(void **state)
{
	struct out out = { .fd = -1 };

	(void)state;
	inguest_options_help(&out);
	snprintf(text, sizeof(text), "%.*s", (int)out.length, out.text);
	expect_80_columns();
	for (const struct option *o = inguest_long_options; o->name; o++)
		expect_text(o->name);
}

/* ---- the command ---- */

static int run(const char *name, const char *script, int *result)
{
	char *argv[] = { (char *)name, (char *)"-c", (char *)script, NULL };

	return child_run(argv, result, &err);
}

static void its_status_is_passed_on(void **state)
{
	int result = -1;

	(void)state;
	assert_int_equal(run("sh", "exit 42", &result), 0);
	assert_int_equal(result, 42);
	assert_int_equal(run("sh", "kill -TERM $$", &result), 0);
	assert_int_equal(result, 128 + SIGTERM);
	assert_int_equal(run("/nowhere/at-all", "", &result), 127);
	assert_string_equal(err.text, "/nowhere/at-all: No such file or directory");
	assert_int_equal(run("/etc/passwd", "", &result), 126);
	/* Ctrl-C is the command's; what is sent to us alone is passed on. */
	assert_int_equal(run("sh", "kill -INT $PPID; exit 3", &result), 0);
	assert_int_equal(result, 3);
	assert_int_equal(run("sh", "kill -TERM $PPID; sleep 10", &result), 0);
	assert_int_equal(result, 128 + SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_parsed),
		cmocka_unit_test(the_command_has_its_own_options),
		cmocka_unit_test(wrong_options_are_refused),
		cmocka_unit_test_setup(since_birth_has_all, make_table),
		cmocka_unit_test_setup(a_command_has_the_dearest, make_table),
		cmocka_unit_test_setup(remarks, make_table),
		cmocka_unit_test_setup(the_widest, make_table),
		cmocka_unit_test_setup(a_command_with_a_hostile_name, make_table),
		cmocka_unit_test_setup(colours, make_table),
		cmocka_unit_test_setup(json, make_table),
		cmocka_unit_test(an_error_is_json_too),
		cmocka_unit_test(output_that_cannot_be_written),
		cmocka_unit_test(the_help_fits),
		cmocka_unit_test(its_status_is_passed_on),
	};

	return cmocka_run_group_tests_name("exitcheck-guest's forms", tests, load_schema,
					   free_schema);
}
