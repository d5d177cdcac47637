// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "util/text.h"
#include "util/version.h"

static int help(void)
{
	printf("Usage: exitcheck [COMMAND] [OPTION...]\n\nCommands (COMMAND --help has more):\n\n");
	for (unsigned int i = 0; i < nr_commands; i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].summary);
	printf("\n");
	options_help(&commands[0], stdout);
	printf("\nExit status: 0 all checks hold, 1 mismatch, 2 usage, 3 cannot run here,"
	       " 4 inconclusive.\n");
	return STATUS_PASS;
}

static int unknown_command(const char *name)
{
	fprintf(stderr, "exitcheck: no command \"%s\";", name);
	for (unsigned int i = 0; i < nr_commands; i++) {
		if (text_is_near(name, commands[i].name)) {
			fprintf(stderr, " did you mean: %s\n", commands[i].name);
			return STATUS_USAGE;
		}
	}
	fprintf(stderr, " exitcheck --help shows them\n");
	return STATUS_USAGE;
}

static int obey(const struct command *command, int argc, char **argv)
{
	struct options options;
	struct error err;
	int status = options_parse(command, &options, argc, argv, &err);

	if (status && command->is_converter)
		fprintf(stderr, "exitcheck: %s\n", err.text);
	else if (status)
		command_fail(&options, &err, status);
	if (status)
		return status;
	if (options.help) {
		options_help(command, stdout);
		return STATUS_PASS;
	}
	return command->run(&options);
}

int main(int argc, char **argv)
{
	const char *first = argc > 1 ? argv[1] : "";
	const struct command *command = command_find(first);

	argp_err_exit_status = STATUS_USAGE;
	if (!strcmp(first, "--help") || !strcmp(first, "-h"))
		return help();
	if (!strcmp(first, "--version") || !strcmp(first, "-V")) {
		puts("exitcheck " EXITCHECK_VERSION);
		return STATUS_PASS;
	}
	if (command)
		return obey(command, argc - 1, argv + 1);
	if ((*first && *first != '-') || (argc > 1 && !*first))
		return unknown_command(first);
	return obey(&commands[0], argc, argv);
}
