// SPDX-License-Identifier: GPL-2.0-only
#include "live/audit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "live/audit_forms.h"
#include "live/look.h"
#include "live/verdict.h"
#include "live/watch.h"
#include "run/clocks.h"

struct auditing {
	const struct audit_plan *plan;
	struct look look;
	FILE *json;
	const char *command; /* that has ended, NULL: none */
};

static int prepare(struct auditing *auditing, struct error *err)
{
	const struct audit_plan *plan = auditing->plan;
	struct look *look = &auditing->look;
	int status = host_probe(&look->host, err);
	const struct tracer_config config = {
		.isa = look->host.isa,
		.path = plan->path,
		.clock = plan->clock,
		.nr_vcpus = status ? 0 : watch_room(&look->host, 0),
		.watch = true,
		.process = plan->process,
		.audit = true,
		.tsc_khz = look->host.tsc_khz,
		.leaves_all = look->host.exit_leaves == EXIT_LEAVES_ALL,
	};

	if (!status && plan->process)
		status = watch_check_process(plan->process, err);
	if (!status && plan->json) {
		auditing->json = strcmp(plan->json, "-") ? fopen(plan->json, "we") : stdout;
		if (!auditing->json)
			return error_set(err, STATUS_CANNOT_RUN, "cannot write to %s: %s",
					 plan->json, strerror(errno));
	}
	return status ? status : tracer_create(&look->tracer, &config, err);
}

static int poll(void *context, struct error *err)
{
	struct auditing *auditing = context;

	(void)err;
	tracer_poll(auditing->look.tracer);
	return 0;
}

/* Shows what there is to be shown between the first moment and the last. */
static int show_interval(void *context, struct error *err)
{
	struct auditing *auditing = context;
	struct look *look = &auditing->look;
	int status = look_take(look, err);

	if (status)
		return status;
	if (auditing->json)
		return audit_json(auditing->json, look, NULL, err);
	audit_line(stdout, look);
	return 0;
}

/* The gate is open meanwhile. */
static int run(struct auditing *auditing, struct error *err)
{
	const struct audit_plan *plan = auditing->plan;
	const struct watch_plan watch = {
		.doing = "auditing",
		.process = plan->process,
		.seconds = plan->seconds,
		.interval = plan->interval,
		.command = plan->command,
		.poll = poll,
		.look = show_interval,
	};
	struct look *look = &auditing->look;
	int status;

	tracer_gate(look->tracer, true);
	look->begin = clocks_mark();
	status = watch_run(&watch, auditing, look->begin.ns, &auditing->command, err);
	tracer_gate(look->tracer, false);
	return status ? status : look_take(look, err);
}

int audit_run(const struct audit_plan *plan, int *verdict, struct error *err)
{
	struct auditing auditing = { .plan = plan };
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
