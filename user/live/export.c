// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "live/export.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "commit.h"
#include "live/exported.h"
#include "live/metrics.h"
#include "live/watch.h"
#include "report/file.h"
#include "run/clocks.h"
#include "util/version.h"

#define POLL_NS 100000000 /* the least between two polls of the meter */

struct exporting {
	const struct export_plan *plan;
	struct meter meter;
	struct exported exported;
	struct http *http;
	double start;	  /* since the epoch */
	uint64_t polled;  /* when */
	int status;	  /* of a page that could not be made ... */
	struct error err; /* ... and why */
	bool wrote;
};

static double timespec_seconds(const struct timespec *time)
{
	return (double)time->tv_sec + (double)time->tv_nsec / 1e9;
}

static double timeval_seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static uint64_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long size, resident = 0;

	if (file && fscanf(file, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static struct metrics_self self(const struct exporting *exporting, double look_seconds)
{
	struct metrics_self self = {
		.version = EXITCHECK_VERSION,
		.commit = EXITCHECK_COMMIT,
		.look_seconds = look_seconds,
		.start_seconds = exporting->start,
		.resident_bytes = resident_bytes(),
	};
	struct rusage usage;

	if (!getrusage(RUSAGE_SELF, &usage))
		self.cpu_seconds =
			timeval_seconds(&usage.ru_utime) + timeval_seconds(&usage.ru_stime);
	return self;
}

/* A look, and the metrics as of now in *text. */
static int make_metrics(struct exporting *exporting, enum metrics_form form, char **text,
			size_t *size, struct error *err)
{
	const uint64_t begin = clocks_read().ns;
	struct metrics metrics = {
		.meter = &exporting->meter,
		.exported = &exporting->exported,
		.per_vcpu = exporting->plan->per_vcpu,
		.max_series = exporting->plan->max_series,
	};
	int status = meter_take(&exporting->meter, false, err);
	FILE *to;

	if (status)
		return status;
	if (!exported_update(&exporting->exported, &exporting->meter.usage))
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	metrics.self = self(exporting, (double)(clocks_read().ns - begin) / 1e9);
	*text = NULL;
	to = open_memstream(text, size);
	if (!to)
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	status = metrics_write(to, &metrics, form, err);
	if (fclose(to) && !status)
		status = error_set(err, STATUS_CANNOT_RUN, "out of memory");
	if (status)
		free(*text);
	return status;
}

static const char *metrics_page(void *context, const char *accept, char **text, size_t *size)
{
	const enum metrics_form form = metrics_form_of(accept);
	struct exporting *exporting = context;

	exporting->status = make_metrics(exporting, form, text, size, &exporting->err);
	return exporting->status ? NULL : metrics_content_type(form);
}

/* For people: what there is, and whether it is all. */
static const char *index_page(void *context, const char *accept, char **text, size_t *size)
{
	struct exporting *exporting = context;
	struct meter *meter = &exporting->meter;
	int length;

	(void)accept;
	exporting->status = meter_take(meter, false, &exporting->err);
	if (exporting->status)
		return NULL;
	length = asprintf(text,
			  "<!DOCTYPE html>\n<html lang=\"en\"><title>exitcheck</title>\n"
			  "<h1>exitcheck export</h1>\n<p><a href=\"/metrics\">/metrics</a></p>\n"
			  "<p>exitcheck %s, commit %s. Source: %s.</p>\n<p>%s</p>\n</html>\n",
			  EXITCHECK_VERSION, EXITCHECK_COMMIT, meter->name,
			  proof_verdict(&meter->proof).text);
	*size = length < 0 ? 0 : (size_t)length;
	return length < 0 ? NULL : "text/html; charset=utf-8";
}

static int poll(void *context, struct error *err)
{
	struct exporting *exporting = context;
	const uint64_t now = clocks_read().ns;

	if (exporting->http)
		http_run(exporting->http);
	if (exporting->status) {
		*err = exporting->err;
		return exporting->status;
	}
	/* Clients may have it called much more often. */
	if (now - exporting->polled < POLL_NS)
		return 0;
	exporting->polled = now;
	return meter_poll(&exporting->meter, err);
}

/* node_exporter reads Prometheus' own text. */
static int write_textfile(void *context, struct error *err)
{
	struct exporting *exporting = context;
	char *text;
	size_t size;
	int status = make_metrics(exporting, METRICS_PROMETHEUS, &text, &size, err);

	if (status)
		return status;
	status = report_write(exporting->plan->textfile, text, err);
	free(text);
	exporting->wrote |= !status;
	return status;
}

/* Nobody shall take old numbers for present ones. */
static void remove_textfile(const struct exporting *exporting)
{
	struct stat stat;

	if (exporting->wrote && !lstat(exporting->plan->textfile, &stat) && S_ISREG(stat.st_mode))
		unlink(exporting->plan->textfile);
}

static int prepare(struct exporting *exporting, struct error *err)
{
	static const struct http_page pages[] = {
		{ "/metrics", metrics_page },
		{ "/", index_page },
		{ 0 },
	};
	const struct export_plan *plan = exporting->plan;
	int status = meter_find(&exporting->meter, &plan->meter, err);

	if (!status && plan->textfile)
		status = report_can_write(plan->textfile, err);
	if (!status && plan->listen)
		status = http_open(&exporting->http, plan->listen, pages, exporting, err);
	return status ? status : meter_open(&exporting->meter, err);
}

static int run(struct exporting *exporting, struct error *err)
{
	const struct export_plan *plan = exporting->plan;
	struct watch_plan watch = {
		.process = exporting->meter.plan.process,
		.interval = plan->textfile ? plan->interval : 0,
		.fd = exporting->http ? http_fd(exporting->http) : 0,
		.poll = poll,
		.look = write_textfile,
	};
	struct timespec now;
	const char *command;
	char doing[128];

	if (plan->listen)
		snprintf(doing, sizeof(doing), "http://%s/metrics has the exits of",
			 plan->listen->text);
	else
		snprintf(doing, sizeof(doing), "%.80s has the exits of", plan->textfile);
	watch.doing = doing;
	clock_gettime(CLOCK_REALTIME, &now);
	exporting->start = timespec_seconds(&now);
	signal(SIGPIPE, SIG_IGN);
	return watch_run(&watch, exporting, exporting->meter.begin, &command, err);
}

int export_run(const struct export_plan *plan, struct error *err)
{
	struct exporting exporting = { .plan = plan };
	int status = prepare(&exporting, err);

	if (!status)
		status = run(&exporting, err);
	remove_textfile(&exporting);
	http_close(exporting.http);
	exported_release(&exporting.exported);
	meter_close(&exporting.meter);
	return status;
}
