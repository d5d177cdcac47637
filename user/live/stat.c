// SPDX-License-Identifier: GPL-2.0-only
#include "live/stat.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "live/ebpf_source.h"
#include "live/kernel_source.h"
#include "live/names.h"
#include "live/processes.h"
#include "live/proof.h"
#include "live/prover.h"
#include "live/stat_forms.h"
#include "live/usage.h"
#include "live/watch.h"
#include "run/clocks.h"

struct stating {
	const struct stat_plan *plan;
	pid_t process; /* whose VMs, 0: all */
	struct host host;
	struct kernel_source *kernel; /* either this one, ... */
	struct tracer *tracer;	      /* ... or these */
	struct prover prover;
	struct usage usage;
	struct proof proof;
	uint64_t begin, looks;
	FILE *json, *csv;
	bool csv_begun;
	char source[64];
	const char *command; /* that has ended, NULL: none */
};

/* The process that is asked for, if one is. */
static int find_process(struct stating *stating, struct error *err)
{
	const struct stat_plan *plan = stating->plan;
	int status = 0;

	stating->process = plan->process;
	if (plan->vm)
		return name_find(plan->vm, &stating->process, err);
	if (!plan->process)
		return 0;
	status = watch_check_process(plan->process, err);
	if (!status && !process_vcpus(plan->process))
		status = error_set(err, STATUS_USAGE, "process %d has no vCPUs", plan->process);
	return status;
}

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

static int open_kernel(struct stating *stating, struct error *err)
{
	int status = kernel_source_open(&stating->kernel, &stating->host, stating->process, err);

	snprintf(stating->source, sizeof(stating->source), "KVM's own account");
	stating->begin = clocks_read().ns;
	return status;
}

static int open_ebpf(struct stating *stating, struct error *err)
{
	const struct stat_plan *plan = stating->plan;
	const struct tracer_config config = {
		.isa = stating->host.isa,
		.path = plan->path,
		.clock = plan->clock,
		.nr_vcpus = watch_room(&stating->host),
		.watch = true,
		.process = stating->process,
		.tsc_khz = stating->host.tsc_khz,
		.leaves_all = stating->host.exit_leaves == EXIT_LEAVES_ALL,
	};
	int status = tracer_create(&stating->tracer, &config, err);

	if (status)
		return status;
	snprintf(stating->source, sizeof(stating->source), "eBPF by %s%s",
		 tracer_path_name(stating->tracer),
		 plan->source == STAT_BOTH ? ", held against KVM's own account" : "");
	stating->usage.has_hist = true;
	stating->usage.khz = plan->clock == TRACER_TSC ? stating->host.tsc_khz : 0;
	tracer_gate(stating->tracer, true);
	stating->begin = clocks_read().ns;
	return prover_open(&stating->prover, stating->host.isa, stating->tracer, stating->process,
			   plan->source == STAT_BOTH, err);
}

/* Exits count from here on. */
static int open_source(struct stating *stating, struct error *err)
{
	const struct stat_plan *plan = stating->plan;
	const struct host *host = &stating->host;
	bool accounts = host->exit_leaves == EXIT_LEAVES_HOST ||
			host->exit_leaves == EXIT_LEAVES_ALL;
	struct error why;

	if (plan->source == STAT_KERNEL)
		return open_kernel(stating, err);
	/* What only eBPF has was asked for. */
	if (plan->path != TRACER_AUTO || plan->clock != TRACER_MONOTONIC)
		accounts = false;
	if (plan->source == STAT_AUTO && accounts && !open_kernel(stating, &why))
		return 0;
	return open_ebpf(stating, err);
}

static int prepare(struct stating *stating, struct error *err)
{
	const struct stat_plan *plan = stating->plan;
	int status = host_probe(&stating->host, err);

	status = status ? status : find_process(stating, err);
	status = status ? status : open_form(plan->json, &stating->json, err);
	status = status ? status : open_form(plan->csv, &stating->csv, err);
	return status ? status : open_source(stating, err);
}

static int poll(void *context, struct error *err)
{
	struct stating *stating = context;

	if (stating->kernel) {
		kernel_source_poll(stating->kernel);
		return 0;
	}
	ebpf_source_poll(stating->tracer, &stating->usage);
	return prover_poll(&stating->prover, err);
}

static int show(struct stating *stating, bool is_last, struct error *err)
{
	const struct stat_form form = {
		.host = &stating->host,
		.source = stating->source,
		.by = stating->plan->by,
		.usage = &stating->usage,
		.proof = &stating->proof,
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

static double seconds(const struct stating *stating)
{
	return (double)(clocks_read().ns - stating->begin) / 1e9;
}

/* The gate is closed for the last look, once the proof was taken. */
static int take(struct stating *stating, bool is_last, struct error *err)
{
	struct usage *usage = &stating->usage;
	struct proof *proof = &stating->proof;
	int status;

	if (stating->kernel)
		return kernel_source_take(stating->kernel, usage, seconds(stating), proof, err);
	status = prover_take(&stating->prover, proof, err);
	if (is_last)
		tracer_gate(stating->tracer, false);
	if (!status)
		status = ebpf_source_take(stating->tracer, usage, seconds(stating), err);
	return status ? status : prover_add_losses(&stating->prover, usage, proof, err);
}

static int look(void *context, struct error *err)
{
	struct stating *stating = context;
	int status = take(stating, false, err);

	stating->looks++;
	return status ? status : show(stating, false, err);
}

static int run(struct stating *stating, struct error *err)
{
	const struct stat_plan *plan = stating->plan;
	const struct watch_plan watch = {
		.doing = "counting exits of",
		.process = stating->process,
		.seconds = plan->seconds,
		.interval = plan->interval,
		.count = plan->count,
		.command = plan->command,
		.poll = poll,
		.look = look,
	};
	int status = watch_run(&watch, stating, stating->begin, &stating->command, err);

	/* Intervals add up to all: the last one ends here, unless the count has ended it. */
	if (!status && !(plan->count && stating->looks == plan->count)) {
		status = take(stating, true, err);
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
		*verdict = proof_verdict(&stating.proof).complete ? STATUS_PASS :
								    STATUS_INCONCLUSIVE;
	status = close_form(plan->json, stating.json, status, err);
	status = close_form(plan->csv, stating.csv, status, err);
	prover_close(&stating.prover);
	kernel_source_close(stating.kernel);
	usage_release(&stating.usage);
	tracer_destroy(stating.tracer);
	return status;
}
