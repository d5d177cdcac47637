// SPDX-License-Identifier: GPL-2.0-only
#include "options.h"

#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"
#include "util/array.h"

enum {
	OPTION_VCPUS = 0x100,
	OPTION_SMP_EXITS,
	OPTION_SEED,
	OPTION_PATH,
	OPTION_NO_OPT_IN,
	OPTION_NO_COLOR,
	OPTION_SECONDS,
	OPTION_OBSERVER,
	OPTION_ROUNDS,
	OPTION_VMS,
	OPTION_FAIL_OVER,
	OPTION_FORM, /* + enum report_form */
	OPTION_JSON = OPTION_FORM + REPORT_JSON,
};

#define DEFAULT_VCPUS 4
#define DEFAULT_ROUNDS 21

/* Numbers that options take, and their limits. */
static const struct limit {
	int key;
	uint64_t min, max;
} limits[] = {
	{ 'n', 1, 10000000 },
	{ OPTION_VCPUS, 1, TEST_VM_MAX_VCPUS },
	{ OPTION_SMP_EXITS, 1, 100000000 },
	{ OPTION_SEED, 0, UINT64_MAX },
	{ OPTION_SECONDS, 1, OPTIONS_MAX_SECONDS },
	{ OPTION_ROUNDS, 1, 1000 },
	{ OPTION_VMS, 1, BENCH_MAX_VMS },
};

#define PATH_HELP "How the eBPF program attaches (default: auto, by BTF where KVM has it)"

static const struct argp_option run_options[] = {
	{ "workload", 'w', "NAME", 0,
	  "Run this workload only (may be repeated; see: exitcheck list)", 0 },
	{ "count", 'n', "N", 0, "Executions of each workload, 1 to 10,000,000", 0 },
	{ "vcpus", OPTION_VCPUS, "N", 0, "vCPUs of the VM with several, 1 to 64 (default: 4)", 0 },
	{ "smp-exits", OPTION_SMP_EXITS, "N", 0,
	  "Exits of that VM, 1 to 100,000,000 (default: 20,000)", 0 },
	{ "seed", OPTION_SEED, "N", 0, "Repeat the run that had this seed", 0 },
	{ "json", OPTION_JSON, "FILE", 0,
	  "Write the report as JSON, too; - is standard output instead of the text", 0 },
	{ "markdown", OPTION_FORM + REPORT_MARKDOWN, "FILE", 0, "Likewise, as Markdown", 0 },
	{ "junit", OPTION_FORM + REPORT_JUNIT, "FILE", 0, "Likewise, as JUnit's XML", 0 },
	{ "html", OPTION_FORM + REPORT_HTML, "FILE", 0, "Likewise, as a page with charts", 0 },
	{ "path", OPTION_PATH, "auto|btf|classic", 0, PATH_HELP, 0 },
	{ "no-opt-in", OPTION_NO_OPT_IN, NULL, 0,
	  "Do not ask KVM for the leaves, as a VMM that does not know of them", 0 },
	{ "no-color", OPTION_NO_COLOR, NULL, 0, "Never colour the report", 0 },
	{ "help", 'h', NULL, 0, "Show this", -1 },
	{ 0 },
};

static const struct argp_option bench_options[] = {
	{ "workload", 'w', "NAME", 0,
	  "Measure this workload, or leaf-vcpu, leaf-vm (may be repeated; see: exitcheck list)",
	  0 },
	{ "observer", OPTION_OBSERVER, "NAME", 0,
	  "Measure under this observer (may be repeated; default: all that there are here)", 0 },
	{ "rounds", OPTION_ROUNDS, "N", 0, "Samples of each, 1 to 1,000 (default: 21)", 0 },
	{ "count", 'n', "N", 0,
	  "Executions of a workload for one sample, 1 to 10,000,000 (default: 2,000, of slow ones "
	  "100)",
	  0 },
	{ "vcpus", OPTION_VCPUS, "N", 0, "vCPUs of each VM, all at once, 1 to 64 (default: 1)", 0 },
	{ "vms", OPTION_VMS, "N", 0, "VMs, all at once, 1 to 16 (default: 1)", 0 },
	{ "seed", OPTION_SEED, "N", 0, "Repeat the order that had this seed", 0 },
	{ "json", OPTION_JSON, "FILE", 0,
	  "Write the figures as JSON, too; - is standard output instead of the text", 0 },
	{ "markdown", OPTION_FORM + REPORT_MARKDOWN, "FILE", 0, "Likewise, as Markdown", 0 },
	{ "html", OPTION_FORM + REPORT_HTML, "FILE", 0, "Likewise, as a page with charts", 0 },
	{ "no-color", OPTION_NO_COLOR, NULL, 0, "Never colour the text", 0 },
	{ "help", 'h', NULL, 0, "Show this", -1 },
	{ 0 },
};

static const struct argp_option compare_options[] = {
	{ "fail-over", OPTION_FAIL_OVER, "PERCENT", 0,
	  "Status 1 if anything is more in B by over that, and beyond the noise", 0 },
	{ "json", OPTION_JSON, "FILE", 0,
	  "Write the comparison as JSON, too; - is standard output instead of the text", 0 },
	{ "help", 'h', NULL, 0, "Show this", -1 },
	{ 0 },
};

static const struct argp_option list_options[] = {
	{ "json", OPTION_JSON, NULL, 0, "As JSON", 0 },
	{ "help", 'h', NULL, 0, "Show this", -1 },
	{ 0 },
};

static const struct argp_option watch_options[] = {
	{ "seconds", OPTION_SECONDS, "N", 0, "Stop after N seconds, 1 to 604,800", 0 },
	{ "path", OPTION_PATH, "auto|btf|classic", 0, PATH_HELP, 0 },
	{ "help", 'h', NULL, 0, "Show this", -1 },
	{ 0 },
};

static const struct argp_option report_options[] = {
	{ "text", OPTION_FORM + REPORT_TEXT, NULL, 0, "As text (the default)", 0 },
	{ "json", OPTION_JSON, NULL, 0, "As JSON", 0 },
	{ "markdown", OPTION_FORM + REPORT_MARKDOWN, NULL, 0, "As Markdown", 0 },
	{ "junit", OPTION_FORM + REPORT_JUNIT, NULL, 0, "As JUnit's XML", 0 },
	{ "html", OPTION_FORM + REPORT_HTML, NULL, 0, "As a page with charts", 0 },
	{ "no-color", OPTION_NO_COLOR, NULL, 0, "Never colour the text", 0 },
	{ "help", 'h', NULL, 0, "Show this", -1 },
	{ 0 },
};

struct parse {
	struct options *options;
	struct error *err;
	const struct argp_option *table;
};

/* The option's name as the user knows it. */
static const char *option_name(const struct argp_option *table, int key)
{
	for (; table->name; table++)
		if (table->key == key)
			return table->name;
	return "";
}

static int parse_number(struct parse *parse, int key, const char *text, uint64_t *value)
{
	const struct limit *limit = limits;
	const char *name = option_name(parse->table, key);
	char *end;

	while (limit->key != key)
		limit++;
	errno = 0;
	*value = strtoull(text, &end, 10);
	/* strtoull() itself takes blanks and signs. */
	if (!isdigit((unsigned char)*text) || *end)
		return error_set(parse->err, STATUS_USAGE, "--%s: \"%s\" is not a number", name,
				 text);
	if (errno == ERANGE || *value < limit->min || *value > limit->max)
		return error_set(parse->err, STATUS_USAGE, "--%s: %s is not in %s to %s", name,
				 text, text_u64(limit->min).s, text_u64(limit->max).s);
	return 0;
}

static int parse_workload(struct parse *parse, const char *name)
{
	const struct workload *workload = workload_find(name);
	char near[160] = "";
	size_t n = 0;

	for (unsigned int i = 0; parse->table == bench_options && i < BENCH_NR_READS; i++) {
		if (!strcmp(bench_reads[i].workload.name, name)) {
			parse->options->nr_workloads += !parse->options->read[i];
			parse->options->read[i] = true;
			return 0;
		}
	}
	if (workload) {
		bool *chosen = &parse->options->workload[workload - workloads];

		parse->options->nr_workloads += !*chosen;
		*chosen = true;
		return 0;
	}
	for (unsigned int i = 0; i < nr_workloads && n < sizeof(near); i++)
		if (text_is_near(name, workloads[i].name))
			n += snprintf(near + n, sizeof(near) - n, "%s%s", n ? ", " : "",
				      workloads[i].name);
	return error_set(parse->err, STATUS_USAGE, "no workload \"%s\"; %s%s", name,
			 n ? "did you mean: " : "exitcheck list shows them", near);
}

static int parse_observer(struct parse *parse, const char *name)
{
	const struct bench_observer *observer = bench_observer_find(name);
	char names[160] = "";
	size_t n = 0;

	if (observer) {
		bool *chosen = &parse->options->observer[observer - bench_observers];

		parse->options->nr_observers += !*chosen;
		*chosen = true;
		return 0;
	}
	for (unsigned int i = 0; i < nr_bench_observers && n < sizeof(names); i++)
		n += snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "",
			      bench_observers[i].name);
	return error_set(parse->err, STATUS_USAGE, "no observer \"%s\"; there are: %s", name,
			 names);
}

/* "5", "0.5%" */
static int parse_percent(struct parse *parse, const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	end += *end == '%';
	/* strtod() itself takes blanks, signs, hexadecimal and infinities. */
	if (!isdigit((unsigned char)*text) || text[strspn(text, "0123456789.%")] || *end)
		return error_set(parse->err, STATUS_USAGE,
				 "--fail-over: \"%s\" is not a number of per cent", text);
	return 0;
}

static int parse_file(struct parse *parse, const char *name)
{
	struct options *options = parse->options;
	unsigned int most = parse->table == compare_options ? 2 : parse->table == report_options;

	if (options->nr_files == most || !*name)
		return error_set(parse->err, STATUS_USAGE, "\"%s\" is one argument too many%s",
				 name, workload_find(name) ? "; a workload is chosen with -w" : "");
	options->file[options->nr_files++] = name;
	return 0;
}

static int parse_path(struct parse *parse, const char *name)
{
	static const char *const names[] = {
		[TRACER_AUTO] = "auto",
		[TRACER_BTF] = "btf",
		[TRACER_CLASSIC] = "classic",
	};

	for (unsigned int i = 0; i < NR(names); i++) {
		if (!strcmp(names[i], name)) {
			parse->options->path = i;
			return 0;
		}
	}
	return error_set(parse->err, STATUS_USAGE, "--path: \"%s\" is none of auto, btf, classic",
			 name);
}

/* A form, and the file to write it to; without one it is standard output. */
static int parse_form(struct parse *parse, int key, const char *path)
{
	const char **write = parse->options->write;
	unsigned int form = key - OPTION_FORM, other = 0;
	const char *name = option_name(parse->table, key);

	write[form] = path ? path : "-";
	if (!*write[form])
		return error_set(parse->err, STATUS_USAGE, "--%s: no file name", name);
	while (other < NR_REPORT_FORMS &&
	       (other == form || !write[other] || strcmp(write[other], write[form])))
		other++;
	if (other == NR_REPORT_FORMS)
		return 0;
	write[form] = NULL;
	return error_set(parse->err, STATUS_USAGE, "--%s and --%s both write to %s",
			 option_name(parse->table, OPTION_FORM + other), name,
			 strcmp(write[other], "-") ? write[other] : "standard output");
}

/*
 * argp is told to keep silent, because it says things in two lines; what was
 * wrong is found again from the argument that it stopped at.
 */
static void explain(struct parse *parse, const struct argp_state *state)
{
	const char *word = state->next > 0 ? state->argv[state->next - 1] : "";
	size_t length = strcspn(word, "=");
	char near[96] = "";
	size_t n = 0;

	if (parse->err->text[0])
		return;
	if (word[0] == '-' && word[1] && word[1] != '-') {
		for (const struct argp_option *o = parse->table; o->name; o++)
			if (o->arg && o->key == word[strlen(word) - 1]) {
				error_set(parse->err, STATUS_USAGE, "-%c needs a value: %s", o->key,
					  o->arg);
				return;
			}
	}
	for (const struct argp_option *o = parse->table; o->name && length > 2; o++) {
		size_t full = strlen(o->name);
		char typed[64];

		if (length - 2 == full && !strncmp(word + 2, o->name, full)) {
			error_set(parse->err, STATUS_USAGE,
				  o->arg ? "--%s needs a value: %s" : "--%s takes no value%s",
				  o->name, o->arg ? o->arg : "");
			return;
		}
		snprintf(typed, sizeof(typed), "%.*s", (int)(length - 2), word + 2);
		if (n < sizeof(near) &&
		    (!strncmp(typed, o->name, strlen(typed)) || text_is_near(typed, o->name)))
			n += snprintf(near + n, sizeof(near) - n, "%s--%s", n ? ", " : "", o->name);
	}
	error_set(parse->err, STATUS_USAGE, "no option \"%s\"; %s%s", word,
		  n ? "did you mean: " : "--help shows them", near);
}

static error_t parse_key(int key, char *arg, struct argp_state *state)
{
	struct parse *parse = state->input;
	struct options *options = parse->options;
	uint64_t number = 0;
	int status = 0;

	switch (key) {
	case 'h':
		options->help = true;
		break;
	case 'w':
		status = parse_workload(parse, arg);
		break;
	case 'n':
		status = parse_number(parse, key, arg, &options->count);
		break;
	case OPTION_VCPUS:
		status = parse_number(parse, key, arg, &number);
		options->vcpus = number;
		break;
	case OPTION_SMP_EXITS:
		status = parse_number(parse, key, arg, &options->smp_exits);
		break;
	case OPTION_SEED:
		status = parse_number(parse, key, arg, &options->seed);
		options->has_seed = true;
		break;
	case OPTION_FORM ... OPTION_FORM + NR_REPORT_FORMS - 1:
		status = parse_form(parse, key, arg);
		break;
	case OPTION_PATH:
		status = parse_path(parse, arg);
		break;
	case OPTION_OBSERVER:
		status = parse_observer(parse, arg);
		break;
	case OPTION_ROUNDS:
		status = parse_number(parse, key, arg, &number);
		options->rounds = number;
		break;
	case OPTION_VMS:
		status = parse_number(parse, key, arg, &number);
		options->vms = number;
		break;
	case OPTION_FAIL_OVER:
		status = parse_percent(parse, arg, &options->fail_over);
		break;
	case OPTION_NO_OPT_IN:
		options->opt_in = false;
		break;
	case OPTION_NO_COLOR:
		options->color = false;
		break;
	case OPTION_SECONDS:
		status = parse_number(parse, key, arg, &number);
		options->seconds = number;
		break;
	case ARGP_KEY_ARG:
		if (parse->table == watch_options) {
			/* The command, with all that follows it. */
			options->command = &state->argv[state->next - 1];
			state->next = state->argc;
			break;
		}
		status = parse_file(parse, arg);
		break;
	case ARGP_KEY_ERROR:
		explain(parse, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return status ? EINVAL : 0;
}

static int options_parse(struct options *options, const struct argp_option *table, int argc,
			 char **argv, struct error *err)
{
	const struct argp argp = { .options = table, .parser = parse_key };
	struct parse parse = { .options = options, .err = err, .table = table };
	unsigned int flags = ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP;

	*options = (struct options){
		.vcpus = table == bench_options ? 1 : DEFAULT_VCPUS,
		.rounds = DEFAULT_ROUNDS,
		.vms = 1,
		.fail_over = -1,
		.opt_in = true,
		.color = true,
	};
	err->text[0] = '\0';
	/* What follows watch's command are the command's own options. */
	if (table == watch_options)
		flags |= ARGP_IN_ORDER;
	return argp_parse(&argp, argc, argv, flags, NULL, &parse) ? STATUS_USAGE : 0;
}

int options_parse_run(struct options *options, int argc, char **argv, struct error *err)
{
	return options_parse(options, run_options, argc, argv, err);
}

int options_parse_bench(struct options *options, int argc, char **argv, struct error *err)
{
	return options_parse(options, bench_options, argc, argv, err);
}

int options_parse_compare(struct options *options, int argc, char **argv, struct error *err)
{
	int status = options_parse(options, compare_options, argc, argv, err);

	if (!status && !options->help && options->nr_files != 2)
		status = error_set(err, STATUS_USAGE,
				   "two files are compared: exitcheck compare A.json B.json");
	return status;
}

int options_parse_list(struct options *options, int argc, char **argv, struct error *err)
{
	return options_parse(options, list_options, argc, argv, err);
}

int options_parse_watch(struct options *options, int argc, char **argv, struct error *err)
{
	return options_parse(options, watch_options, argc, argv, err);
}

int options_parse_report(struct options *options, int argc, char **argv, struct error *err)
{
	int status = options_parse(options, report_options, argc, argv, err);

	if (!status && !options->help && !options->nr_files)
		status = error_set(
			err, STATUS_USAGE,
			"no report to read: exitcheck report FILE, as written by --json FILE");
	return status;
}

static void help(FILE *to, const struct argp_option *table, const char *name, const char *arguments,
		 const char *doc)
{
	const struct argp argp = {
		.options = table, .parser = parse_key, .args_doc = arguments, .doc = doc
	};
	char copy[32];

	snprintf(copy, sizeof(copy), "%s", name);
	argp_help(&argp, to, ARGP_HELP_USAGE | ARGP_HELP_PRE_DOC | ARGP_HELP_LONG, copy);
}

void options_help_run(FILE *to)
{
	help(to, run_options, "exitcheck run", NULL,
	     "Checks the exit leaves of this machine's KVM against eBPF, KVM's statistics and what"
	     " a guest of our own executed.");
}

void options_help_bench(FILE *to)
{
	help(to, bench_options, "exitcheck bench", NULL,
	     "Measures what an exit costs when nothing watches it, and under each way of watching.");
	fprintf(to, "\nObservers:\n\n");
	for (unsigned int i = 0; i < nr_bench_observers; i++)
		fprintf(to, "  %-13s  %s\n", bench_observers[i].name, bench_observers[i].help);
}

void options_help_compare(FILE *to)
{
	help(to, compare_options, "exitcheck compare", "A.json B.json",
	     "Compares two files that exitcheck run --json wrote, or two of exitcheck bench --json.");
}

void options_help_list(FILE *to)
{
	help(to, list_options, "exitcheck list", NULL,
	     "Lists the workloads, and the exit that each causes on SVM and on VMX.");
}

void options_help_watch(FILE *to)
{
	help(to, watch_options, "exitcheck watch", "[-- COMMAND...]",
	     "Counts and times the exits of every VM on this host with eBPF, and holds each exit"
	     " leaf that a guest reads against that, inside the very exit that reads it; until"
	     " COMMAND ends, N seconds have passed, or Ctrl-C.");
}

void options_help_report(FILE *to)
{
	help(to, report_options, "exitcheck report", "FILE",
	     "Shows the report of a run, or of a bench, again that was written with --json=FILE, in"
	     " any form; - is standard input.");
}
