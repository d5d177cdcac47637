// SPDX-License-Identifier: GPL-2.0-only
#include "live/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/check_time.h"
#include "run/clocks.h"

#define CLOCK_LEAST_NS 100000000 /* the rate of the function says something from here on */
#define CLOCK_PART 0.01

static void add(struct look_sum *sum, const struct ec_vcpu *vcpu)
{
	sum->vcpus++;
	sum->gone += !!vcpu->gone;
	sum->exits += vcpu->count;
	sum->lost_entries += vcpu->lost_entries;
	for (size_t i = 0; i < EC_NR_UNCOMPARED; i++)
		sum->uncompared[i] += vcpu->uncompared[i];
	for (size_t i = 0; i < EC_NR_TOTALS; i++)
		ec_asked_add(&sum->asked[i], &vcpu->asked[i]);
	for (size_t leaf = 0; leaf < LEAF_NR; leaf++) {
		sum->by_leaf[leaf] += vcpu->compared[leaf];
		sum->wrong_by_leaf[leaf] += vcpu->differed[leaf];
		sum->reads += vcpu->compared[leaf];
		sum->wrong += vcpu->differed[leaf];
	}
	for (size_t i = 0; i < EXIT_NR_INDICES; i++) {
		const struct ec_reason *reason = &vcpu->reason[i];
		uint64_t compared = 0;

		for (size_t b = 0; b < EC_HIST_BUCKETS; b++)
			compared += reason->audit.bias[b];
		sum->ended += reason->timed;
		sum->compared += compared;
		if (!vcpu->accounted)
			sum->unaccounted += reason->timed;
		else if (vcpu->joined_late && reason->timed > compared)
			sum->first++;
	}
}

static int by_vm_and_id(const void *a, const void *b)
{
	const struct ec_vcpu *x = *(const struct ec_vcpu *const *)a;
	const struct ec_vcpu *y = *(const struct ec_vcpu *const *)b;

	if (x->vm != y->vm)
		return x->vm < y->vm ? -1 : 1;
	return x->vcpu_id < y->vcpu_id ? -1 : x->vcpu_id > y->vcpu_id;
}

/* Lists the vCPUs and their VMs. False: no memory. */
static bool list(struct look *look)
{
	unsigned int nr = tracer_nr_vcpus(look->tracer), nr_former;
	const struct ec_vcpu *former = tracer_former(look->tracer, &nr_former);

	free(look->vcpus);
	free(look->vms);
	look->nr_vcpus = look->nr_vms = 0;
	look->vcpus = calloc(nr + 1, sizeof(*look->vcpus));
	look->vms = calloc(nr + 1, sizeof(*look->vms));
	if (!look->vcpus || !look->vms)
		return false;
	if (former)
		look->vcpus[look->nr_vcpus++] = former;
	for (unsigned int i = 0; i < nr; i++) {
		const struct ec_vcpu *vcpu = tracer_vcpu(look->tracer, i);

		if (vcpu)
			look->vcpus[look->nr_vcpus++] = vcpu;
	}
	qsort(look->vcpus, look->nr_vcpus, sizeof(*look->vcpus), by_vm_and_id);
	memset(&look->all, 0, sizeof(look->all));
	for (unsigned int i = 0; i < look->nr_vcpus; i++) {
		const struct ec_vcpu *vcpu = look->vcpus[i];

		if (!i || vcpu->vm != look->vcpus[i - 1]->vm)
			look->vms[look->nr_vms++] =
				(struct look_vm){ .number = vcpu->vm, .process = vcpu->tgid };
		add(&look->vms[look->nr_vms - 1].sum, vcpu);
		add(&look->all, vcpu);
	}
	if (former) {
		/* Its sums are of as many. */
		look->vms[0].sum.vcpus = look->vms[0].sum.gone = nr_former;
		look->all.vcpus += nr_former - 1;
		look->all.gone += nr_former - 1;
	}
	return true;
}

/* Whether cycles could be compared since the beginning. */
static void check_clocks(struct look *look)
{
	static struct result clocks;
	struct check why = { 0 };
	struct timing timing;

	clocks.host = look->host;
	clocks.begin = look->begin;
	clocks.end = clocks_mark();
	clocks.discovery.features = LEAF_FEATURE_STABLE_TSC;
	host_read_clocksource(clocks.next_clocksource, sizeof(clocks.next_clocksource));
	if (!strcmp(clocks.next_clocksource, look->host.clocksource))
		clocks.next_clocksource[0] = '\0';
	look->no_cycles[0] = '\0';
	if (!timing_audits(&clocks, &why, &timing))
		snprintf(look->no_cycles, sizeof(look->no_cycles), "%s", why.detail);
	look->seconds = (double)(clocks.end.ns - look->begin.ns) / 1e9;
}

/* Whether KVM's function, where that is the program's clock, runs as fast as the TSC. */
static void check_function(struct look *look)
{
	const double khz = look->host.tsc_khz;

	for (unsigned int i = 0; i < look->nr_vcpus && !*look->no_cycles; i++) {
		const struct ec_vcpu *vcpu = look->vcpus[i];
		double rate;

		if (vcpu->clock_ns < CLOCK_LEAST_NS)
			continue;
		rate = (double)vcpu->clock_tsc / vcpu->clock_ns * 1e6;
		if (rate < khz * (1 - CLOCK_PART) || rate > khz * (1 + CLOCK_PART))
			snprintf(look->no_cycles, sizeof(look->no_cycles),
				 "KVM's bpf_kvm_rdtsc() runs at %.0f kHz, and the TSC at %.0f",
				 rate, khz);
	}
}

/* Judges what the program compared. */
static int judge(struct look *look, struct error *err)
{
	unsigned int nr_cpus;
	struct ec_audit *cpus = tracer_cpus(look->tracer, &nr_cpus);

	if (!cpus)
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	audit_sum(look->host.isa, look->vcpus, look->nr_vcpus, &look->audit);
	audit_cpus(cpus, nr_cpus, !*look->no_cycles, &look->audit);
	audit_groups(look->vcpus, look->nr_vcpus, !*look->no_cycles, &look->audit);
	free(cpus);
	return 0;
}

int look_take(struct look *look, struct error *err)
{
	int status;

	tracer_poll(look->tracer);
	check_clocks(look);
	if (!list(look))
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	check_function(look);
	look->no_audit = tracer_no_audit(look->tracer);
	status = judge(look, err);
	if (!look->no_audit && look->all.ended && look->all.unaccounted == look->all.ended)
		look->no_audit = "KVM does not account for these VMs: their VMMs must ask for it,"
				 " or load kvm.ko with exit_leaves=host or all";
	return status ? status : losses_sum(&look->lost, look->tracer, look->all.lost_entries, err);
}

void look_release(struct look *look)
{
	free(look->vcpus);
	free(look->vms);
	look->vcpus = NULL;
	look->vms = NULL;
}
