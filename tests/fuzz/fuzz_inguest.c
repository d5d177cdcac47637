// SPDX-License-Identifier: GPL-2.0-only
/* exitcheck-guest's parsers: its command line, a word a line; which leaf is which; a list of CPUs. */
#include "fuzz.h"
#include "inguest/cpus.h"
#include "inguest/options.h"
#include "util/text.h"

#define MAX_WORDS 32

static void parse_command_line(char *words)
{
	char *argv[MAX_WORDS + 2] = { (char *)"exitcheck-guest" };
	struct inguest_options options;
	struct error err = { "" };
	int argc = 1;

	for (char *word; argc <= MAX_WORDS && (word = strsep(&words, "\n"));)
		argv[argc++] = word;
	if (inguest_options_parse(&options, argc, argv, &err)) {
		must(err.text[0] && fuzz_is_line(err.text) && text_is_clean(err.text));
		return;
	}
	if (options.help || options.version)
		return;
	must(!options.command || options.command[0]);
	must(!options.interval_ns || options.interval_ns >= 100000000);
	must(!options.foreign || options.leaves.exits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct leaf_numbers numbers;
	struct error err = { "" };

	if (leaf_numbers_parse(text, &numbers, &err))
		must(err.text[0] && text_is_clean(err.text));
	else
		must(numbers.exits);
	must(cpus_in_list(text) <= CPUS_MAX * (size + 1));
	parse_command_line(text);
	free(text);
	return 0;
}
