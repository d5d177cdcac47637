// SPDX-License-Identifier: GPL-2.0-only
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "bench/plan.h"
#include "kvm/test_vm.h"
#include "live/meter.h"
#include "live/usage.h"
#include "report/file.h"
#include "util/array.h"
#include "util/text.h"

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
	{ OPTION_STORM, 0, OPTIONS_MAX_STORM },
	{ OPTION_SECONDS, 1, OPTIONS_MAX_SECONDS },
	{ OPTION_INTERVAL, 1, OPTIONS_MAX_SECONDS },
	{ 'p', 1, INT_MAX },
	{ OPTION_ROUNDS, 1, 1000 },
	{ OPTION_VMS, 1, BENCH_MAX_VMS },
	{ OPTION_MAX_SERIES, 1, 10000000 },
	{ OPTION_ROOM, 1, TRACER_MAX_VCPUS },
};

struct parse {
	struct options *options;
	struct error *err;
	const struct command *command;
	bool behind; /* "--" */
};

/* A table ends with an empty row; a row without a name is a heading. */
static bool is_row(const struct argp_option *o)
{
	return o->name || o->doc;
}

/* The option's name as the user knows it. */
static const char *option_name(const struct parse *parse, int key)
{
	for (const struct argp_option *o = parse->command->options; is_row(o); o++)
		if (o->name && o->key == key)
			return o->name;
	return "";
}

static int parse_number(struct parse *parse, int key, const char *text, uint64_t *value)
{
	const struct limit *limit = limits;
	const char *name = option_name(parse, key);
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

/* A time with its unit, to ns. */
static int parse_duration(struct parse *parse, int key, const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 } };
	const char *name = option_name(parse, key);
	double value = 0, factor = 0;
	char *end = NULL;

	/* strtod() itself takes signs, exponents and more. */
	if (isdigit((unsigned char)*text))
		value = strtod(text, &end);
	if (end && end != text + strspn(text, "0123456789."))
		end = NULL;
	for (size_t i = 0; end && i < NR(units); i++)
		if (!strcmp(end, units[i].name))
			factor = units[i].ns;
	if (!(factor > 0))
		return error_set(parse->err, STATUS_USAGE,
				 "--%s: \"%s\" is not a time such as 1ms, 500us, 2s", name, text);
	if (value * factor < OPTIONS_MIN_OVER_NS || value * factor > OPTIONS_MAX_OVER_NS)
		return error_set(parse->err, STATUS_USAGE, "--%s: %s is not in 1us to 3600s", name,
				 text);
	*ns = (uint64_t)(value * factor);
	return 0;
}

static int parse_workload(struct parse *parse, const char *name)
{
	const struct workload *workload = workload_find(name);
	char near[160] = "";
	size_t n = 0;

	for (unsigned int i = 0; parse->command->takes_leaf_reads && i < BENCH_NR_READS; i++) {
		if (!strcmp(bench_reads[i].workload.name, name)) {
			parse->options->leaf_reads |= 1u << i;
			return 0;
		}
	}
	if (workload) {
		struct workload_choice *choice = &parse->options->workloads;

		choice->nr += !choice->chosen[workload - workloads];
		choice->chosen[workload - workloads] = true;
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
		parse->options->observers |= 1u << (observer - bench_observers);
		return 0;
	}
	for (unsigned int i = 0; i < nr_bench_observers && n < sizeof(names); i++)
		n += snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "",
			      bench_observers[i].name);
	return error_set(parse->err, STATUS_USAGE, "no observer \"%s\"; use one of: %s", name,
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
				 "--fail-over: \"%s\" is not a percentage", text);
	return 0;
}

static int parse_file(struct parse *parse, const char *name)
{
	struct options *options = parse->options;

	if (parse->command->takes_sides && options->nr_files == OPTIONS_MAX_FILES)
		return error_set(parse->err, STATUS_USAGE, "more than %d files", OPTIONS_MAX_FILES);
	if ((options->nr_files == parse->command->nr_files && !parse->command->takes_sides) ||
	    !*name)
		return error_set(parse->err, STATUS_USAGE, "unexpected argument \"%s\"%s", name,
				 workload_find(name) ? "; use -w to choose a workload" : "");
	options->file[options->nr_files++] = name;
	return 0;
}

/* One file of each side; or several, with "--" between the sides. */
static int check_sides(struct options *options, struct error *err)
{
	if (!options->nr_a && options->nr_files == 2)
		options->nr_a = 1;
	if (options->nr_files < 2)
		return error_set(
			err, STATUS_USAGE,
			"two files are compared, or more: exitcheck compare A.json... -- B.json...");
	if (!options->nr_a || options->nr_a == options->nr_files)
		return error_set(
			err, STATUS_USAGE,
			"put -- between the files of A and those of B: exitcheck compare A.json..."
			" -- B.json...");
	return 0;
}

/* Which of nr names it is that an option was given, in *number. */
static int parse_name(struct parse *parse, const char *option, const char *const *names, size_t nr,
		      const char *name, unsigned int *number)
{
	char all[64] = "";
	size_t n = 0;

	for (*number = 0; *number < nr; (*number)++)
		if (!strcmp(names[*number], name))
			return 0;
	for (size_t i = 0; i < nr && n < sizeof(all); i++)
		n += snprintf(all + n, sizeof(all) - n, "%s%s",
			      !i	 ? "" :
			      i < nr - 1 ? ", " :
					   " or ",
			      names[i]);
	return error_set(parse->err, STATUS_USAGE, "--%s: \"%s\" is not %s", option, name, all);
}

static int parse_path(struct parse *parse, const char *name)
{
	static const char *const names[] = {
		[TRACER_AUTO] = "auto",
		[TRACER_BTF] = "btf",
		[TRACER_CLASSIC] = "classic",
	};
	unsigned int path;
	int status = parse_name(parse, "path", names, NR(names), name, &path);

	parse->options->path = path;
	return status;
}

static int parse_clock(struct parse *parse, const char *name)
{
	static const char *const names[] = {
		[TRACER_MONOTONIC] = "monotonic",
		[TRACER_TSC] = "tsc",
	};
	unsigned int clock;
	int status = parse_name(parse, "clock", names, NR(names), name, &clock);

	parse->options->clock = clock;
	return status;
}

static int parse_by(struct parse *parse, const char *name)
{
	static const char *const names[] = { "reason", "detail", "vcpu", "vm" };
	static const unsigned int by[] = {
		USAGE_BY_REASON,
		USAGE_BY_REASON | USAGE_BY_DETAIL,
		USAGE_BY_VM | USAGE_BY_VCPU,
		USAGE_BY_VM,
	};
	unsigned int number;
	int status = parse_name(parse, "by", names, NR(names), name, &number);

	parse->options->by = status ? 0 : by[number];
	return status;
}

static int parse_source(struct parse *parse, const char *name)
{
	static const char *const names[] = {
		[METER_AUTO] = "auto",
		[METER_EBPF] = "ebpf",
		[METER_KERNEL] = "kernel",
		[METER_BOTH] = "both",
	};

	return parse_name(parse, "source", names, NR(names), name, &parse->options->source);
}

static int parse_csv(struct parse *parse, const char *path)
{
	parse->options->csv = report_is_stdout(path) ? "-" : path;
	return *path ? 0 : error_set(parse->err, STATUS_USAGE, "--csv: no file name");
}

/* A form, and the file to write it to; without one it is standard output. */
static int parse_form(struct parse *parse, int key, const char *path)
{
	const char **write = parse->options->write;
	unsigned int form = key - OPTION_FORM, other = 0;
	const char *name = option_name(parse, key);

	write[form] = NULL;
	if (path && !*path)
		return error_set(parse->err, STATUS_USAGE, "--%s: no file name", name);
	if (!path || report_is_stdout(path))
		path = "-";
	while (other < NR_REPORT_FORMS &&
	       (other == form || !write[other] || !report_is_same_file(write[other], path)))
		other++;
	write[form] = path;
	if (other == NR_REPORT_FORMS)
		return 0;
	write[form] = NULL;
	return error_set(parse->err, STATUS_USAGE, "--%s and --%s both write to %s",
			 option_name(parse, OPTION_FORM + other), name,
			 strcmp(write[other], "-") ? write[other] : "standard output");
}

/* An option by its letter; NULL: there is none. */
static const struct argp_option *option_of_letter(const struct parse *parse, char letter)
{
	for (const struct argp_option *o = parse->command->options; is_row(o); o++)
		if (o->name && o->key == letter)
			return o;
	return NULL;
}

/* What is wrong with a word such as "-xn", if something is. */
static bool explain_letters(struct parse *parse, const char *word)
{
	if (*word != '-' || word[1] == '-' || !word[1])
		return false;
	while (*++word) {
		const struct argp_option *o = option_of_letter(parse, *word);

		if (*word == 'V')
			error_set(parse->err, STATUS_USAGE, "-V stands alone: exitcheck -V");
		else if (!o)
			error_set(parse->err, STATUS_USAGE, "no option \"-%s\"; --help shows them",
				  word);
		else if (o->arg && !word[1])
			error_set(parse->err, STATUS_USAGE, "-%c needs a value: %s", o->key,
				  o->arg);
		if (parse->err->text[0])
			return true;
		/* The rest is its value. */
		if (o->arg)
			return false;
	}
	return false;
}

/* argp's own errors take two lines, so it is silenced; the word that it stopped at tells what was wrong. */
static void explain(struct parse *parse, const struct argp_state *state)
{
	const char *word = state->next > 0 ? state->argv[state->next - 1] : "";
	size_t length = strcspn(word, "=");
	char near[96] = "";
	size_t n = 0;

	/* It goes past a word of letters only once it has taken the last of them. */
	if (parse->err->text[0] || explain_letters(parse, word) ||
	    (strncmp(word, "--", 2) && state->next < state->argc &&
	     explain_letters(parse, state->argv[state->next])))
		return;
	for (const struct argp_option *o = parse->command->options; is_row(o) && length > 2; o++) {
		size_t full = o->name ? strlen(o->name) : 0;
		char typed[64];

		if (!full)
			continue;
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
	case OPTION_STORM:
		status = parse_number(parse, key, arg, &number);
		options->storm = number;
		options->has_storm = true;
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
	case OPTION_LEAVES:
		status = leaf_numbers_parse(arg, &options->leaves, parse->err);
		break;
	case OPTION_NO_COLOR:
		options->color = false;
		break;
	case OPTION_SECONDS:
		status = parse_number(parse, key, arg, &number);
		options->seconds = number;
		break;
	case OPTION_INTERVAL:
		status = parse_number(parse, key, arg, &number);
		options->interval = number;
		break;
	case 'p':
		status = parse_number(parse, key, arg, &number);
		options->process = number;
		break;
	case OPTION_CLOCK:
		status = parse_clock(parse, arg);
		break;
	case 'a':
		options->all = true;
		break;
	case OPTION_VM:
		options->vm = arg;
		break;
	case OPTION_BY:
		status = parse_by(parse, arg);
		break;
	case OPTION_SPLIT:
		options->split = true;
		break;
	case OPTION_OVER:
		status = parse_duration(parse, key, arg, &options->over);
		break;
	case OPTION_SOURCE:
		status = parse_source(parse, arg);
		break;
	case OPTION_LISTEN:
		options->listen = arg;
		break;
	case OPTION_TEXTFILE:
		options->textfile = arg;
		break;
	case OPTION_PER_VCPU:
		options->per_vcpu = true;
		break;
	case OPTION_MAX_SERIES:
		status = parse_number(parse, key, arg, &number);
		options->max_series = number;
		break;
	case OPTION_ROOM:
		status = parse_number(parse, key, arg, &number);
		options->room = number;
		break;
	case OPTION_CSV:
		status = parse_csv(parse, arg);
		break;
	case ARGP_KEY_ARG:
		if (parse->command->takes_command) {
			/* The command, with all that follows it. */
			options->command = &state->argv[state->next - 1];
			state->next = state->argc;
			break;
		}
		if (!parse->behind && state->quoted && state->next > state->quoted) {
			parse->behind = true;
			options->nr_a = options->nr_files;
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

int options_parse(const struct command *command, struct options *options, int argc, char **argv,
		  struct error *err)
{
	const struct argp argp = { .options = command->options, .parser = parse_key };
	struct parse parse = { .options = options, .err = err, .command = command };
	unsigned int flags = ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP;

	*options = (struct options){
		.vcpus = command->vcpus,
		.rounds = DEFAULT_ROUNDS,
		.vms = 1,
		.fail_over = -1,
		.opt_in = true,
		.color = true,
	};
	err->text[0] = '\0';
	/* Options after the command to run are that command's own. */
	if (command->takes_command || command->takes_sides)
		flags |= ARGP_IN_ORDER;
	if (argp_parse(&argp, argc, argv, flags, NULL, &parse))
		return STATUS_USAGE;
	if (!options->help && command->takes_sides)
		return check_sides(options, err);
	if (!options->help && options->nr_files < command->nr_files)
		return error_set(err, STATUS_USAGE, "%s", command->files_help);
	return 0;
}

void options_help(const struct command *command, FILE *to)
{
	const struct argp argp = {
		.options = command->options,
		.parser = parse_key,
		.args_doc = command->arguments,
		.doc = command->doc,
	};
	char name[32];

	snprintf(name, sizeof(name), "exitcheck %s", command->name);
	argp_help(&argp, to, ARGP_HELP_USAGE | ARGP_HELP_PRE_DOC | ARGP_HELP_LONG, name);
	if (command->more_help)
		command->more_help(to);
}
