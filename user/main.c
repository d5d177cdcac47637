// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "commit.h"
#include "exitcheck.h"
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
	return command_end(STATUS_PASS);
}

static int unknown_command(const char *name)
{
	const char *near = NULL;
	struct error err;

	for (unsigned int i = 0; i < nr_commands && !near; i++)
		if (text_is_near(name, commands[i].name))
			near = commands[i].name;
	error_set(&err, STATUS_USAGE, "no command \"%.200s\"; %s%s", name,
		  near ? "did you mean: " : "exitcheck --help shows them", near ? near : "");
	fprintf(stderr, "exitcheck: %s\n", err.text);
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
		return command_end(STATUS_PASS);
	}
	return command->run(&options);
}

/*
 * A stream that is closed must not become the next file that is opened. What stands in its place cannot
 * be used either: standard output's errors are reported as ever.
 */
static void reserve_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
	const char *first = argc > 1 ? argv[1] : "";
	const struct command *command = command_find(first);

	reserve_streams();
	argp_err_exit_status = STATUS_USAGE;
	/* A file that grows too large is an error to report, not a reason to end. */
	signal(SIGXFSZ, SIG_IGN);
	if (!strcmp(first, "--help") || !strcmp(first, "-h"))
		return help();
	if (!strcmp(first, "--version") || !strcmp(first, "-V")) {
		printf("exitcheck %s (commit %s, exit leaves of ABI 1 to %d)\n", EXITCHECK_VERSION,
		       EXITCHECK_COMMIT, LEAF_ABI_VERSION);
		return command_end(STATUS_PASS);
	}
	if (command)
		return obey(command, argc - 1, argv + 1);
	if ((*first && *first != '-') || (argc > 1 && !*first))
		return unknown_command(first);
	return obey(&commands[0], argc, argv);
}
