// SPDX-License-Identifier: GPL-2.0-only
/* close_range() and sched_getaffinity() */
#define _GNU_SOURCE
#include "run/cpu_switch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NONE (-1)

struct cpu_switch {
	/* Pipes to the keeper, with both ends open (a write would be a signal where the keeper is gone), and back. */
	int requests[2], answers[2];
	pid_t keeper;
	int off; /* the CPU that is, or NONE */
	int can[CPU_SETSIZE];
	unsigned int nr_can;
};

/* What the keeper is asked for; it answers with one byte. */
struct request {
	int cpu;
	bool online;
};

static bool write_online(int cpu, bool online)
{
	char path[64];
	ssize_t written;
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	written = write(fd, online ? "1" : "0", 1);
	close(fd);
	return written == 1;
}

/* ---- the keeper ---- */

#define REQUESTS STDIN_FILENO
#define ANSWERS STDOUT_FILENO

/* Holds nothing of its parent's, and no signal that is meant for that ends it. */
static void detach(int requests, int answers)
{
	int null = open("/dev/null", O_RDWR);

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	setsid();
	dup2(requests, REQUESTS);
	dup2(answers, ANSWERS);
	dup2(null, STDERR_FILENO);
	close_range(STDERR_FILENO + 1, ~0u, 0);
}

/* Until the parent closes its end, whether it wants to or not. */
static void keep(void)
{
	struct request request;
	int off = NONE;

	while (read(REQUESTS, &request, sizeof(request)) == sizeof(request)) {
		bool done = write_online(request.cpu, request.online);

		if (done)
			off = request.online ? NONE : request.cpu;
		if (write(ANSWERS, &done, 1) != 1)
			break;
	}
	/* For a moment the kernel may refuse it. */
	for (int i = 0; i < 100 && off != NONE && !write_online(off, true); i++)
		usleep(100000);
}

/* ---- this process ---- */

static void find_cpus(struct cpu_switch *cpus)
{
	cpu_set_t online;
	char path[64];

	if (sched_getaffinity(0, sizeof(online), &online))
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&online) >= 2; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
		if (CPU_ISSET(cpu, &online) && !access(path, W_OK))
			cpus->can[cpus->nr_can++] = cpu;
	}
}

static void close_pipes(const struct cpu_switch *cpus)
{
	for (int end = 0; end < 2; end++) {
		if (cpus->requests[end] >= 0)
			close(cpus->requests[end]);
		if (cpus->answers[end] >= 0)
			close(cpus->answers[end]);
	}
}

static bool start_keeper(struct cpu_switch *cpus)
{
	if (pipe2(cpus->requests, O_CLOEXEC) || pipe2(cpus->answers, O_CLOEXEC))
		return false;
	cpus->keeper = fork();
	if (cpus->keeper) {
		close(cpus->answers[1]);
		cpus->answers[1] = -1;
		return cpus->keeper > 0;
	}
	detach(cpus->requests[0], cpus->answers[1]);
	keep();
	_exit(0);
}

struct cpu_switch *cpu_switch_create(char *why, size_t size)
{
	struct cpu_switch *cpus = calloc(1, sizeof(*cpus));

	*why = '\0';
	if (!cpus) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	*cpus = (struct cpu_switch){ .requests = { -1, -1 }, .answers = { -1, -1 }, .off = NONE };
	find_cpus(cpus);
	if (!cpus->nr_can)
		snprintf(why, size, "this host lets none go off");
	else if (!start_keeper(cpus))
		snprintf(why, size, "no process that puts them back: %s", strerror(errno));
	if (!*why)
		return cpus;
	close_pipes(cpus);
	free(cpus);
	return NULL;
}

void cpu_switch_destroy(struct cpu_switch *cpus)
{
	if (!cpus)
		return;
	close_pipes(cpus);
	while (waitpid(cpus->keeper, NULL, 0) < 0 && errno == EINTR)
		;
	free(cpus);
}

static bool ask(struct cpu_switch *cpus, int cpu, bool online)
{
	const struct request request = { .cpu = cpu, .online = online };
	ssize_t got;
	bool done;

	if (write(cpus->requests[1], &request, sizeof(request)) != sizeof(request))
		return false;
	do
		got = read(cpus->answers[0], &done, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1 || !done)
		return false;
	cpus->off = online ? NONE : cpu;
	return true;
}

bool cpu_switch_off(struct cpu_switch *cpus, unsigned int choice)
{
	return cpus->off == NONE && ask(cpus, cpus->can[choice % cpus->nr_can], false);
}

bool cpu_switch_on(struct cpu_switch *cpus)
{
	return cpus->off != NONE && ask(cpus, cpus->off, true);
}

bool cpu_switch_is_off(const struct cpu_switch *cpus)
{
	return cpus->off != NONE;
}
