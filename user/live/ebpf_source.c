// SPDX-License-Identifier: GPL-2.0-only
#include "live/ebpf_source.h"

#include <string.h>

#include "live/names.h"
#include "tracer/details.h"

#define FORMER_KEY UINT64_MAX

void ebpf_source_poll(struct tracer *tracer, struct usage *usage)
{
	unsigned int seen = tracer_nr_vcpus(tracer);

	tracer_poll(tracer);
	if (tracer_nr_vcpus(tracer) == seen)
		return;
	for (; seen < tracer_nr_vcpus(tracer); seen++) {
		const struct ec_vcpu *vcpu = tracer_vcpu(tracer, seen);

		if (vcpu)
			usage_add_vm(usage, vcpu->vm, vcpu->tgid);
	}
	name_vms(usage);
}

static void set_reasons(struct usage *usage, struct usage_vcpu *to, const struct ec_vcpu *vcpu)
{
	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++) {
		const struct ec_reason *reason = &vcpu->reason[i];
		struct usage_exits all = {
			.exits = reason->count,
			.ended = reason->timed,
			.ns = reason->ns,
			.time_ns = reason->ns,
			.max_ns = reason->max_ns,
		};

		if (!reason->count)
			continue;
		for (size_t part = 0; part < EC_NR_PARTS; part++)
			all.part_ns[part] = reason->part_ns[part];
		if (vcpu->is_open && vcpu->open_index == i)
			all.time_ns += vcpu->open_ns;
		for (size_t b = 0; b < EC_HIST_BUCKETS; b++)
			all.hist[b] = reason->hist[b];
		usage_set(usage, to, i, &all);
	}
}

static void set_details(struct usage *usage, struct usage_vcpu *to, const struct ec_vcpu *vcpu,
			const struct details *details)
{
	for (unsigned int i = 0; i < details->nr; i++) {
		const struct detail *detail = &details->list[i];
		bool is_open = vcpu->is_open && vcpu->open_index == detail->index &&
			       vcpu->open_detail == detail->key && detail->key != EC_DETAIL_OTHER;
		struct usage_exits all = {
			.exits = detail->timed + is_open,
			.ended = detail->timed,
			.ns = detail->ns,
			.time_ns = detail->ns + (is_open ? vcpu->open_ns : 0),
			.max_ns = detail->max_ns,
		};

		for (size_t part = 0; part < EC_NR_PARTS; part++)
			all.part_ns[part] = detail->part_ns[part];
		for (size_t b = 0; b < EC_HIST_BUCKETS; b++)
			all.hist[b] = detail->hist[b];
		usage_set_detail(usage, to, detail->index, detail->key, &all);
	}
	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++)
		if (vcpu->reason[i].detailed)
			usage_end_details(usage, to, i);
	usage->failed |= details->failed;
	usage->details_held += details->reasons;
	usage->details_differ += details->differ;
	usage->details_moving += details->moving;
}

static struct usage_vcpu *find(struct usage *usage, uint64_t key, const struct ec_vcpu *vcpu)
{
	struct usage_vcpu *to = usage_vcpu(usage, key);

	if (!to)
		return NULL;
	to->vm = vcpu->vm;
	to->id = vcpu->vcpu_id;
	to->process = vcpu->tgid;
	to->thread = vcpu->tid;
	to->late = vcpu->joined_late;
	to->gone = vcpu->gone;
	usage->excess_ns += vcpu->excess_ns;
	return to;
}

int ebpf_source_take(struct tracer *tracer, struct usage *usage, double seconds, struct error *err)
{
	const struct ec_vcpu *former;
	unsigned int nr_former;

	ebpf_source_poll(tracer, usage);
	usage_begin(usage, seconds);
	for (unsigned int i = 0; i < tracer_nr_vcpus(tracer); i++) {
		const struct ec_vcpu *vcpu = tracer_vcpu(tracer, i);
		struct usage_vcpu *to = vcpu ? find(usage, i, vcpu) : NULL;

		if (!to)
			continue;
		set_reasons(usage, to, vcpu);
		set_details(usage, to, vcpu, tracer_details(tracer, i));
	}
	former = tracer_former(tracer, &nr_former);
	if (former) {
		struct usage_vcpu *to = find(usage, FORMER_KEY, former);

		if (to) {
			usage_merge_missing(usage, to);
			set_reasons(usage, to, former);
			set_details(usage, to, former, tracer_former_details(tracer));
		}
	}
	if (!usage_end(usage))
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	name_vms(usage);
	return 0;
}
