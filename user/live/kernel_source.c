// SPDX-License-Identifier: GPL-2.0-only
#include "live/kernel_source.h"

#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "live/names.h"

#define MAX_GONE 1024 /* vCPUs that are gone and still have rows of their own */
#define FORMER UINT64_MAX
#define REST_MS 100 /* since an exit: it has been counted everywhere */

/* A vCPU that exists. */
struct known {
	uint64_t key, kvm;
	uint64_t id;		/* its key in usage: addresses come again */
	unsigned int vm;	/* number of its VM */
	unsigned int process;	/* that it was first seen in */
	struct ec_listed *base; /* what it had when the source was opened, NULL: it did not exist */
};

struct kernel_source {
	struct vcpus *vcpus;
	unsigned int process; /* whose VMs, 0: all */
	unsigned int khz;
	uint64_t begin; /* TSC of the bases */
	struct known *known;
	unsigned int nr_known, nr_vms, nr_gone, nr_merged, nr_unaccounted;
	uint64_t nr_ids;
	struct proof_stat gone; /* of vCPUs that went */
};

static int no_memory(struct error *err)
{
	return error_set(err, STATUS_CANNOT_RUN, "out of memory");
}

static uint64_t to_ns(const struct kernel_source *source, uint64_t cycles)
{
	return source->khz ? (uint64_t)((unsigned __int128)cycles * 1000000 / source->khz) : 0;
}

/* The number of a VM; those with the same vCPUs' struct kvm have the same. */
static unsigned int vm_of(struct kernel_source *source, uint64_t kvm)
{
	for (unsigned int i = 0; i < source->nr_known; i++)
		if (source->known[i].kvm == kvm)
			return source->known[i].vm;
	return ++source->nr_vms;
}

static struct known *find_known(const struct kernel_source *source, const struct ec_listed *listed)
{
	for (unsigned int i = 0; i < source->nr_known; i++)
		if (source->known[i].key == listed->key)
			return &source->known[i];
	return NULL;
}

/* vCPUs of any process go; the list of those that exist is of the one that is asked for. */
static bool is_wanted(const struct kernel_source *source, const struct ec_listed *listed)
{
	return !listed->gone || !source->process || listed->process == source->process ||
	       find_known(source, listed);
}

/* Made if it is new; NULL: no memory. */
static struct known *find(struct kernel_source *source, const struct ec_listed *listed)
{
	struct known *known = find_known(source, listed);
	unsigned int vm;

	if (known)
		return known;
	known = realloc(source->known, (source->nr_known + 1) * sizeof(*known));
	if (!known)
		return NULL;
	source->known = known;
	vm = vm_of(source, listed->kvm);
	known = &source->known[source->nr_known++];
	*known = (struct known){
		.key = listed->key,
		.kvm = listed->kvm,
		.id = source->nr_ids++,
		.vm = vm,
		.process = listed->process,
	};
	return known;
}

static void forget(struct kernel_source *source, struct known *known)
{
	free(known->base);
	*known = source->known[--source->nr_known];
}

/* Cycles of the exit under way of a reason, which began at listed->start. */
static uint64_t open_cycles(const struct ec_listed *listed, unsigned int index, uint64_t tsc)
{
	if (!listed->outside || listed->gone || listed->index != index ||
	    listed->start == EC_NOT_OPEN || tsc < listed->start)
		return 0;
	return tsc - listed->start;
}

/* What a vCPU has of a reason since it was created. */
static struct usage_exits since_birth(const struct kernel_source *source,
				      const struct ec_listed *listed, unsigned int index,
				      uint64_t tsc)
{
	uint64_t open = open_cycles(listed, index, tsc);
	struct usage_exits all = {
		.exits = listed->exits_by_number[index],
		.ended = listed->exits_by_number[index],
		.ns = to_ns(source, listed->cycles_by_number[index]),
	};

	all.ended -= open && all.ended;
	all.time_ns = to_ns(source, listed->cycles_by_number[index] + open);
	return all;
}

static void set_reasons(struct kernel_source *source, struct usage *usage, struct usage_vcpu *to,
			const struct known *known, const struct ec_listed *listed, uint64_t tsc)
{
	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++) {
		struct usage_exits all = since_birth(source, listed, i, tsc);

		if (known->base) {
			const struct usage_exits base =
				since_birth(source, known->base, i, source->begin);

			all.exits -= base.exits;
			all.ended -= base.ended;
			all.ns -= base.ns;
			all.time_ns -= base.time_ns < all.time_ns ? base.time_ns : all.time_ns;
		}
		if (all.exits || all.ended || all.time_ns)
			usage_set(usage, to, i, &all);
	}
}

/* Whether an exit may have been counted in the account, and in KVM's statistic a moment later. */
static bool moves(const struct kernel_source *source, const struct ec_listed *listed, uint64_t tsc)
{
	return !listed->gone && listed->start != EC_NOT_OPEN &&
	       tsc - listed->start < (uint64_t)source->khz * REST_MS;
}

/* Holds the account against KVM's statistic. */
static void compare(const struct kernel_source *source, struct proof_stat *stat,
		    const struct known *known, const struct ec_listed *listed, uint64_t tsc)
{
	uint64_t kvm = listed->exits, exits = listed->all_exits;
	unsigned int slack = moves(source, listed, tsc);

	if (known->base) {
		kvm -= known->base->exits;
		exits -= known->base->all_exits;
		slack += moves(source, known->base, source->begin);
	}
	proof_add_stat(stat, kvm, exits, slack);
}

/* One that is in the list, or has gone since the last one. */
static bool take_one(struct kernel_source *source, struct usage *usage,
		     const struct ec_listed *listed, uint64_t tsc, struct proof *proof)
{
	struct known *known = find(source, listed);
	struct usage_vcpu *to = known ? usage_vcpu(usage, known->id) : NULL;

	if (!to)
		return false;
	to->vm = known->vm;
	to->id = listed->vcpu_id;
	to->process = known->process;
	to->late = known->base && known->base->exits;
	to->gone = listed->gone;
	if (listed->accounted) {
		set_reasons(source, usage, to, known, listed, tsc);
		compare(source, listed->gone ? &source->gone : &proof->stat, known, listed, tsc);
	} else {
		proof->unaccounted++;
	}
	if (listed->gone) {
		source->nr_gone++;
		source->nr_unaccounted += !listed->accounted;
		forget(source, known);
	}
	return true;
}

/* vCPUs that went, once there are many: their sum is left. */
static void merge_gone(struct kernel_source *source, struct usage *usage)
{
	unsigned int before = usage->nr_vcpus;
	struct usage_vcpu *former;

	if (source->nr_gone <= MAX_GONE)
		return;
	former = usage_vcpu(usage, FORMER);
	if (!former)
		return;
	before = usage->nr_vcpus;
	usage_merge_missing(usage, former);
	source->nr_merged += before - usage->nr_vcpus;
	source->nr_gone -= before - usage->nr_vcpus;
}

void kernel_source_poll(struct kernel_source *source)
{
	struct ec_listed *list;
	unsigned int nr;

	vcpus_poll(source->vcpus, &list, &nr);
}

int kernel_source_take(struct kernel_source *source, struct usage *usage, double seconds,
		       struct proof *proof, struct error *err)
{
	struct ec_listed *list;
	unsigned int nr;
	uint64_t tsc;
	int status = vcpus_read(source->vcpus, &list, &nr, err);

	if (status)
		return status;
	tsc = __rdtsc();
	*proof = (struct proof){ .unaccounted = source->nr_unaccounted };
	usage_begin(usage, seconds);
	for (unsigned int i = 0; i < nr; i++) {
		if (is_wanted(source, &list[i]) && !take_one(source, usage, &list[i], tsc, proof))
			return no_memory(err);
		if (list[i].gone)
			list[i].key = 0;
	}
	merge_gone(source, usage);
	if (!usage_end(usage))
		return no_memory(err);
	name_vms(usage);
	proof_add_vcpus(proof, usage);
	/* Nothing is missing of them. */
	proof->late = 0;
	proof->vcpus += source->nr_merged - !!source->nr_merged;
	proof_add_sum(&proof->stat, &source->gone);
	proof->stat.emulates = proof_kvm_emulates();
	proof->lost.nr[LOSS_GONE] = vcpus_lost(source->vcpus);
	losses_say(&proof->lost);
	return 0;
}

/* What those that exist have at the beginning. */
static int keep_bases(struct kernel_source *source, struct error *err)
{
	struct ec_listed *list;
	unsigned int nr;
	int status = vcpus_read(source->vcpus, &list, &nr, err);

	source->begin = __rdtsc();
	for (unsigned int i = 0; i < nr && !status; i++) {
		struct known *known = list[i].gone ? NULL : find(source, &list[i]);

		if (list[i].gone)
			continue;
		if (known)
			known->base = malloc(sizeof(*known->base));
		if (!known || !known->base)
			return no_memory(err);
		*known->base = list[i];
	}
	return status;
}

int kernel_source_open(struct kernel_source **source, const struct host *host, pid_t process,
		       struct error *err)
{
	struct kernel_source *new = calloc(1, sizeof(*new));
	int status;

	if (!new)
		return no_memory(err);
	new->process = process;
	new->khz = host->tsc_khz;
	status = vcpus_open(&new->vcpus, host->isa, NULL, true, process, err);
	if (!status)
		status = keep_bases(new, err);
	if (status)
		kernel_source_close(new);
	else
		*source = new;
	return status;
}

void kernel_source_close(struct kernel_source *source)
{
	if (!source)
		return;
	vcpus_close(source->vcpus);
	for (unsigned int i = 0; i < source->nr_known; i++)
		free(source->known[i].base);
	free(source->known);
	free(source);
}
