// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "live/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/array.h"

#define GRACE 50 /* moments between SIGTERM and SIGKILL: five seconds */
#define MOMENT_MS 100

int child_start(char **command, const sigset_t *mask, pid_t *child, struct error *err)
{
	int report[2], failure = 0;
	pid_t parent = getpid();

	if (pipe2(report, O_CLOEXEC))
		return error_set(err, STATUS_CANNOT_RUN, "pipe: %s", strerror(errno));
	*child = fork();
	if (!*child) {
		/* The command ends with exitcheck, however that ends. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(STATUS_CANNOT_RUN);
		sigprocmask(SIG_SETMASK, mask, NULL);
		signal(SIGXFSZ, SIG_DFL); /* see main() */
		execvp(command[0], command);
		failure = errno;
		if (write(report[1], &failure, sizeof(failure)) < 0)
			_exit(STATUS_CANNOT_RUN);
		_exit(STATUS_CANNOT_RUN);
	}
	failure = errno;
	close(report[1]);
	if (*child < 0) {
		close(report[0]);
		return error_set(err, STATUS_CANNOT_RUN, "fork: %s", strerror(failure));
	}
	/* End of file: exec() has closed the other end. */
	if (read(report[0], &failure, sizeof(failure)) <= 0)
		failure = 0;
	close(report[0]);
	if (!failure)
		return 0;
	waitpid(*child, NULL, 0);
	*child = -1;
	return error_set(err, STATUS_CANNOT_RUN, "cannot run %s: %s", command[0],
			 strerror(failure));
}

void child_report(const char *name, int status)
{
	if (WIFSIGNALED(status))
		fprintf(stderr, "exitcheck: %s was ended by signal %d (%s)\n", name,
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		fprintf(stderr, "exitcheck: %s ended with status %d\n", name, WEXITSTATUS(status));
}

void child_stop(pid_t child, int signals)
{
	kill(child, SIGTERM);
	for (int i = 0; i < GRACE; i++) {
		if (waitpid(child, NULL, WNOHANG))
			return;
		child_moment(signals, -1);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

int child_moment(int signals, int fd)
{
	struct pollfd files[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	struct signalfd_siginfo info;

	if (poll(files, NR(files), MOMENT_MS) <= 0)
		return 0;
	if (files[1].revents & (POLLHUP | POLLERR | POLLNVAL))
		return SIGHUP;
	return read(signals, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}
