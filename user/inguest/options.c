// SPDX-License-Identifier: GPL-2.0-only
#include "inguest/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/text.h"

#define MAX_SECONDS 86400
#define MAX_COUNT 1000000000

enum {
	OPTION_INTERVAL = 0x100,
	OPTION_PER_VCPU,
	OPTION_LEAVES,
	OPTION_JSON,
	OPTION_OUTPUT,
	OPTION_NO_COLOR,
};

const struct option inguest_long_options[] = {
	{ "interval", required_argument, NULL, OPTION_INTERVAL },
	{ "count", required_argument, NULL, 'n' },
	{ "per-vcpu", no_argument, NULL, OPTION_PER_VCPU },
	{ "leaves", required_argument, NULL, OPTION_LEAVES },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "output", required_argument, NULL, OPTION_OUTPUT },
	{ "no-color", no_argument, NULL, OPTION_NO_COLOR },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static const struct {
	const char *arguments, *text;
} helps[] = {
	{ "=S", "Show what happened in every S seconds, 0.1 to 86,400" },
	{ "=N", "Stop after N intervals (-n N)" },
	{ "", "Show each vCPU of its own: runs on one CPU after another" },
	{ "=LEAVES", "Read another implementation's leaves: published,\n"
		     "ascending, combined, or\n"
		     "exits=LEAF,cycles=LEAF,total-exits=LEAF,total-cycles=LEAF" },
	{ "", "Print JSON, a line for each table" },
	{ "=FILE", "Write to FILE, not to standard output (or, with COMMAND,\n"
		   "standard error)" },
	{ "", "Never colour the text" },
	{ "", "Show this help (-h)" },
	{ "", "Show the version (-V)" },
};

_Static_assert(NR(helps) + 1 == NR(inguest_long_options), "a text for every option");

const char *inguest_option_argument(unsigned int row)
{
	return helps[row].arguments + 1;
}

const char *inguest_option_text(unsigned int row)
{
	return helps[row].text;
}

void inguest_options_help(struct out *out)
{
	out_print(out,
		  "Usage: exitcheck-guest [OPTION...] [-- COMMAND [ARG...]]\n\n"
		  "Shows the VM exits of the VM that it runs in, by reason: since the VM was\n"
		  "created, in intervals, or while COMMAND runs. The host's KVM must show its\n"
		  "guests the exit leaves.\n\n");
	for (unsigned int i = 0; i < NR(helps); i++) {
		const char *text = helps[i].text, *end;
		char option[32];

		snprintf(option, sizeof(option), "--%s%s", inguest_long_options[i].name,
			 helps[i].arguments);
		for (; (end = strchr(text, '\n')); text = end + 1, option[0] = '\0')
			out_print(out, "  %-17s %.*s\n", option, (int)(end - text), text);
		out_print(out, "  %-17s %s\n", option, text);
	}
	out_print(out, "\nExit status: COMMAND's; 0; 2 usage; 3 no exit leaves here.\n");
}

/* "2", "0.5" */
static int parse_interval(const char *text, uint64_t *ns, struct error *err)
{
	char *end;
	double seconds = strtod(text, &end);

	/* strtod() itself takes blanks, signs, hexadecimal and infinities. */
	if (!isdigit((unsigned char)*text) || text[strspn(text, "0123456789.")] || *end)
		return error_set(err, STATUS_USAGE, "--interval: \"%s\" is not a number of seconds",
				 text);
	if (seconds < 0.1 || seconds > MAX_SECONDS)
		return error_set(err, STATUS_USAGE, "--interval: %s is not in 0.1 to %s", text,
				 text_u64(MAX_SECONDS).s);
	*ns = (uint64_t)(seconds * 1e9);
	return 0;
}

static int parse_count(const char *text, unsigned int *count, struct error *err)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end)
		return error_set(err, STATUS_USAGE, "--count: \"%s\" is not a number", text);
	if (errno || !value || value > MAX_COUNT)
		return error_set(err, STATUS_USAGE, "--count: %s is not in 1 to %s", text,
				 text_u64(MAX_COUNT).s);
	*count = value;
	return 0;
}

/* What getopt_long() did not take: '?' or, without its value, ':'. */
static int refused(int key, const char *word, struct error *err)
{
	size_t length = strcspn(word, "=");
	char typed[32];

	for (const struct option *o = inguest_long_options; o->name; o++) {
		if (length < 3 || strncmp(word + 2, o->name, length - 2) || o->name[length - 2])
			continue;
		return error_set(err, STATUS_USAGE,
				 key == ':' ? "--%s needs a value" : "--%s takes no value",
				 o->name);
	}
	if (key == ':')
		return error_set(err, STATUS_USAGE, "%s needs a value", word);
	snprintf(typed, sizeof(typed), "%.*s", (int)length, word);
	for (const struct option *o = inguest_long_options; o->name && length > 2; o++)
		if (text_is_near(typed + 2, o->name))
			return error_set(err, STATUS_USAGE, "no option \"%s\"; did you mean: --%s",
					 word, o->name);
	return error_set(err, STATUS_USAGE, "no option \"%s\"; --help shows them", word);
}

static int parse_option(struct inguest_options *options, int key, const char *word,
			struct error *err)
{
	switch (key) {
	case OPTION_INTERVAL:
		return parse_interval(optarg, &options->interval_ns, err);
	case 'n':
		return parse_count(optarg, &options->count, err);
	case OPTION_PER_VCPU:
		options->per_vcpu = true;
		return 0;
	case OPTION_LEAVES:
		options->foreign = true;
		return leaf_numbers_parse(optarg, &options->leaves, err);
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_OUTPUT:
		options->output = optarg;
		return 0;
	case OPTION_NO_COLOR:
		options->color = false;
		return 0;
	case 'h':
		options->help = true;
		return 0;
	case 'V':
		options->version = true;
		return 0;
	default:
		return refused(key, word, err);
	}
}

/* What the options cannot be together. */
static int check(const struct inguest_options *options, struct error *err)
{
	if (options->count && !options->interval_ns)
		return error_set(err, STATUS_USAGE, "--count counts intervals: give --interval");
	if (options->interval_ns && options->command)
		return error_set(err, STATUS_USAGE,
				 "either --interval or a command (\"%s\"), not both",
				 options->command[0]);
	if (options->per_vcpu && options->foreign)
		return error_set(
			err, STATUS_USAGE,
			"--per-vcpu needs exitcheck's leaves: --leaves has none of a vCPU");
	return 0;
}

int inguest_options_parse(struct inguest_options *options, int argc, char **argv, struct error *err)
{
	*options = (struct inguest_options){ .color = true };
	optind = 0;
	opterr = 0;
	for (;;) {
		/* Before the call it is the word that is looked at, as "+" permutes nothing. */
		const char *word = optind < argc && optind ? argv[optind] : argc > 1 ? argv[1] : "";
		int key = getopt_long(argc, argv, "+:n:hV", inguest_long_options, NULL);
		int status;

		if (key == -1)
			break;
		status = parse_option(options, key, word, err);
		if (status)
			return status;
	}
	if (optind < argc)
		options->command = &argv[optind];
	return options->help || options->version ? 0 : check(options, err);
}
