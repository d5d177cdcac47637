// SPDX-License-Identifier: GPL-2.0-only
#include "live/stat.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "live/stat_forms.h"
#include "live/watch.h"

struct stating {
	const struct stat_plan *plan;
	struct meter meter;
	uint64_t looks;
	FILE *json, *csv;
	bool csv_begun;
	const char *command; /* that has ended, NULL: none */
};

static int open_form(const char *path, FILE **file, struct error *err)
{
	if (!path)
		return 0;
	*file = strcmp(path, "-") ? fopen(path, "we") : stdout;
	if (*file)
		return 0;
	return error_set(err, STATUS_CANNOT_RUN, "cannot write to %s: %s", path, strerror(errno));
}

static int close_form(const char *path, FILE *file, int status, struct error *err)
{
	if (!file || file == stdout || !fclose(file) || status)
		return status;
	return error_set(err, STATUS_CANNOT_RUN, "cannot write to %s: %s", path, strerror(errno));
}

static int prepare(struct stating *stating, struct error *err)
{
	const struct stat_plan *plan = stating->plan;
	int status = meter_find(&stating->meter, &plan->meter, err);

	status = status ? status : open_form(plan->json, &stating->json, err);
	status = status ? status : open_form(plan->csv, &stating->csv, err);
	return status ? status : meter_open(&stating->meter, err);
}

static int poll(void *context, struct error *err)
{
	struct stating *stating = context;

	return meter_poll(&stating->meter, err);
}

static int show(struct stating *stating, bool is_last, struct error *err)
{
	const struct stat_form form = {
		.host = &stating->meter.host,
		.source = stating->meter.name,
		.by = stating->plan->by,
		.usage = &stating->meter.usage,
		.proof = &stating->meter.proof,
		/* Those of all intervals have been shown by then. */
		.outliers = stating->plan->meter.over && !(is_last && stating->plan->interval) ?
				    &stating->meter.outliers :
				    NULL,
		.command = stating->command,
		.is_last = is_last,
	};
	int status = 0;

	if (stating->json)
		status = stat_json(stating->json, &form, err);
	if (stating->csv && !status)
		status = stat_csv(stating->csv, &form, !stating->csv_begun, err);
	stating->csv_begun = true;
	if (stating->json != stdout && stating->csv != stdout && !status)
		status = stat_text(stdout, &form, err);
	return status;
}

static int look(void *context, struct error *err)
{
	struct stating *stating = context;
	int status = meter_take(&stating->meter, false, err);

	stating->looks++;
	return status ? status : show(stating, false, err);
}

static int run(struct stating *stating, struct error *err)
{
	const struct stat_plan *plan = stating->plan;
	const struct watch_plan watch = {
		.doing = "counting exits of",
		.process = stating->meter.plan.process,
		.seconds = plan->seconds,
		.interval = plan->interval,
		.count = plan->count,
		.command = plan->command,
		.poll = poll,
		.look = look,
	};
	int status = watch_run(&watch, stating, stating->meter.begin, &stating->command, err);

	/* Intervals add up to all: the last one ends here, unless the count has ended it. */
	if (!status && !(plan->count && stating->looks == plan->count)) {
		status = meter_take(&stating->meter, true, err);
		if (!status && plan->interval)
			status = show(stating, false, err);
	}
	return status ? status : show(stating, true, err);
}

int stat_run(const struct stat_plan *plan, int *verdict, struct error *err)
{
	struct stating stating = { .plan = plan };
	int status = prepare(&stating, err);

	*verdict = STATUS_CANNOT_RUN;
	if (!status)
		status = run(&stating, err);
	if (!status)
		*verdict = proof_verdict(&stating.meter.proof).complete ? STATUS_PASS :
									  STATUS_INCONCLUSIVE;
	status = close_form(plan->json, stating.json, status, err);
	status = close_form(plan->csv, stating.csv, status, err);
	meter_close(&stating.meter);
	return status;
}
