// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "judge/checks.h"
#include "compare/compare.h"
#include "options.h"
#include "report/report.h"
#include "util/text.h"
#include "run/validate.h"
#include "watch.h"
#include "util/array.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
	test_vm_interrupt_all();
}

/* Asked to stop, the run cleans up; asked again, the process ends at once. */
static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* Writes a document in each form that was asked for: all that can be, and the first error. */
static int write_forms(const struct options *options, const json_t *document, struct error *err)
{
	struct error unwritten;
	int status = 0;

	for (unsigned int form = 0; form < NR_REPORT_FORMS; form++) {
		char *text;
		int failed;

		if (!options->write[form])
			continue;
		text = document ? report_render(document, form) : NULL;
		failed = text ? report_write(options->write[form], text, &unwritten) :
				error_set(&unwritten, STATUS_CANNOT_RUN, "out of memory");
		free(text);
		if (failed && !status) {
			status = failed;
			*err = unwritten;
		}
	}
	return status;
}

/* Says what went wrong, and once more in each form of the report that was asked for. */
static int fail(const struct options *options, const struct error *err, int status)
{
	json_t *document = report_error_document(err);
	struct error unwritten;

	fprintf(stderr, "exitcheck: %s\n", err->text);
	if (write_forms(options, document, &unwritten))
		fprintf(stderr, "exitcheck: %s\n", unwritten.text);
	json_decref(document);
	return status;
}

static bool want_color(const struct options *options)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return options->color && isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
	       !(term && !strcmp(term, "dumb"));
}

/*
 * Looks whether there is something to run on, and a place for each form of the report; catches
 * signals from here on.
 */
static int begin(struct options *options, struct host *host, struct error *err)
{
	int status;

	for (unsigned int form = 0; form < NR_REPORT_FORMS; form++) {
		status = options->write[form] ? report_can_write(options->write[form], err) : 0;
		if (status) {
			options->write[form] = NULL;
			return status;
		}
	}
	status = host_probe(host, err);
	if (!status)
		catch_signals();
	return status;
}

/* Writes the JSON that was made, if it was, and frees it. */
static int write_json(const struct options *options, char *text, struct error *err)
{
	int status = text ? report_write(options->write[REPORT_JSON], text, err) :
			    error_set(err, STATUS_CANNOT_RUN, "out of memory");

	free(text);
	return status;
}

/* Whether the text goes to standard output: no other form does. */
static bool want_text(const struct options *options)
{
	for (unsigned int form = 0; form < NR_REPORT_FORMS; form++)
		if (options->write[form] && !strcmp(options->write[form], "-"))
			return false;
	return true;
}

static int flush_stdout(struct error *err)
{
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	return error_set(err, STATUS_CANNOT_RUN, "cannot write to standard output: %m");
}

static int show(const struct options *options, const json_t *document, struct error *err)
{
	int status, flushed;

	if (!document)
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	status = write_forms(options, document, err);
	if (want_text(options))
		report_text(stdout, document, want_color(options));
	flushed = flush_stdout(err);
	return flushed ? flushed : status;
}

static int run_main(int argc, char **argv)
{
	struct options options;
	struct host host;
	struct result *result = NULL;
	static struct verdicts verdicts;
	json_t *document;
	struct error err;
	int status;

	status = options_parse_run(&options, argc, argv, &err);
	if (status)
		return fail(&options, &err, status);
	if (options.help) {
		options_help_run(stdout);
		return STATUS_PASS;
	}
	status = begin(&options, &host, &err);
	if (status)
		return fail(&options, &err, status);

	status = validate(&host, &options, &result, &err);
	if (interrupted) {
		result_destroy(result);
		status = error_set(&err, STATUS_INCONCLUSIVE, "interrupted");
		return fail(&options, &err, status);
	}
	if (status)
		return fail(&options, &err, status);

	checks_judge(result, &verdicts);
	document = report_document(result, &verdicts);
	status = show(&options, document, &err);
	json_decref(document);
	result_destroy(result);
	if (!status)
		return verdicts.status;
	fprintf(stderr, "exitcheck: %s\n", err.text);
	/* A mismatch stays one, whether or not it could be written down. */
	return verdicts.status == STATUS_MISMATCH ? STATUS_MISMATCH : status;
}

static int bench_main(int argc, char **argv)
{
	struct options options;
	struct bench *bench = NULL;
	struct host host;
	json_t *document;
	struct error err;
	int status;

	status = options_parse_bench(&options, argc, argv, &err);
	if (status)
		return fail(&options, &err, status);
	if (options.help) {
		options_help_bench(stdout);
		return STATUS_PASS;
	}
	status = begin(&options, &host, &err);
	if (!status)
		status = bench_run(&host, &options, &bench, &err);
	if (interrupted)
		status = error_set(&err, STATUS_INCONCLUSIVE, "interrupted");
	if (status) {
		bench_destroy(bench);
		return fail(&options, &err, status);
	}
	document = bench_document(bench);
	status = show(&options, document, &err);
	json_decref(document);
	bench_destroy(bench);
	if (status)
		fprintf(stderr, "exitcheck: %s\n", err.text);
	return status;
}

static int compare_main(int argc, char **argv)
{
	struct options options;
	struct comparison *comparison = NULL;
	struct error err;
	int status;

	status = options_parse_compare(&options, argc, argv, &err);
	if (status)
		return fail(&options, &err, status);
	if (options.help) {
		options_help_compare(stdout);
		return STATUS_PASS;
	}
	status = compare_files(options.file[0], options.file[1], options.fail_over, &comparison,
			       &err);
	if (!status && options.write[REPORT_JSON])
		status = write_json(&options, compare_json(comparison), &err);
	if (!status && want_text(&options))
		compare_text(stdout, comparison);
	if (!status)
		status = flush_stdout(&err);
	if (status)
		status = fail(&options, &err, status);
	else
		status = compare_status(comparison);
	compare_destroy(comparison);
	return status;
}

static int list_main(int argc, char **argv)
{
	struct options options;
	struct error err;
	char *text;
	int status;

	status = options_parse_list(&options, argc, argv, &err);
	if (status)
		return fail(&options, &err, status);
	if (options.help) {
		options_help_list(stdout);
		return STATUS_PASS;
	}
	if (!options.write[REPORT_JSON]) {
		report_list_text(stdout);
	} else {
		text = report_list_json();
		if (text)
			puts(text);
		free(text);
	}
	status = flush_stdout(&err);
	options.write[REPORT_JSON] = NULL;
	return status ? fail(&options, &err, status) : STATUS_PASS;
}

static int report_main(int argc, char **argv)
{
	struct options options;
	json_t *document = NULL;
	struct error err;
	int status;

	status = options_parse_report(&options, argc, argv, &err);
	if (!status && options.help) {
		options_help_report(stdout);
		return STATUS_PASS;
	}
	if (!status)
		status = report_read(options.file[0], &document, &err);
	for (unsigned int form = 0; form < NR_REPORT_FORMS && !status; form++)
		if (options.write[form] && !report_has_form(document, form))
			status = error_set(
				&err, STATUS_USAGE,
				"a bench has no verdicts, and so no such form: take --text, "
				"--json, --markdown or --html");
	if (!status)
		status = show(&options, document, &err);
	if (status)
		fprintf(stderr, "exitcheck: %s\n", err.text);
	json_decref(document);
	return status;
}

/* ---- commands ---- */

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "run", run_main, "the validation (what exitcheck does without a command)" },
	{ "report", report_main, "a saved report again, in any form" },
	{ "list", list_main, "the workloads, and the exit that each causes" },
	{ "bench", bench_main, "what an exit costs, under each way of watching" },
	{ "compare", compare_main, "two reports, or two benches: what differs beyond noise" },
	{ "watch", watch_main, "checks the leaves that any guest reads, while it runs" },
};

#define NR_COMMANDS (NR(commands))

static int help(void)
{
	printf("Usage: exitcheck [COMMAND] [OPTION...]\n\nCommands (COMMAND --help has more):\n\n");
	for (size_t i = 0; i < NR_COMMANDS; i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].help);
	printf("\n");
	options_help_run(stdout);
	printf("\nExit status: 0 all checks hold, 1 a mismatch, 2 usage, 3 cannot run here,"
	       " 4 inconclusive.\n");
	return STATUS_PASS;
}

static int unknown_command(const char *name)
{
	fprintf(stderr, "exitcheck: no command \"%s\";", name);
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (text_is_near(name, commands[i].name)) {
			fprintf(stderr, " did you mean: %s\n", commands[i].name);
			return STATUS_USAGE;
		}
	}
	fprintf(stderr, " exitcheck --help shows them\n");
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	const char *first = argc > 1 ? argv[1] : "";

	argp_err_exit_status = STATUS_USAGE;
	if (!strcmp(first, "--help") || !strcmp(first, "-h"))
		return help();
	if (!strcmp(first, "--version") || !strcmp(first, "-V")) {
		puts("exitcheck " EXITCHECK_VERSION);
		return STATUS_PASS;
	}
	if (!*first || *first == '-')
		return argc > 1 && !*first ? unknown_command(first) : run_main(argc, argv);
	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(first, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	return unknown_command(first);
}
