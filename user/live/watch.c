// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "live/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live/child.h"
#include "live/processes.h"
#include "run/clocks.h"
#include "tracer/privileges.h"
#include "util/array.h"

#define LEAST_VCPUS 511 /* for which there is room, ... */
#define PER_CPU 4	/* ... and for so many a CPU */

static const int ends[] = { SIGINT, SIGTERM, SIGHUP };

struct watching {
	const struct watch_plan *plan;
	void *context;
	sigset_t former; /* signals that are blocked otherwise, too */
	int signals;	 /* where those that are blocked meanwhile are read */
	pid_t child;	 /* -1: none that runs */
	const char *command;
};

unsigned int watch_room(const struct host *host, unsigned int least)
{
	unsigned int now = 2 * processes_vcpus(), nr = PER_CPU * host->nr_cpus;

	nr = nr > now ? nr : now;
	least = least ?: LEAST_VCPUS;
	nr = nr > least ? nr : least;
	return nr < TRACER_MAX_VCPUS ? nr : TRACER_MAX_VCPUS;
}

static bool is_there(pid_t process)
{
	return !kill(process, 0) || errno == EPERM;
}

int watch_check_process(pid_t process, struct error *err)
{
	if (is_there(process))
		return 0;
	return error_set(err, STATUS_USAGE, "there is no process %d", process);
}

/* Whether there is nothing more to watch: the command or the process has ended. */
static bool has_ended(struct watching *watching)
{
	const struct watch_plan *plan = watching->plan;
	int status;

	if (watching->child > 0 && waitpid(watching->child, &status, WNOHANG) == watching->child) {
		child_report(plan->command[0], status);
		watching->command = plan->command[0];
		watching->child = -1;
		return true;
	}
	return plan->process && !is_there(plan->process);
}

/* Until something ends it. */
static int watch(struct watching *watching, uint64_t begin, struct error *err)
{
	const struct watch_plan *plan = watching->plan;
	const int fd = plan->input ? STDIN_FILENO : plan->fd ? plan->fd : -1;
	uint64_t shown = begin, interval = plan->interval * 1000000000ull, looks = 0;
	int status = 0;

	while (!status) {
		int signal = child_moment(watching->signals, fd);
		uint64_t now = clocks_read().ns;

		if ((signal && signal != SIGCHLD) || has_ended(watching))
			break;
		if (plan->seconds && now - begin >= plan->seconds * 1000000000ull)
			break;
		if (plan->input && !plan->input(watching->context))
			break;
		status = plan->poll(watching->context, err);
		if (status || !interval || now - shown < interval)
			continue;
		shown += interval * ((now - shown) / interval);
		status = plan->look(watching->context, err);
		if (++looks == plan->count)
			break;
	}
	return status;
}

/* Blocks the signals that end it, or say that the command has ended. */
static int block(struct watching *watching, struct error *err)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	for (size_t i = 0; i < NR(ends); i++)
		sigaddset(&signals, ends[i]);
	watching->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (watching->signals < 0)
		return error_set(err, STATUS_CANNOT_RUN, "signalfd: %s", strerror(errno));
	sigprocmask(SIG_BLOCK, &signals, &watching->former);
	return 0;
}

int watch_run(const struct watch_plan *plan, void *context, uint64_t begin, const char **command,
	      struct error *err)
{
	struct watching watching = { .plan = plan, .context = context, .child = -1 };
	int status;

	privileges_drop();
	status = block(&watching, err);
	if (status)
		return status;
	if (plan->command)
		status = child_start(plan->command, &watching.former, &watching.child, err);
	else if (plan->doing && plan->process)
		fprintf(stderr, "exitcheck: %s the VMs of process %d; Ctrl-C ends it\n",
			plan->doing, plan->process);
	else if (plan->doing)
		fprintf(stderr, "exitcheck: %s every VM; Ctrl-C ends it\n", plan->doing);
	status = status ? status : watch(&watching, begin, err);
	if (watching.child > 0)
		child_stop(watching.child, watching.signals);
	close(watching.signals);
	sigprocmask(SIG_SETMASK, &watching.former, NULL);
	*command = watching.command;
	return status;
}
