// SPDX-License-Identifier: GPL-2.0-only
/*
 * exitcheck-guest: shows the exits of the VM that it runs in, by reason. A program of its own, without
 * libraries: what it has in common with exitcheck is compiled into both.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commit.h"
#include "exitcheck.h"
#include "inguest/child.h"
#include "inguest/forms.h"
#include "inguest/options.h"
#include "inguest/session.h"
#include "util/version.h"

/* Nothing is allocated after session_open(). */
static struct inguest_options options;
static struct session session;
static struct table table;
static struct out out = { .fd = STDOUT_FILENO };

static int open_output(struct error *err)
{
	/* As perf stat does: the command's own output stays as it is. */
	out.fd = options.command ? STDERR_FILENO : STDOUT_FILENO;
	if (options.output)
		out.fd = open(options.output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (out.fd < 0)
		return error_set(err, STATUS_CANNOT_RUN, "cannot write %s: %m", options.output);
	out.color = options.color && color_wanted(out.fd);
	return 0;
}

/* What happened since the last snapshot; or since the counters began. */
static int show(bool since_birth, bool anew, int command_status, struct error *err)
{
	const struct form form = {
		.source = &session.source,
		.command = options.command ? options.command[0] : NULL,
		.status = command_status,
		.vcpus = options.per_vcpu ? 1 : cpus_online(),
	};

	for (unsigned int i = 0; i < session.nr_scopes; i++) {
		session_table(&session, i, since_birth || anew, &table);
		table.anew = anew;
		if (!options.json) {
			out_print(&out, "%s", i ? "\n" : "");
			form_text(&out, &form, &table);
			continue;
		}
		if (i)
			out_print(&out, ",");
		else
			form_json_begin(&out, &form, &table);
		form_json_table(&out, &form, &table);
	}
	if (options.json)
		form_json_end(&out);
	if (out_flush(&out))
		return 0;
	errno = out.failed;
	return error_set(err, STATUS_CANNOT_RUN, "cannot write %s: %m",
			 options.output ? options.output : "the output");
}

static int since_birth(struct error *err)
{
	bool anew;
	int status = session_take(&session, &anew, err);

	return status ? status : show(true, false, 0, err);
}

static int sleep_until(uint64_t ns, struct error *err)
{
	const struct timespec until = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	int failed;

	do
		failed = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	while (failed == EINTR);
	return failed ? error_set(err, STATUS_CANNOT_RUN, "cannot sleep: %s", strerror(failed)) : 0;
}

static int in_intervals(struct error *err)
{
	bool anew;
	int status = session_take(&session, &anew, err);
	uint64_t next = session.scopes[0].now.clock_ns;

	for (unsigned int i = 0; !status && (!options.count || i < options.count); i++) {
		session_keep(&session);
		next += options.interval_ns;
		status = sleep_until(next, err);
		if (!status)
			status = session_take(&session, &anew, err);
		if (!status && i && !options.json)
			out_print(&out, "\n");
		if (!status)
			status = show(false, anew, 0, err);
	}
	return status;
}

/* Its exit status is passed on, whatever becomes of the table. */
static int of_command(int *command_status, struct error *err)
{
	bool anew;
	int status = session_take(&session, &anew, err);

	session_keep(&session);
	if (!status)
		status = child_run(options.command, command_status, err);
	if (status)
		return status;
	status = session_take(&session, &anew, err);
	if (!status && !options.json)
		out_print(&out, "\n");
	if (!status)
		status = show(false, anew, *command_status, err);
	return status;
}

static int fail(const struct error *err, int status)
{
	dprintf(STDERR_FILENO, "exitcheck-guest: %s\n", err->text);
	if (options.json && out.fd >= 0) {
		form_json_error(&out, err->text);
		out_flush(&out);
	}
	return status;
}

int main(int argc, char **argv)
{
	int command_status = -1;
	struct error err;
	int status;

	status = inguest_options_parse(&options, argc, argv, &err);
	if (status)
		return fail(&err, status);
	if (options.help)
		inguest_options_help(&out);
	else if (options.version)
		out_print(&out, "exitcheck-guest %s (commit %s, exit leaves of ABI 1 to %d)\n",
			  EXITCHECK_VERSION, EXITCHECK_COMMIT, LEAF_ABI_VERSION);
	if (options.help || options.version)
		return out_flush(&out) ? STATUS_PASS : STATUS_CANNOT_RUN;

	status = open_output(&err);
	if (!status)
		status = session_open(&session, reader_cpuid,
				      options.foreign ? &options.leaves : NULL, options.per_vcpu,
				      &err);
	if (!status)
		status = options.command     ? of_command(&command_status, &err) :
			 options.interval_ns ? in_intervals(&err) :
					       since_birth(&err);
	if (status)
		status = fail(&err, status);
	return command_status >= 0 ? command_status : status;
}
