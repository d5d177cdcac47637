// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "inguest/child.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/array.h"

static volatile pid_t child;

static void ignore(int signal)
{
	(void)signal;
}

static void pass_on(int signal)
{
	if (child > 0)
		kill(child, signal);
}

/* Handlers, which execve() resets in the command; one that was ignored stays so. */
static void handle(int signal, void (*handler)(int))
{
	const struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct sigaction before;

	sigaction(signal, NULL, &before);
	if (before.sa_handler != SIG_IGN)
		sigaction(signal, &action, NULL);
}

int child_run(char **argv, int *result, struct error *err)
{
	static const int of_terminal[] = { SIGINT, SIGQUIT }, of_others[] = { SIGTERM, SIGHUP };
	posix_spawnattr_t attributes;
	sigset_t passed_on, former;
	int failed, status = 0;
	pid_t pid = 0;

	for (unsigned int i = 0; i < NR(of_terminal); i++)
		handle(of_terminal[i], ignore);
	sigemptyset(&passed_on);
	for (unsigned int i = 0; i < NR(of_others); i++) {
		handle(of_others[i], pass_on);
		sigaddset(&passed_on, of_others[i]);
	}

	/* The command may run before its number is known here: what comes meanwhile waits. */
	sigprocmask(SIG_BLOCK, &passed_on, &former);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &former);
	failed = posix_spawnp(&pid, argv[0], NULL, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	child = failed ? 0 : pid;
	sigprocmask(SIG_SETMASK, &former, NULL);
	if (failed)
		return error_set(err, failed == ENOENT ? 127 : 126, "%s: %s", argv[0],
				 strerror(failed));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_set(err, STATUS_CANNOT_RUN, "waitpid: %m");
	child = 0;
	*result = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}
