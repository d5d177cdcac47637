// SPDX-License-Identifier: GPL-2.0-only
#include "live/meter.h"

#include <stdio.h>

#include "live/ebpf_source.h"
#include "live/names.h"
#include "live/processes.h"
#include "live/watch.h"
#include "run/clocks.h"

static int find_process(struct meter_plan *plan, struct error *err)
{
	int status;

	if (plan->vm)
		return name_find(plan->vm, &plan->process, err);
	if (!plan->process)
		return 0;
	status = watch_check_process(plan->process, err);
	if (!status && !process_vcpus(plan->process))
		status = error_set(err, STATUS_USAGE, "process %d has no vCPUs", plan->process);
	return status;
}

int meter_find(struct meter *meter, const struct meter_plan *plan, struct error *err)
{
	int status;

	*meter = (struct meter){ .plan = *plan };
	status = host_probe(&meter->host, err);
	return status ? status : find_process(&meter->plan, err);
}

static int open_kernel(struct meter *meter, struct error *err)
{
	int status = kernel_source_open(&meter->kernel, &meter->host, meter->plan.process, err);

	snprintf(meter->name, sizeof(meter->name), "KVM's own account");
	meter->begin = clocks_read().ns;
	return status;
}

static int open_ebpf(struct meter *meter, struct error *err)
{
	const struct meter_plan *plan = &meter->plan;
	const struct tracer_config config = {
		.isa = meter->host.isa,
		.path = plan->path,
		.clock = plan->clock,
		.nr_vcpus = watch_room(&meter->host, plan->room),
		.watch = true,
		.details = plan->details || plan->over,
		.split = plan->split || plan->over,
		.over = plan->over,
		.process = plan->process,
		.tsc_khz = meter->host.tsc_khz,
		.leaves_all = meter->host.exit_leaves == EXIT_LEAVES_ALL,
	};
	int status = tracer_create(&meter->tracer, &config, err);

	if (status)
		return status;
	snprintf(meter->name, sizeof(meter->name), "eBPF by %s%s", tracer_path_name(meter->tracer),
		 plan->source == METER_BOTH ? ", held against KVM's own account" : "");
	meter->usage.has_hist = true;
	meter->usage.has_parts = plan->split;
	meter->usage.khz = plan->clock == TRACER_TSC ? meter->host.tsc_khz : 0;
	tracer_gate(meter->tracer, true);
	meter->begin = clocks_read().ns;
	return prover_open(&meter->prover, meter->host.isa, meter->tracer, plan->process,
			   plan->source == METER_BOTH, err);
}

int meter_open(struct meter *meter, struct error *err)
{
	const struct meter_plan *plan = &meter->plan;
	const struct host *host = &meter->host;
	bool accounts = host->exit_leaves == EXIT_LEAVES_HOST ||
			host->exit_leaves == EXIT_LEAVES_ALL;
	struct error why;

	if (plan->source == METER_KERNEL)
		return open_kernel(meter, err);
	/* What only eBPF has was asked for. */
	if (plan->path != TRACER_AUTO || plan->clock != TRACER_MONOTONIC || plan->details ||
	    plan->split || plan->over)
		accounts = false;
	if (plan->source == METER_AUTO && accounts && !open_kernel(meter, &why))
		return 0;
	return open_ebpf(meter, err);
}

int meter_poll(struct meter *meter, struct error *err)
{
	if (meter->kernel) {
		kernel_source_poll(meter->kernel);
		return 0;
	}
	ebpf_source_poll(meter->tracer, &meter->usage);
	return prover_poll(&meter->prover, err);
}

static double seconds(const struct meter *meter)
{
	return (double)(clocks_read().ns - meter->begin) / 1e9;
}

static void take_outliers(struct meter *meter)
{
	const uint64_t before = meter->dropped;
	ec_u64 dropped;

	meter->outliers = (struct outliers){
		.over_ns = meter->plan.over,
		.begin = meter->begin,
	};
	meter->outliers.list = tracer_outliers(meter->tracer, &meter->outliers.nr, &dropped);
	meter->dropped = dropped;
	meter->outliers.dropped = dropped - before;
}

/* The gate is closed for the last look, once the proof was taken. */
int meter_take(struct meter *meter, bool is_last, struct error *err)
{
	struct usage *usage = &meter->usage;
	struct proof *proof = &meter->proof;
	double end;
	int status;

	if (meter->kernel)
		return kernel_source_take(meter->kernel, usage, seconds(meter), proof, err);
	status = prover_take(&meter->prover, proof, err);
	end = seconds(meter);
	if (is_last)
		tracer_gate(meter->tracer, false);
	if (!status)
		status = ebpf_source_take(meter->tracer, usage, end, err);
	take_outliers(meter);
	return status ? status : prover_add_losses(&meter->prover, usage, proof, err);
}

void meter_close(struct meter *meter)
{
	prover_close(&meter->prover);
	kernel_source_close(meter->kernel);
	usage_release(&meter->usage);
	tracer_destroy(meter->tracer);
}
