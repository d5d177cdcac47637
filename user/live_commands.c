// SPDX-License-Identifier: GPL-2.0-only
#include "live_commands.h"

#include <string.h>
#include <unistd.h>

#include "live/audit.h"
#include "live/export.h"
#include "live/stat.h"
#include "live/top.h"
#include "live/usage.h"
#include "option_rows.h"
#include "output.h"
#include "report/file.h"
#include "util/color.h"

int audit_command(struct options *options)
{
	const struct audit_plan plan = {
		.path = options->path,
		.clock = options->clock,
		.process = (pid_t)options->process,
		.seconds = options->seconds,
		.interval = options->interval						 ?:
				    options->write[REPORT_JSON] || isatty(STDOUT_FILENO) ? 1 :
											   0,
		.command = options->command,
		.json = options->write[REPORT_JSON],
	};
	int verdict = STATUS_PASS, status;
	struct error err;

	status = audit_run(&plan, &verdict, &err);
	if (!status)
		status = flush_stdout(&err);
	return status ? say(&err, status) : verdict;
}

/* What argp cannot know. */
static int check_source(const struct options *options, struct error *err)
{
	if (options->all + !!options->process + !!options->vm > 1)
		return error_set(err, STATUS_USAGE, "use one of -a, -p and --vm");
	if (options->source == METER_KERNEL && (options->path || options->clock))
		return error_set(err, STATUS_USAGE,
				 "--path and --clock are of eBPF: leave out --source kernel");
	return 0;
}

static struct meter_plan meter_plan(const struct options *options)
{
	return (struct meter_plan){
		.source = options->source,
		.path = options->path,
		.clock = options->clock,
		.process = (pid_t)options->process,
		.vm = options->vm,
		.room = options->room,
		.details = options->by & USAGE_BY_DETAIL,
		.split = options->split,
		.over = options->over,
	};
}

static int check_stat(const struct options *options, struct error *err)
{
	const char *json = options->write[REPORT_JSON];
	int status = check_source(options, err);

	if (status)
		return status;
	if (options->source == METER_KERNEL &&
	    (options->by & USAGE_BY_DETAIL || options->split || options->over))
		return error_set(err, STATUS_USAGE, "%s is of eBPF: leave out --source kernel",
				 options->over	? "--over" :
				 options->split ? "--split" :
						  "--by detail");
	if (json && options->csv && report_is_same_file(json, options->csv))
		return error_set(err, STATUS_USAGE, "--json and --csv both write to %s",
				 strcmp(json, "-") ? json : "standard output");
	return 0;
}

int stat_command(struct options *options)
{
	const struct stat_plan plan = {
		.meter = meter_plan(options),
		.by = options->by ?: USAGE_BY_REASON,
		.seconds = options->seconds,
		.interval = options->interval	   ?:
				    options->count ? 1 :
						     0,
		.count = options->count,
		.command = options->command,
		.json = options->write[REPORT_JSON],
		.csv = options->csv,
	};
	int verdict = STATUS_PASS, status;
	struct error err;

	status = check_stat(options, &err);
	if (!status)
		status = stat_run(&plan, &verdict, &err);
	if (!status)
		status = flush_stdout(&err);
	return status ? say(&err, status) : verdict;
}

static int export_plan(const struct options *options, struct http_address *address,
		       struct export_plan *plan, struct error *err)
{
	const char *listen = options->listen ?: options->textfile ? NULL : EXPORT_ADDRESS;
	int status = check_source(options, err);

	*plan = (struct export_plan){
		.meter = meter_plan(options),
		.listen = listen ? address : NULL,
		.textfile = options->textfile,
		.interval = options->interval,
		.max_series = options->max_series ?: EXPORT_MAX_SERIES,
		.per_vcpu = options->per_vcpu,
	};
	if (status)
		return status;
	if (options->textfile && !*options->textfile)
		return error_set(err, STATUS_USAGE, "--textfile: no file name");
	if (!options->textfile != !options->interval)
		return error_set(err, STATUS_USAGE,
				 "--textfile and --interval go together: every N seconds the file"
				 " is written");
	return listen ? http_parse(listen, address, err) : 0;
}

int export_command(struct options *options)
{
	struct http_address address;
	struct export_plan plan;
	struct error err;
	int status = export_plan(options, &address, &plan, &err);

	if (!status)
		status = export_run(&plan, &err);
	return status ? say(&err, status) : STATUS_PASS;
}

/* Without a terminal it is stat's tables. */
int top_command(struct options *options)
{
	const struct top_plan plan = {
		.meter = meter_plan(options),
		.seconds = options->seconds,
		.interval = options->interval ?: 1,
		.count = options->count,
		.color = options->color && color_wanted(STDOUT_FILENO),
	};
	int verdict = STATUS_PASS, status;
	struct error err;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		options->by = USAGE_BY_VM;
		options->interval = plan.interval;
		return stat_command(options);
	}
	status = check_source(options, &err);
	if (!status)
		status = top_run(&plan, &verdict, &err);
	if (!status)
		status = flush_stdout(&err);
	return status ? say(&err, status) : verdict;
}

const struct argp_option audit_options[] = {
	HEADING("What:", GROUP_WORK),
	PID_OPTION,
	SECONDS_OPTION,
	HEADING("eBPF:", GROUP_TRACER),
	PATH_OPTION,
	CLOCK_OPTION,
	HEADING("Output:", GROUP_OUTPUT),
	{ "interval", OPTION_INTERVAL, "N", 0,
	  "A line every N seconds, 1 to 604,800 (default: every second on a terminal and with --json)",
	  GROUP_OUTPUT },
	{ "json", OPTION_JSON, "FILE", 0,
	  "Write a line of JSON at each interval and at the end (FILE may be - for standard output,"
	  " instead of the text)",
	  GROUP_OUTPUT },
	HELP_OPTION,
	{ 0 },
};

const struct argp_option stat_options[] = {
	VMS_OPTIONS,
	SECONDS_OPTION,
	METER_OPTIONS,
	HEADING("Output (FILE may be - for standard output, instead of the text):", GROUP_OUTPUT),
	{ "by", OPTION_BY, "reason|detail|vcpu|vm", 0,
	  "What has a row of its own (default: reason). A detail is what tells exits of a reason apart: the MSR,"
	  " port, CPUID leaf, page of MMIO ..., by eBPF",
	  GROUP_OUTPUT },
	{ "split", OPTION_SPLIT, NULL, 0,
	  "Show where the time went: KVM's handler, user space, halt polling, blocked, waiting for a CPU; by eBPF",
	  GROUP_OUTPUT },
	{ "over", OPTION_OVER, "TIME", 0,
	  "Show each exit that took longer than TIME, as in 1ms, 500us or 2s: 1us to 3600s; its parts, and who ran"
	  " on the CPU meanwhile; by eBPF",
	  GROUP_OUTPUT },
	{ "interval", OPTION_INTERVAL, "N", 0,
	  "A table of the last N seconds every N seconds, 1 to 604,800 (default: one at the end)",
	  GROUP_OUTPUT },
	{ "count", 'n', "N", 0, "Stop after N such tables, 1 to 10,000,000", GROUP_OUTPUT },
	{ "json", OPTION_JSON, "FILE", 0, "Write a line of JSON for each table", GROUP_OUTPUT },
	{ "csv", OPTION_CSV, "FILE", 0, "Write the rows of each table as CSV", GROUP_OUTPUT },
	HELP_OPTION,
	{ 0 },
};

const struct argp_option export_options[] = {
	VMS_OPTIONS,
	METER_OPTIONS,
	{ "room", OPTION_ROOM, "N", 0,
	  "Room for N vCPUs at a time at least, 1 to 65,536 (default: 511, four a CPU, or twice those"
	  " that there are)",
	  GROUP_TRACER },
	HEADING("Output:", GROUP_OUTPUT),
	{ "listen", OPTION_LISTEN, "ADDRESS:PORT", 0,
	  "Where to serve /metrics, as in 0.0.0.0:9798 or [::1]:9798 (default: 127.0.0.1:9798, or"
	  " nowhere with --textfile)",
	  GROUP_OUTPUT },
	{ "textfile", OPTION_TEXTFILE, "FILE", 0,
	  "Write the metrics to FILE, for node_exporter's textfile collector; needs --interval",
	  GROUP_OUTPUT },
	{ "interval", OPTION_INTERVAL, "N", 0, "Write FILE every N seconds, 1 to 604,800",
	  GROUP_OUTPUT },
	{ "per-vcpu", OPTION_PER_VCPU, NULL, 0, "Count by vCPU, too", GROUP_OUTPUT },
	{ "max-series", OPTION_MAX_SERIES, "N", 0,
	  "Leave out VMs beyond N series, 1 to 10,000,000 (default: 100,000)", GROUP_OUTPUT },
	HELP_OPTION,
	{ 0 },
};

const struct argp_option top_options[] = {
	VMS_OPTIONS,
	SECONDS_OPTION,
	METER_OPTIONS,
	HEADING("Screen:", GROUP_OUTPUT),
	{ "interval", OPTION_INTERVAL, "N", 0,
	  "Seconds between two screens, 1 to 604,800 (default: 1)", GROUP_OUTPUT },
	{ "count", 'n', "N", 0, "Stop after N screens, 1 to 10,000,000", GROUP_OUTPUT },
	{ "no-color", OPTION_NO_COLOR, NULL, 0, "No colours on the screen", GROUP_OUTPUT },
	HELP_OPTION,
	{ 0 },
};
