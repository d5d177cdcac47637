// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/plan.h"
#include "commands.h"
#include "live/stat.h"
#include "live/usage.h"
#include "util/array.h"

#define MAX_ARGS 32

static struct options options;
static struct error err;

/* Parses a command line, split at blanks; "''" is an empty word. Options point into argv. */
static int parse(const char *command, const char *line)
{
	static char copy[256];
	static char *argv[MAX_ARGS + 1];
	int argc = 0;

	memset(argv, 0, sizeof(argv));
	argv[argc++] = (char *)command;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word && argc < MAX_ARGS; word = strtok(NULL, " "))
		argv[argc++] = strcmp(word, "''") ? word : (char *)"";
	return options_parse(command_find(command), &options, argc, argv, &err);
}

static void expect_run(const char *line)
{
	int status = parse("run", line);

	if (status)
		print_error("%s: %s\n", line, err.text);
	assert_int_equal(status, 0);
}

/* The error is one line, without a newline, that contains text. */
static void expect_error(const char *line, const char *text)
{
	assert_int_equal(parse("run", line), STATUS_USAGE);
	if (!strstr(err.text, text))
		print_error("%s: \"%s\" does not say \"%s\"\n", line, err.text, text);
	assert_non_null(strstr(err.text, text));
	assert_null(strchr(err.text, '\n'));
}

static void defaults(void **state)
{
	(void)state;
	expect_run("");
	assert_false(options.help);
	assert_int_equal(options.workloads.nr, 0);
	assert_true(options.count == 0);
	assert_int_equal(options.vcpus, 4);
	assert_false(options.has_seed);
	assert_int_equal(options.path, TRACER_AUTO);
	assert_true(options.opt_in);
	assert_true(options.color);
	assert_null(options.write[REPORT_JSON]);
}

static void every_option(void **state)
{
	(void)state;
	expect_run("-w cpuid --workload=hlt -w cpuid -n 97 --vcpus 2 --seed 18446744073709551615"
		   " --json out.json --path classic --no-opt-in --no-color");
	assert_int_equal(options.workloads.nr, 2);
	assert_true(options.workloads.chosen[workload_find("cpuid") - workloads]);
	assert_true(options.workloads.chosen[workload_find("hlt") - workloads]);
	assert_true(options.count == 97);
	assert_int_equal(options.vcpus, 2);
	assert_true(options.has_seed && options.seed == UINT64_MAX);
	assert_string_equal(options.write[REPORT_JSON], "out.json");
	assert_int_equal(options.path, TRACER_CLASSIC);
	assert_false(options.opt_in);
	assert_false(options.color);

	expect_run("--markdown a --junit b --html c");
	assert_string_equal(options.write[REPORT_MARKDOWN], "a");
	assert_string_equal(options.write[REPORT_JUNIT], "b");
	assert_string_equal(options.write[REPORT_HTML], "c");

	expect_run("--path=btf --seed 0 --json -");
	assert_int_equal(options.path, TRACER_BTF);
	assert_true(options.has_seed && options.seed == 0);
	assert_string_equal(options.write[REPORT_JSON], "-");
}

static void help(void **state)
{
	(void)state;
	expect_run("--help");
	assert_true(options.help);
	expect_run("-h");
	assert_true(options.help);
}

static void limits(void **state)
{
	(void)state;
	expect_run("-n 1");
	expect_run("-n 10000000");
	expect_run("--vcpus 64");
	expect_run("--vcpus 1 --smp-exits 200000");
	assert_int_equal(options.smp_exits, 200000);
	expect_error("-n 0", "0 is not in 1 to 10,000,000");
	expect_error("-n 10000001", "10,000,000");
	expect_error("-n 999999999999", "10,000,000");
	expect_error("--count=99999999999999999999999", "10,000,000");
	expect_error("--vcpus 0", "1 to 64");
	expect_error("--vcpus 65", "1 to 64");
	expect_error("--vcpus 10000", "1 to 64");
	expect_error("--vcpus 4294967298", "1 to 64");
	expect_error("--seed 18446744073709551616", "is not in 0 to");
}

static void numbers_are_strict(void **state)
{
	static const char *const words[] = { "12x", "x12", "-1", "+1", "1e3", "0x10", "''", "1.5" };
	char line[64];

	(void)state;
	for (unsigned int i = 0; i < NR(words); i++) {
		snprintf(line, sizeof(line), "-n %s", words[i]);
		expect_error(line, "is not a number");
		snprintf(line, sizeof(line), "--seed %s", words[i]);
		expect_error(line, "is not a number");
	}
}

static void unknown_words(void **state)
{
	(void)state;
	expect_error("--sed 4", "did you mean: --seed");
	expect_error("--vcpu=x", "is not a number"); /* an abbreviation, as getopt has it */
	expect_error("--nonsense", "no option \"--nonsense\"");
	expect_error("-z", "no option \"-z\"");
	expect_error("-w cpuix", "did you mean: cpuid");
	expect_error("-w mov", "mov-cr8");
	expect_error("-w nonsense", "exitcheck list");
	expect_error("-w ''", "exitcheck list");
	expect_error("cpuid", "use -w to choose");
	expect_error("nonsense", "unexpected argument");
	expect_error("--path usb", "auto, btf or classic");
	expect_error("--json ''", "--json: no file name");
	expect_error("--html ''", "--html: no file name");
	expect_error("--json - --html -", "--json and --html both write to standard output");
	expect_error("--junit x --markdown x", "both write to x");
}

static void values_left_out(void **state)
{
	(void)state;
	expect_error("-n", "-n needs a value");
	expect_error("--seed", "--seed needs a value");
	expect_error("--json", "--json needs a value");
	expect_error("--no-color=1", "--no-color takes no value");
}

/* So that an error can be written there. */
static void json_is_known_after_an_error(void **state)
{
	(void)state;
	expect_error("--json out.json -w nonsense", "no workload");
	assert_string_equal(options.write[REPORT_JSON], "out.json");
}

static void list(void **state)
{
	(void)state;
	assert_int_equal(parse("list", ""), 0);
	assert_null(options.write[REPORT_JSON]);
	assert_int_equal(parse("list", "--json"), 0);
	assert_string_equal(options.write[REPORT_JSON], "-");
	assert_int_equal(parse("list", "-n 4"), STATUS_USAGE);
}

static void audit(void **state)
{
	(void)state;
	assert_int_equal(parse("audit", ""), 0);
	assert_int_equal(options.seconds, 0);
	assert_null(options.command);
	assert_int_equal(parse("audit", "--seconds 604800 --path classic"), 0);
	assert_int_equal(options.seconds, 604800);
	assert_int_equal(options.path, TRACER_CLASSIC);
	/* Everything from the first non-option word on belongs to the command. */
	assert_int_equal(parse("audit", "--seconds 3 sleep --seconds x -- y"), 0);
	assert_int_equal(options.seconds, 3);
	assert_string_equal(options.command[0], "sleep");
	assert_string_equal(options.command[2], "x");
	assert_string_equal(options.command[4], "y");
	assert_null(options.command[5]);
	assert_int_equal(parse("audit", "-- --seconds"), 0);
	assert_string_equal(options.command[0], "--seconds");

	assert_int_equal(parse("audit", "-p 77 --interval 5 --clock tsc --json -"), 0);
	assert_int_equal(options.process, 77);
	assert_int_equal(options.interval, 5);
	assert_int_equal(options.clock, TRACER_TSC);
	assert_string_equal(options.write[REPORT_JSON], "-");
	assert_ptr_equal(command_find("watch"), command_find("audit"));

	assert_int_equal(parse("audit", "--clock hpet"), STATUS_USAGE);
	assert_string_equal(err.text, "--clock: \"hpet\" is not monotonic or tsc");
	assert_int_equal(parse("audit", "-p 0"), STATUS_USAGE);
	assert_int_equal(parse("audit", "--seconds 604801"), STATUS_USAGE);
	assert_non_null(strstr(err.text, "1 to 604,800"));
	assert_int_equal(parse("audit", "--seconds"), STATUS_USAGE);
	assert_non_null(strstr(err.text, "--seconds needs a value"));
	assert_int_equal(parse("audit", "-n 4"), STATUS_USAGE);
	assert_non_null(strstr(err.text, "no option \"-n\""));
}

static void stat(void **state)
{
	(void)state;
	assert_int_equal(parse("stat", ""), 0);
	assert_false(options.all);
	assert_int_equal(options.by, 0);
	assert_int_equal(parse("stat", "-a --by vcpu --interval 2 -n 3 --csv x.csv sleep -a"), 0);
	assert_true(options.all);
	assert_int_equal(options.by, USAGE_BY_VM | USAGE_BY_VCPU);
	assert_int_equal(options.count, 3);
	assert_string_equal(options.csv, "x.csv");
	assert_string_equal(options.command[1], "-a");
	assert_int_equal(parse("stat", "--vm web1 --by vm --json -"), 0);
	assert_string_equal(options.vm, "web1");
	assert_int_equal(options.by, USAGE_BY_VM);
	assert_int_equal(parse("stat", "--source kernel"), 0);
	assert_int_equal(options.source, METER_KERNEL);
	assert_int_equal(options.over, 0);
	assert_int_equal(parse("stat", "--over 1ms"), 0);
	assert_int_equal(options.over, 1000000);
	assert_int_equal(parse("stat", "--over 1.5us --split"), 0);
	assert_int_equal(options.over, 1500);
	assert_true(options.split);
	assert_int_equal(parse("stat", "--over 3600s"), 0);
	assert_int_equal(options.over, 3600000000000);

	assert_int_equal(parse("stat", "--over 999ns"), STATUS_USAGE);
	assert_string_equal(err.text, "--over: 999ns is not in 1us to 3600s");
	assert_int_equal(parse("stat", "--over 3601s"), STATUS_USAGE);
	assert_int_equal(parse("stat", "--over 1"), STATUS_USAGE);
	assert_string_equal(err.text, "--over: \"1\" is not a time such as 1ms, 500us, 2s");
	assert_int_equal(parse("stat", "--over 1e3ms"), STATUS_USAGE);
	assert_int_equal(parse("stat", "--over 0x1ms"), STATUS_USAGE);
	assert_int_equal(parse("stat", "--over -1ms"), STATUS_USAGE);
	assert_int_equal(parse("stat", "--over 1.2.3ms"), STATUS_USAGE);
	assert_int_equal(parse("stat", "--source perf"), STATUS_USAGE);
	assert_string_equal(err.text, "--source: \"perf\" is not auto, ebpf, kernel or both");
	assert_int_equal(parse("stat", "--by cpu"), STATUS_USAGE);
	assert_string_equal(err.text, "--by: \"cpu\" is not reason, detail, vcpu or vm");
	assert_int_equal(parse("stat", "--csv ''"), STATUS_USAGE);
	assert_int_equal(parse("stat", "--count 0"), STATUS_USAGE);
	assert_non_null(strstr(err.text, "--count: 0 is not in 1 to 10,000,000"));
}

static void top(void **state)
{
	(void)state;
	assert_int_equal(parse("top", "-p 7 --interval 2 -n 3 --source ebpf --no-color"), 0);
	assert_int_equal(options.process, 7);
	assert_int_equal(options.interval, 2);
	assert_int_equal(options.count, 3);
	assert_int_equal(options.source, METER_EBPF);
	assert_false(options.color);
	/* It runs no command. */
	assert_int_equal(parse("top", "sleep 1"), STATUS_USAGE);
	assert_string_equal(err.text, "unexpected argument \"sleep\"");
}

static void export(void **state)
{
	(void)state;
	assert_int_equal(parse("export", ""), 0);
	assert_null(options.listen);
	assert_false(options.per_vcpu);
	assert_int_equal(parse("export", "--listen [::1]:1 --per-vcpu --max-series 7 --room 65536"),
			 0);
	assert_string_equal(options.listen, "[::1]:1");
	assert_true(options.per_vcpu);
	assert_int_equal(options.max_series, 7);
	assert_int_equal(options.room, 65536);
	assert_int_equal(parse("export", "--room 65537"), STATUS_USAGE);
	assert_int_equal(parse("export", "x"), STATUS_USAGE);
	assert_string_equal(err.text, "unexpected argument \"x\"");
}

static void bench(void **state)
{
	(void)state;
	assert_int_equal(parse("bench", ""), 0);
	assert_int_equal(options.rounds, 21);
	assert_int_equal(options.vcpus, 1);
	assert_int_equal(options.vms, 1);
	assert_int_equal(options.observers, 0);
	assert_int_equal(parse("bench",
			       "--observer patch --observer none --observer patch --rounds 7 -n 50"
			       " -w hlt --vcpus 3 --vms 2 --seed 1 --json b.json"),
			 0);
	assert_string_equal(options.write[REPORT_JSON], "b.json");
	assert_int_equal(options.observers,
			 1u << (bench_observer_find("none") - bench_observers) |
				 1u << (bench_observer_find("patch") - bench_observers));
	assert_int_equal(options.rounds, 7);
	assert_int_equal(options.vms, 2);
	assert_int_equal(parse("bench", "-w leaf-vm -w cpuid -w leaf-vm"), 0);
	assert_int_equal(options.workloads.nr, 1);
	assert_int_equal(options.leaf_reads, 1u << 1);
	assert_int_equal(parse("run", "-w leaf-vm"), STATUS_USAGE);
	assert_int_equal(parse("bench", "--observer perf"), STATUS_USAGE);
	assert_non_null(strstr(err.text, "none, patch-other, patch, btf"));
	assert_int_equal(parse("bench", "--rounds 0"), STATUS_USAGE);
	assert_int_equal(parse("bench", "--vms 17"), STATUS_USAGE);
	assert_int_equal(parse("bench", "--path btf"), STATUS_USAGE);
	/* It has the forms of a run, except JUnit's. */
	assert_int_equal(parse("bench", "--html b.html --markdown - --no-color"), 0);
	assert_string_equal(options.write[REPORT_HTML], "b.html");
	assert_string_equal(options.write[REPORT_MARKDOWN], "-");
	assert_int_equal(parse("bench", "--junit b.xml"), STATUS_USAGE);
}

static void compare(void **state)
{
	static const char *const no_percents[] = {
		"''", "-5", "+5", "5%%", "x", "5x", "inf", "0x5"
	};
	char line[64];

	(void)state;
	assert_int_equal(parse("compare", "a b"), 0);
	assert_string_equal(options.file[0], "a");
	assert_string_equal(options.file[1], "b");
	assert_int_equal(options.nr_a, 1);
	assert_int_equal(parse("compare", "--json out a b c -- d e"), 0);
	assert_int_equal(options.nr_files, 5);
	assert_int_equal(options.nr_a, 3);
	assert_string_equal(options.file[3], "d");
	assert_int_equal(parse("compare", "a -- b"), 0);
	assert_int_equal(options.nr_a, 1);
	assert_int_equal(parse("compare", "-- a b"), 0);
	assert_int_equal(options.nr_a, 1);
	assert_true(options.fail_over < 0);
	assert_int_equal(parse("compare", "--fail-over 5% a b"), 0);
	assert_true(options.fail_over == 5);
	assert_int_equal(parse("compare", "a b --fail-over=0.5"), 0);
	assert_true(options.fail_over == 0.5);
	for (unsigned int i = 0; i < NR(no_percents); i++) {
		snprintf(line, sizeof(line), "--fail-over %s a b", no_percents[i]);
		assert_int_equal(parse("compare", line), STATUS_USAGE);
		assert_non_null(strstr(err.text, "percentage"));
	}
	assert_int_equal(parse("compare", "a"), STATUS_USAGE);
	assert_non_null(strstr(err.text, "two files"));
	assert_int_equal(parse("compare", "a b c"), STATUS_USAGE);
	assert_non_null(strstr(err.text, "put -- between"));
	assert_int_equal(parse("compare", "a b c --"), STATUS_USAGE);
	assert_non_null(strstr(err.text, "put -- between"));
	assert_int_equal(parse("compare", "-- a b c"), STATUS_USAGE);
	assert_non_null(strstr(err.text, "put -- between"));
}

static void report(void **state)
{
	(void)state;
	assert_int_equal(parse("report", "run.json"), 0);
	assert_string_equal(options.file[0], "run.json");
	for (enum report_form form = 0; form < NR_REPORT_FORMS; form++)
		assert_null(options.write[form]);
	assert_int_equal(parse("report", "- --html"), 0);
	assert_string_equal(options.file[0], "-");
	assert_string_equal(options.write[REPORT_HTML], "-");
	assert_int_equal(parse("report", "--text --no-color run.json"), 0);
	assert_int_equal(parse("report", "--help"), 0);
	assert_int_equal(parse("report", ""), STATUS_USAGE);
	assert_non_null(strstr(err.text, "no report to read"));
	assert_int_equal(parse("report", "--markdown --junit run.json"), STATUS_USAGE);
	assert_non_null(strstr(err.text, "--markdown and --junit both"));
	assert_int_equal(parse("report", "--html=out.html run.json"), STATUS_USAGE);
	assert_non_null(strstr(err.text, "--html takes no value"));
	assert_int_equal(parse("report", "a.json b.json"), STATUS_USAGE);
	assert_non_null(strstr(err.text, "unexpected argument"));
	assert_int_equal(parse("report", "''"), STATUS_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_option),
		cmocka_unit_test(help),
		cmocka_unit_test(limits),
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(unknown_words),
		cmocka_unit_test(values_left_out),
		cmocka_unit_test(json_is_known_after_an_error),
		cmocka_unit_test(list),
		cmocka_unit_test(audit),
		cmocka_unit_test(stat),
		cmocka_unit_test(top),
		cmocka_unit_test(export),
		cmocka_unit_test(bench),
		cmocka_unit_test(compare),
		cmocka_unit_test(report),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
