// SPDX-License-Identifier: GPL-2.0-only
#include "commands.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/document.h"
#include "compare/compare.h"
#include "compare/document.h"
#include "judge/document.h"
#include "judge/judge.h"
#include "kvm/test_vm.h"
#include "list.h"
#include "live/top_keys.h"
#include "live_commands.h"
#include "option_rows.h"
#include "output.h"
#include "report/error_document.h"
#include "report/file.h"
#include "report/plain.h"
#include "run/storm.h"
#include "run/validate.h"
#include "util/array.h"
#include "util/color.h"
#include "util/limits.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
	test_vm_interrupt_all();
}

/* The first signal makes the run clean up, the second one ends the process. */
static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* ---- what the commands have in common ---- */

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

int command_fail(const struct options *options, const struct error *err, int status)
{
	json_t *document = report_error_document(err);
	struct options to = *options;
	struct error unwritten;

	say(err, status);
	for (unsigned int form = 0; form < NR_REPORT_FORMS; form++)
		if (to.write[form] && status == STATUS_USAGE && strcmp(to.write[form], "-"))
			to.write[form] = NULL;
	write_forms(&to, document, &unwritten);
	json_decref(document);
	return status;
}

static bool want_color(const struct options *options)
{
	return options->color && color_wanted(STDOUT_FILENO);
}

/* Files that are open besides those of VMs: the eBPF program's, and some for a moment. */
#define BASE_FILES 40
#define VM_FILES 2
/* A vCPU, its statistics, and its instructions. */
#define VCPU_FILES 3
/* Of the storm's VMs. */
#define STORM_FILES (STORM_PLACES * VM_FILES + STORM_MAX_VCPUS * VCPU_FILES)

/*
 * Checks that this host can run exitcheck with so many VMs at once, and files of others, and that each form of the report
 * can be written; catches signals from here on.
 */
static int begin(struct options *options, unsigned long more_files, struct host *host,
		 struct error *err)
{
	unsigned long vm_files = VM_FILES + VCPU_FILES * (unsigned long)options->vcpus;
	int status = limits_open_files(BASE_FILES + options->vms * vm_files + more_files, err);

	if (status)
		return status;
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

/* Whether the text goes to standard output: no other form does. */
static bool want_text(const struct options *options)
{
	for (unsigned int form = 0; form < NR_REPORT_FORMS; form++)
		if (options->write[form] && !strcmp(options->write[form], "-"))
			return false;
	return true;
}

int command_end(int status)
{
	struct error err;

	return flush_stdout(&err) ? say(&err, STATUS_CANNOT_RUN) : status;
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

/* ---- the commands ---- */

static int run_command(struct options *options)
{
	const struct run_plan plan = {
		.workloads = options->workloads,
		.count = options->count,
		.vcpus = options->vcpus,
		.smp_exits = options->smp_exits,
		.has_storm = options->has_storm,
		.storm = options->storm,
		.has_seed = options->has_seed,
		.seed = options->seed,
		.path = options->path,
		.opt_in = options->opt_in,
		.leaves = options->leaves,
	};
	struct host host;
	struct result *result = NULL;
	static struct verdicts verdicts;
	json_t *document;
	struct error err;
	int status;

	status = begin(options, STORM_FILES, &host, &err);
	if (status)
		return command_fail(options, &err, status);

	status = validate(&host, &plan, &result, &err);
	if (interrupted) {
		result_destroy(result);
		status = error_set(&err, STATUS_INCONCLUSIVE, "interrupted");
	}
	if (status)
		return command_fail(options, &err, status);

	judge_result(result, &verdicts);
	document = run_document(result, &verdicts);
	status = show(options, document, &err);
	json_decref(document);
	result_destroy(result);
	if (!status)
		return verdicts.status;
	/* A mismatch stays one, whether or not it could be written down. */
	return say(&err, verdicts.status == STATUS_MISMATCH ? STATUS_MISMATCH : status);
}

static int bench_command(struct options *options)
{
	const struct bench_plan plan = {
		.workloads = options->workloads,
		.leaf_reads = options->leaf_reads,
		.observers = options->observers,
		.count = options->count,
		.rounds = options->rounds,
		.vcpus = options->vcpus,
		.vms = options->vms,
		.has_seed = options->has_seed,
		.seed = options->seed,
	};
	struct bench *bench = NULL;
	struct host host;
	json_t *document;
	struct error err;
	int status;

	status = begin(options, 0, &host, &err);
	if (!status)
		status = bench_run(&host, &plan, &bench, &err);
	if (interrupted)
		status = error_set(&err, STATUS_INCONCLUSIVE, "interrupted");
	if (status) {
		bench_destroy(bench);
		return command_fail(options, &err, status);
	}
	document = bench_document(bench);
	status = show(options, document, &err);
	json_decref(document);
	if (!status && bench_no_ebpf(bench))
		status = error_set(&err, STATUS_INCONCLUSIVE, "no eBPF program was measured: %s",
				   bench_no_ebpf(bench));
	bench_destroy(bench);
	return status ? say(&err, status) : STATUS_PASS;
}

/* No output may be an input: its name may be one that was forgotten. */
static int check_inputs(const struct options *options, struct error *err)
{
	for (unsigned int form = 0; form < NR_REPORT_FORMS; form++) {
		const char *to = options->write[form];

		for (unsigned int i = 0; i < options->nr_files; i++)
			if (to && strcmp(to, "-") && report_is_same_file(to, options->file[i]))
				return error_set(err, STATUS_USAGE,
						 "%s is compared, and would be overwritten", to);
	}
	return 0;
}

/* Reads the files, of which *nr are read then. */
static int read_files(const struct options *options, json_t **documents, unsigned int *nr,
		      struct error *err)
{
	int status = check_inputs(options, err);

	for (*nr = 0; *nr < options->nr_files && !status; *nr += !status)
		status = report_read(options->file[*nr], &documents[*nr], err);
	return status;
}

static int compare_command(struct options *options)
{
	json_t *documents[OPTIONS_MAX_FILES], *document = NULL;
	struct comparison *comparison = NULL;
	struct compare_side a = { documents, options->file, options->nr_a };
	struct compare_side b = { documents + a.nr, options->file + a.nr,
				  options->nr_files - options->nr_a };
	struct error err;
	unsigned int nr;
	int status = read_files(options, documents, &nr, &err), verdict = STATUS_PASS;

	if (!status)
		status = compare_documents(&a, &b, options->fail_over, &comparison, &err);
	if (!status) {
		document = compare_document(comparison);
		verdict = compare_status(comparison);
		status = show(options, document, &err);
		status = status ? say(&err, status) : verdict;
	} else {
		command_fail(options, &err, status);
	}
	json_decref(document);
	compare_destroy(comparison);
	while (nr)
		json_decref(documents[--nr]);
	return status;
}

static int list_command(struct options *options)
{
	struct error err;
	char *text;
	int status;

	if (!options->write[REPORT_JSON]) {
		list_text(stdout);
	} else {
		text = list_json();
		if (text)
			puts(text);
		free(text);
	}
	status = flush_stdout(&err);
	options->write[REPORT_JSON] = NULL;
	return status ? command_fail(options, &err, status) : STATUS_PASS;
}

static int report_command(struct options *options)
{
	json_t *document = NULL;
	struct error err;
	int status = report_read(options->file[0], &document, &err);

	for (unsigned int form = 0; form < NR_REPORT_FORMS && !status; form++)
		if (options->write[form] && !report_has_form(document, form))
			status = error_set(&err, STATUS_USAGE,
					   "a bench has no verdicts, so it has no JUnit form: use "
					   "--text, --json, --markdown or --html");
	if (!status)
		status = show(options, document, &err);
	json_decref(document);
	return status ? say(&err, status) : STATUS_PASS;
}

static void list_observers(FILE *to)
{
	fprintf(to, "\nObservers:\n\n");
	for (unsigned int i = 0; i < nr_bench_observers; i++)
		fprintf(to, "  %-13s  %s\n", bench_observers[i].name, bench_observers[i].help);
}

static void list_top_keys(FILE *to)
{
	fprintf(to, "\nKeys:\n\n");
	for (unsigned int i = 0; i < nr_top_bindings; i++)
		fprintf(to, "  %-18s  %s\n", top_bindings[i].names, top_bindings[i].help);
}

/* ---- the table ---- */

static const struct argp_option run_options[] = {
	HEADING("Workload:", GROUP_WORK),
	{ "workload", 'w', "NAME", 0,
	  "Run only this workload; may be repeated (exitcheck list shows the names)", GROUP_WORK },
	{ "count", 'n', "N", 0, "Executions of each workload, 1 to 10,000,000", GROUP_WORK },
	{ "vcpus", OPTION_VCPUS, "N", 0, "vCPUs of the multi-vCPU VM, 1 to 64 (default: 4)",
	  GROUP_WORK },
	{ "smp-exits", OPTION_SMP_EXITS, "N", 0,
	  "Exits of the multi-vCPU VM, 1 to 100,000,000 (default: 20,000)", GROUP_WORK },
	{ "seed", OPTION_SEED, "N", 0, "Repeat the run that used this seed", GROUP_WORK },
	{ "storm", OPTION_STORM, "SECONDS", 0,
	  "Have everything happen at once for so long, 0 to 86,400, CPUs taken off and put back included"
	  " (default: a short storm that leaves the CPUs on; 0: none)",
	  GROUP_WORK },
	HEADING("KVM and eBPF:", GROUP_TRACER),
	PATH_OPTION,
	{ "leaves", OPTION_LEAVES, "LEAVES", 0,
	  "Judge another implementation's leaves, by the published assignment: published, ascending,"
	  " combined, or exits=LEAF,cycles=LEAF,total-exits=LEAF,total-cycles=LEAF",
	  GROUP_TRACER },
	{ "no-opt-in", OPTION_NO_OPT_IN, NULL, 0,
	  "Do not enable the exit leaves of the VMs, like a VMM that does not know them",
	  GROUP_TRACER },
	HEADING("Report (FILE may be - for standard output, instead of the text):", GROUP_OUTPUT),
	{ "json", OPTION_JSON, "FILE", 0, "Write the report as JSON", GROUP_OUTPUT },
	{ "markdown", OPTION_FORM + REPORT_MARKDOWN, "FILE", 0, "Write the report as Markdown",
	  GROUP_OUTPUT },
	{ "junit", OPTION_FORM + REPORT_JUNIT, "FILE", 0, "Write the report as JUnit XML",
	  GROUP_OUTPUT },
	{ "html", OPTION_FORM + REPORT_HTML, "FILE", 0, "Write the report as HTML, with charts",
	  GROUP_OUTPUT },
	{ "no-color", OPTION_NO_COLOR, NULL, 0, "Print the report without colour", GROUP_OUTPUT },
	HELP_OPTION,
	{ 0 },
};

static const struct argp_option report_options[] = {
	{ "text", OPTION_FORM + REPORT_TEXT, NULL, 0, "Print text (default)", 0 },
	{ "json", OPTION_JSON, NULL, 0, "Print JSON", 0 },
	{ "markdown", OPTION_FORM + REPORT_MARKDOWN, NULL, 0, "Print Markdown", 0 },
	{ "junit", OPTION_FORM + REPORT_JUNIT, NULL, 0, "Print JUnit XML", 0 },
	{ "html", OPTION_FORM + REPORT_HTML, NULL, 0, "Print HTML, with charts", 0 },
	{ "no-color", OPTION_NO_COLOR, NULL, 0, "Print text without colour", 0 },
	HELP_OPTION,
	{ 0 },
};

static const struct argp_option list_options[] = {
	{ "json", OPTION_JSON, NULL, 0, "Print JSON", 0 },
	HELP_OPTION,
	{ 0 },
};

static const struct argp_option bench_options[] = {
	HEADING("Measurement:", GROUP_WORK),
	{ "workload", 'w', "NAME", 0,
	  "Measure only this workload, or leaf-vcpu, leaf-vm; may be repeated (exitcheck list shows"
	  " the names)",
	  GROUP_WORK },
	{ "observer", OPTION_OBSERVER, "NAME", 0,
	  "Measure only under this observer; may be repeated (default: all that this host offers)",
	  GROUP_WORK },
	{ "rounds", OPTION_ROUNDS, "N", 0,
	  "Samples of each workload and observer, 1 to 1,000 (default: 21)", GROUP_WORK },
	{ "count", 'n', "N", 0,
	  "Executions of a workload per sample, 1 to 10,000,000 (default: 2,000; slow workloads: 100)",
	  GROUP_WORK },
	{ "vcpus", OPTION_VCPUS, "N", 0,
	  "vCPUs of each VM, all at work at once, 1 to 64 (default: 1)", GROUP_WORK },
	{ "vms", OPTION_VMS, "N", 0, "VMs, all at work at once, 1 to 16 (default: 1)", GROUP_WORK },
	{ "seed", OPTION_SEED, "N", 0, "Repeat the order of the bench that used this seed",
	  GROUP_WORK },
	HEADING("Figures (FILE may be - for standard output, instead of the text):", GROUP_OUTPUT),
	{ "json", OPTION_JSON, "FILE", 0, "Write the figures as JSON", GROUP_OUTPUT },
	{ "markdown", OPTION_FORM + REPORT_MARKDOWN, "FILE", 0, "Write the figures as Markdown",
	  GROUP_OUTPUT },
	{ "html", OPTION_FORM + REPORT_HTML, "FILE", 0, "Write the figures as HTML, with charts",
	  GROUP_OUTPUT },
	{ "no-color", OPTION_NO_COLOR, NULL, 0, "Print the figures without colour", GROUP_OUTPUT },
	HELP_OPTION,
	{ 0 },
};

static const struct argp_option compare_options[] = {
	HEADING("Comparison:", GROUP_WORK),
	{ "fail-over", OPTION_FAIL_OVER, "PERCENT", 0,
	  "Exit with status 1 if B exceeds A anywhere by more than this, and by more than chance",
	  GROUP_WORK },
	HEADING("Report (FILE may be - for standard output, instead of the text):", GROUP_OUTPUT),
	{ "json", OPTION_JSON, "FILE", 0, "Write the comparison as JSON", GROUP_OUTPUT },
	{ "markdown", OPTION_FORM + REPORT_MARKDOWN, "FILE", 0, "Write the comparison as Markdown",
	  GROUP_OUTPUT },
	{ "junit", OPTION_FORM + REPORT_JUNIT, "FILE", 0, "Write the comparison as JUnit XML",
	  GROUP_OUTPUT },
	{ "html", OPTION_FORM + REPORT_HTML, "FILE", 0,
	  "Write the comparison as HTML, with a chart", GROUP_OUTPUT },
	{ "no-color", OPTION_NO_COLOR, NULL, 0, "Print the comparison without colour",
	  GROUP_OUTPUT },
	HELP_OPTION,
	{ 0 },
};

const struct command commands[] = {
	{
		.name = "run",
		.summary = "validate the exit leaves of this host's KVM (the default)",
		.doc = "Verifies the exit leaves of this host's KVM: a test guest causes a known"
		       " number of exits, and an eBPF program counts and times them"
		       " independently.",
		.options = run_options,
		.vcpus = 4,
		.run = run_command,
	},
	{
		.name = "report",
		.summary = "show a saved report, in any form",
		.doc = "Shows a report that run, bench or compare wrote with --json, in any form."
		       " FILE may be - for standard input.",
		.arguments = "FILE",
		.options = report_options,
		.nr_files = 1,
		.files_help = "no report to read: exitcheck report FILE, as written by --json FILE",
		.is_converter = true,
		.run = report_command,
	},
	{
		.name = "list",
		.summary = "list the workloads and the exit that each causes",
		.doc = "Lists the workloads, and the exit that each causes on SVM and on VMX.",
		.options = list_options,
		.run = list_command,
	},
	{
		.name = "bench",
		.summary = "measure what each way to watch exits costs",
		.doc = "Measures the cost of an exit when nothing watches it, and under each"
		       " observer.",
		.options = bench_options,
		.takes_leaf_reads = true,
		.vcpus = 1,
		.more_help = list_observers,
		.run = bench_command,
	},
	{
		.name = "compare",
		.summary = "compare reports, or benches, of two kinds",
		.doc = "Compares files that run --json wrote, or that bench --json wrote: those of A with"
		       " those of B. It takes at least four of each to tell a difference from chance.",
		.arguments = "A.json B.json\nA.json... -- B.json...",
		.options = compare_options,
		.nr_files = 2,
		.takes_sides = true,
		.run = compare_command,
	},
	{
		.name = "audit",
		.former_name = "watch",
		.summary = "check every exit of the VMs that run, while they do",
		.doc = "Counts and times the exits of every VM on this host with eBPF, and compares"
		       " each with KVM's own account of it as it ends, and each exit leaf that a"
		       " guest reads. Ends with COMMAND or the process, after --seconds, or at"
		       " Ctrl-C.",
		.arguments = "[-- COMMAND...]",
		.options = audit_options,
		.takes_command = true,
		.run = audit_command,
	},
	{
		.name = "stat",
		.summary = "show the exits of the VMs that run, and their time",
		.doc = "Shows how many exits the VMs on this host make, for which reasons, and how"
		       " much time they take. Ends with COMMAND or the process, after --seconds or"
		       " --count, or at Ctrl-C.",
		.arguments = "[-- COMMAND...]",
		.options = stat_options,
		.takes_command = true,
		.run = stat_command,
	},
	{
		.name = "top",
		.summary = "show the same live, on a terminal, down to a histogram",
		.doc = "Shows on a terminal which VMs of this host spend time in exits, which of their"
		       " vCPUs, and for which reasons; ? shows the keys. Without a terminal it prints"
		       " a table of the VMs each interval.",
		.options = top_options,
		.more_help = list_top_keys,
		.run = top_command,
	},
	{
		.name = "export",
		.summary = "serve the exits of the VMs that run, and their time, to Prometheus",
		.doc = "Serves the exits of the VMs on this host and their time as metrics, over HTTP"
		       " or in a file, until Ctrl-C. Each scrape reads the counters.",
		.options = export_options,
		.run = export_command,
	},
};

const unsigned int nr_commands = NR(commands);

const struct command *command_find(const char *name)
{
	for (unsigned int i = 0; i < nr_commands; i++)
		if (!strcmp(commands[i].name, name) ||
		    (commands[i].former_name && !strcmp(commands[i].former_name, name)))
			return &commands[i];
	return NULL;
}
