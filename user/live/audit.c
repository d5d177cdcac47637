// SPDX-License-Identifier: GPL-2.0-only
#include "live/audit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live/audit_forms.h"
#include "live/child.h"
#include "live/look.h"
#include "live/verdict.h"
#include "run/clocks.h"
#include "util/array.h"

#define LEAST_VCPUS 511 /* for which there is room, ... */
#define PER_CPU 4	/* ... and for so many a CPU */

static const int ends[] = { SIGINT, SIGTERM, SIGHUP };

struct auditing {
	const struct audit_plan *plan;
	struct look look;
	sigset_t signals; /* blocked meanwhile, but former */
	sigset_t former;
	FILE *json;
	pid_t child;	     /* -1: none that runs */
	const char *command; /* that has ended, NULL: none */
};

static unsigned int room(const struct host *host)
{
	unsigned int now = 2 * look_vcpus_now(), nr = PER_CPU * host->nr_cpus;

	nr = nr > now ? nr : now;
	nr = nr > LEAST_VCPUS ? nr : LEAST_VCPUS;
	return nr < TRACER_MAX_VCPUS ? nr : TRACER_MAX_VCPUS;
}

static bool is_there(pid_t process)
{
	return !kill(process, 0) || errno == EPERM;
}

static int prepare(struct auditing *auditing, struct error *err)
{
	const struct audit_plan *plan = auditing->plan;
	struct look *look = &auditing->look;
	int status = host_probe(&look->host, err);
	const struct tracer_config config = {
		.isa = look->host.isa,
		.path = plan->path,
		.clock = plan->clock,
		.nr_vcpus = status ? 0 : room(&look->host),
		.watch = true,
		.process = plan->process,
		.audit = true,
		.tsc_khz = look->host.tsc_khz,
		.leaves_all = look->host.exit_leaves == EXIT_LEAVES_ALL,
	};

	if (!status && plan->process && !is_there(plan->process))
		return error_set(err, STATUS_USAGE, "there is no process %d", plan->process);
	if (!status && plan->json) {
		auditing->json = strcmp(plan->json, "-") ? fopen(plan->json, "we") : stdout;
		if (!auditing->json)
			return error_set(err, STATUS_CANNOT_RUN, "cannot write to %s: %s",
					 plan->json, strerror(errno));
	}
	return status ? status : tracer_create(&look->tracer, &config, err);
}

/* Shows what there is to be shown between the first moment and the last. */
static int show_interval(struct auditing *auditing, struct error *err)
{
	struct look *look = &auditing->look;
	int status = look_take(look, err);

	if (status)
		return status;
	if (auditing->json)
		return audit_json(auditing->json, look, NULL, err);
	audit_line(stdout, look);
	return 0;
}

/* Whether there is nothing more to watch: the command or the process has ended. */
static bool has_ended(struct auditing *auditing)
{
	const struct audit_plan *plan = auditing->plan;
	int status;

	if (auditing->child > 0 && waitpid(auditing->child, &status, WNOHANG) == auditing->child) {
		child_report(plan->command[0], status);
		auditing->command = plan->command[0];
		auditing->child = -1;
		return true;
	}
	return plan->process && !is_there(plan->process);
}

/* Until something ends it. */
static int watch(struct auditing *auditing, struct error *err)
{
	const struct audit_plan *plan = auditing->plan;
	struct look *look = &auditing->look;
	uint64_t shown = look->begin.ns, interval = plan->interval * 1000000000ull;
	int status = 0;

	while (!status) {
		int signal = child_moment(&auditing->signals);
		uint64_t now = clocks_read().ns;

		if ((signal && signal != SIGCHLD) || has_ended(auditing))
			break;
		if (plan->seconds && now - look->begin.ns >= plan->seconds * 1000000000ull)
			break;
		tracer_poll(look->tracer);
		if (interval && now - shown >= interval) {
			shown += interval * ((now - shown) / interval);
			status = show_interval(auditing, err);
		}
	}
	return status;
}

/* The gate is open meanwhile. */
static int run(struct auditing *auditing, struct error *err)
{
	const struct audit_plan *plan = auditing->plan;
	struct look *look = &auditing->look;
	int status = 0;

	sigemptyset(&auditing->signals);
	sigaddset(&auditing->signals, SIGCHLD);
	for (size_t i = 0; i < NR(ends); i++)
		sigaddset(&auditing->signals, ends[i]);
	sigprocmask(SIG_BLOCK, &auditing->signals, &auditing->former);
	tracer_gate(look->tracer, true);
	look->begin = clocks_read();
	if (plan->command)
		status = child_start(plan->command, &auditing->former, &auditing->child, err);
	else if (plan->process)
		fprintf(stderr, "exitcheck: auditing the VMs of process %d; Ctrl-C ends it\n",
			plan->process);
	else
		fprintf(stderr, "exitcheck: auditing every VM; Ctrl-C ends it\n");
	status = status ? status : watch(auditing, err);
	if (auditing->child > 0)
		child_stop(auditing->child, &auditing->signals);
	tracer_gate(look->tracer, false);
	sigprocmask(SIG_SETMASK, &auditing->former, NULL);
	return status ? status : look_take(look, err);
}

int audit_run(const struct audit_plan *plan, int *verdict, struct error *err)
{
	struct auditing auditing = { .plan = plan, .child = -1 };
	struct look *look = &auditing.look;
	int status = prepare(&auditing, err);

	*verdict = STATUS_CANNOT_RUN;
	if (!status)
		status = run(&auditing, err);
	if (!status) {
		const struct live_verdict said = live_verdict(look, auditing.command);

		*verdict = said.status;
		if (auditing.json)
			status = audit_json(auditing.json, look, &said, err);
		if (auditing.json != stdout)
			audit_text(stdout, look, &said);
	}
	if (auditing.json && auditing.json != stdout && fclose(auditing.json) && !status)
		status = error_set(err, STATUS_CANNOT_RUN, "cannot write to %s: %s", plan->json,
				   strerror(errno));
	look_release(look);
	tracer_destroy(look->tracer);
	return status;
}
