// SPDX-License-Identifier: GPL-2.0-only
#include "live/usage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* ---- a look ---- */

void usage_begin(struct usage *usage, double seconds)
{
	usage->interval = seconds - usage->seconds;
	usage->seconds = seconds;
	usage->details_held = usage->details_differ = usage->details_moving = 0;
	usage->excess_ns = 0;
	for (unsigned int i = 0; i < usage->nr_vcpus; i++) {
		struct usage_vcpu *vcpu = usage->vcpus[i];

		vcpu->looked_at = false;
		for (size_t r = 0; r < EXIT_NR_INDICES; r++)
			if (vcpu->reason[r])
				vcpu->reason[r]->now = (struct usage_exits){ 0 };
		for (unsigned int d = 0; d < vcpu->nr_details; d++)
			vcpu->details[d].part.now = (struct usage_exits){ 0 };
	}
}

/* Room for one more of nr elements: it doubles at each power of two. */
static void *grown(void *array, unsigned int nr, size_t size)
{
	return nr & (nr - 1) ? array : realloc(array, (nr ? 2 * nr : 1) * size);
}

struct usage_vcpu *usage_vcpu(struct usage *usage, uint64_t key)
{
	struct usage_vcpu *vcpu, **vcpus;

	for (unsigned int i = 0; i < usage->nr_vcpus; i++) {
		if (usage->vcpus[i]->key != key)
			continue;
		usage->vcpus[i]->looked_at = true;
		return usage->vcpus[i];
	}
	vcpus = grown(usage->vcpus, usage->nr_vcpus, sizeof(*vcpus));
	vcpu = vcpus ? calloc(1, sizeof(*vcpu)) : NULL;
	usage->vcpus = vcpus ?: usage->vcpus;
	usage->failed |= !vcpu;
	if (!vcpu)
		return NULL;
	vcpu->key = key;
	vcpu->looked_at = true;
	usage->vcpus[usage->nr_vcpus++] = vcpu;
	return vcpu;
}

double usage_bucket_ns(const struct usage *usage, unsigned int bucket)
{
	/* Bucket 0 has 0, too. */
	double begin = bucket ? ldexp(1, bucket) : 0;

	return usage->khz ? begin * 1e6 / usage->khz : begin;
}

/* The longest of those that ended since the last look: known if it is the longest of all, else by its bucket. */
static void find_max(const struct usage *usage, const struct usage_exits *before,
		     const struct usage_exits *all, struct usage_exits *now)
{
	unsigned int bucket = EC_HIST_BUCKETS;
	double bound;

	if (!now->ended || !usage->has_hist)
		return;
	now->max_ns = all->max_ns;
	if (all->max_ns > before->max_ns)
		return;
	while (bucket > 1 && !now->hist[bucket - 1])
		bucket--;
	bound = usage_bucket_ns(usage, bucket);
	now->max_is_bound = true;
	if (bucket < EC_HIST_BUCKETS && bound < (double)all->max_ns)
		now->max_ns = (uint64_t)bound;
}

/* Numbers of a vCPU that runs are not all of the same instant: none goes down for that. */
static uint64_t more(uint64_t all, uint64_t before)
{
	return all > before ? all - before : 0;
}

/* What is less than before was read while an exit that had been under way ended: nothing goes down for that. */
static void set(const struct usage *usage, struct usage_part *part, const struct usage_exits *all)
{
	const struct usage_exits before = part->all;
	struct usage_exits *now = &part->now;

	now->exits = more(all->exits, before.exits);
	now->ended = more(all->ended, before.ended);
	now->ns = more(all->ns, before.ns);
	now->time_ns = more(all->time_ns, before.time_ns);
	for (size_t i = 0; i < EC_NR_PARTS; i++)
		now->part_ns[i] = more(all->part_ns[i], before.part_ns[i]);
	for (size_t b = 0; b < EC_HIST_BUCKETS; b++)
		now->hist[b] = more(all->hist[b], before.hist[b]);
	find_max(usage, &before, all, now);
	part->all = *all;
	part->all.exits += more(before.exits, all->exits);
	part->all.time_ns += more(before.time_ns, all->time_ns);
}

void usage_set(struct usage *usage, struct usage_vcpu *vcpu, unsigned int index,
	       const struct usage_exits *all)
{
	struct usage_part *part = vcpu->reason[index];

	if (!part)
		part = vcpu->reason[index] = calloc(1, sizeof(*part));
	usage->failed |= !part;
	if (part)
		set(usage, part, all);
}

/* ---- details ---- */

/* Made if it is new; NULL: no memory. */
static struct usage_detail *find_detail(struct usage *usage, struct usage_vcpu *vcpu,
					unsigned int index, uint64_t key)
{
	struct usage_detail *details;

	for (unsigned int i = 0; i < vcpu->nr_details; i++)
		if (vcpu->details[i].index == index && vcpu->details[i].detail == key)
			return &vcpu->details[i];
	details = grown(vcpu->details, vcpu->nr_details, sizeof(*details));
	usage->failed |= !details;
	if (!details)
		return NULL;
	vcpu->details = details;
	details[vcpu->nr_details] = (struct usage_detail){ .index = index, .detail = key };
	return &details[vcpu->nr_details++];
}

void usage_set_detail(struct usage *usage, struct usage_vcpu *vcpu, unsigned int index,
		      uint64_t detail, const struct usage_exits *all)
{
	struct usage_detail *to = find_detail(usage, vcpu, index, detail);

	if (to)
		set(usage, &to->part, all);
}

/* Takes away what the details have of a sum; never more than there is. */
static void subtract(struct usage_exits *rest, const struct usage_exits *exits)
{
	rest->exits = more(rest->exits, exits->exits);
	rest->ended = more(rest->ended, exits->ended);
	rest->ns = more(rest->ns, exits->ns);
	rest->time_ns = more(rest->time_ns, exits->time_ns);
	for (size_t i = 0; i < EC_NR_PARTS; i++)
		rest->part_ns[i] = more(rest->part_ns[i], exits->part_ns[i]);
	for (size_t b = 0; b < EC_HIST_BUCKETS; b++)
		rest->hist[b] = more(rest->hist[b], exits->hist[b]);
}

static void add(struct usage_exits *sum, const struct usage_exits *exits)
{
	sum->exits += exits->exits;
	sum->ended += exits->ended;
	sum->ns += exits->ns;
	sum->time_ns += exits->time_ns;
	for (size_t i = 0; i < EC_NR_PARTS; i++)
		sum->part_ns[i] += exits->part_ns[i];
	for (size_t b = 0; b < EC_HIST_BUCKETS; b++)
		sum->hist[b] += exits->hist[b];
	if (exits->max_ns > sum->max_ns) {
		sum->max_ns = exits->max_ns;
		sum->max_is_bound = exits->max_is_bound;
	} else if (exits->max_ns == sum->max_ns) {
		sum->max_is_bound &= exits->max_is_bound;
	}
}

void usage_end_details(struct usage *usage, struct usage_vcpu *vcpu, unsigned int index)
{
	struct usage_part *reason = vcpu->reason[index];
	struct usage_detail *some = NULL;
	struct usage_exits *unknown;

	/* Even if it stays empty: what this reason has is shown by detail. */
	if (!reason || !find_detail(usage, vcpu, index, EC_DETAIL_OTHER))
		return;
	unknown = &reason->unknown;
	*unknown = reason->all;
	reason->now = (struct usage_exits){ 0 };
	for (unsigned int i = 0; i < vcpu->nr_details; i++) {
		struct usage_detail *detail = &vcpu->details[i];

		if (detail->index != index)
			continue;
		subtract(unknown, &detail->part.all);
		add(&reason->now, &detail->part.now);
		if (detail->part.all.ended)
			some = detail;
	}
	/* Times of the TSC in ns are rounded down, each. */
	if (some && !unknown->exits && !unknown->ended) {
		some->part.all.ns += unknown->ns;
		some->part.all.time_ns += unknown->time_ns;
		unknown->ns = unknown->time_ns = 0;
	}
	unknown->max_ns = 0;
}

static void release(struct usage_vcpu *vcpu)
{
	for (size_t i = 0; i < EXIT_NR_INDICES; i++)
		free(vcpu->reason[i]);
	free(vcpu->details);
	free(vcpu);
}

void usage_merge_missing(struct usage *usage, struct usage_vcpu *former)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < usage->nr_vcpus; i++) {
		struct usage_vcpu *vcpu = usage->vcpus[i];

		usage->vcpus[nr++] = vcpu;
		if (vcpu->looked_at)
			continue;
		for (size_t r = 0; r < EXIT_NR_INDICES; r++) {
			if (!vcpu->reason[r])
				continue;
			if (!former->reason[r])
				former->reason[r] = calloc(1, sizeof(*former->reason[r]));
			usage->failed |= !former->reason[r];
			if (former->reason[r])
				add(&former->reason[r]->all, &vcpu->reason[r]->all);
		}
		for (unsigned int d = 0; d < vcpu->nr_details; d++) {
			const struct usage_detail *from = &vcpu->details[d];
			struct usage_detail *to =
				find_detail(usage, former, from->index, from->detail);

			if (to)
				add(&to->part.all, &from->part.all);
		}
		former->late |= vcpu->late;
		release(vcpu);
		nr--;
	}
	usage->nr_vcpus = nr;
}

static int by_vm_and_id(const void *a, const void *b)
{
	const struct usage_vcpu *x = *(const struct usage_vcpu *const *)a;
	const struct usage_vcpu *y = *(const struct usage_vcpu *const *)b;

	if (x->vm != y->vm)
		return x->vm < y->vm ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

void usage_add_vm(struct usage *usage, unsigned int number, unsigned int process)
{
	struct usage_vm *vms;

	for (unsigned int i = 0; i < usage->nr_vms; i++)
		if (usage->vms[i].number == number)
			return;
	vms = realloc(usage->vms, (usage->nr_vms + 1) * sizeof(*vms));
	usage->failed |= !vms;
	if (!vms)
		return;
	usage->vms = vms;
	vms[usage->nr_vms++] = (struct usage_vm){ .number = number, .process = process };
}

/* The VMs of the vCPUs, which are in order; names are kept. False: no memory. */
static bool list_vms(struct usage *usage)
{
	struct usage_vm *former = usage->vms, *vm = NULL;
	unsigned int nr_former = usage->nr_vms;

	usage->nr_vms = 0;
	usage->vms = calloc(usage->nr_vcpus + 1, sizeof(*usage->vms));
	for (unsigned int i = 0; i < usage->nr_vcpus && usage->vms; i++) {
		const struct usage_vcpu *vcpu = usage->vcpus[i];

		if (!vm || vm->number != vcpu->vm) {
			vm = &usage->vms[usage->nr_vms++];
			*vm = (struct usage_vm){ .number = vcpu->vm, .process = vcpu->process };
			for (unsigned int j = 0; j < nr_former; j++)
				if (former[j].number == vm->number)
					memcpy(vm->name, former[j].name, sizeof(vm->name));
		}
		vm->vcpus++;
		vm->gone += vcpu->gone;
		vm->late += vcpu->late;
	}
	free(former);
	return usage->vms;
}

bool usage_end(struct usage *usage)
{
	for (unsigned int i = 0; i < usage->nr_vcpus; i++)
		if (usage->vcpus[i]->gone && !(usage->vcpus[i]->gone_at > 0))
			usage->vcpus[i]->gone_at = usage->seconds;
	if (usage->nr_vcpus)
		qsort(usage->vcpus, usage->nr_vcpus, sizeof(*usage->vcpus), by_vm_and_id);
	return list_vms(usage) && !usage->failed;
}

void usage_release(struct usage *usage)
{
	for (unsigned int i = 0; i < usage->nr_vcpus; i++)
		release(usage->vcpus[i]);
	free(usage->vcpus);
	free(usage->vms);
	*usage = (struct usage){ 0 };
}

/* ---- rows ---- */

static int dearer(const void *a, const void *b)
{
	const struct usage_row *x = a, *y = b;

	if (x->sum.time_ns != y->sum.time_ns)
		return x->sum.time_ns < y->sum.time_ns ? 1 : -1;
	if (x->sum.exits != y->sum.exits)
		return x->sum.exits < y->sum.exits ? 1 : -1;
	if (x->index != y->index)
		return x->index - y->index;
	return x->detail < y->detail ? -1 : x->detail > y->detail;
}

/* The row that a vCPU's exits of a reason go to, of the *nr that there are. NULL: no memory. */
static struct usage_row *row_of(struct usage_row **rows, unsigned int *nr,
				const struct usage_row *wanted)
{
	struct usage_row *room;

	/* Rows of the same vCPU or VM come last. */
	for (unsigned int i = *nr; i--;) {
		struct usage_row *row = &(*rows)[i];

		if (row->vm != wanted->vm || row->vcpu != wanted->vcpu)
			break;
		if (row->index == wanted->index && row->has_detail == wanted->has_detail &&
		    row->detail == wanted->detail)
			return row;
	}
	room = grown(*rows, *nr, sizeof(*room));
	if (!room)
		return NULL;
	*rows = room;
	room[*nr] = *wanted;
	return &room[(*nr)++];
}

/* Adds exits to the row that they belong to. False: no memory. */
static bool add_to_row(struct usage_row **rows, unsigned int *nr, const struct usage_row *wanted,
		       const struct usage_exits *exits)
{
	struct usage_row *row;

	if (!exits->exits && !exits->ended && !exits->time_ns)
		return true;
	row = row_of(rows, nr, wanted);
	if (row)
		add(&row->sum, exits);
	return row;
}

/* Likewise a reason of a vCPU, by its details. *any: it has some. */
static bool add_details(struct usage_row **rows, unsigned int *nr, const struct usage_row *reason,
			const struct usage_vcpu *vcpu, unsigned int index, bool now, bool *any)
{
	struct usage_row wanted = *reason;

	*any = false;
	wanted.has_detail = true;
	for (unsigned int i = 0; i < vcpu->nr_details; i++) {
		const struct usage_detail *detail = &vcpu->details[i];

		if (detail->index != index)
			continue;
		*any = true;
		wanted.detail = detail->detail;
		if (!add_to_row(rows, nr, &wanted, now ? &detail->part.now : &detail->part.all))
			return false;
	}
	wanted.detail = EC_DETAIL_OTHER;
	return !*any || now || add_to_row(rows, nr, &wanted, &vcpu->reason[index]->unknown);
}

bool usage_rows(const struct usage *usage, unsigned int by, const struct usage_filter *filter,
		bool now, struct usage_row **rows, unsigned int *nr, struct usage_exits *total)
{
	const struct usage_vm *vm = usage->vms;

	*rows = NULL;
	*nr = 0;
	*total = (struct usage_exits){ 0 };
	for (unsigned int i = 0; i < usage->nr_vcpus; i++) {
		const struct usage_vcpu *vcpu = usage->vcpus[i];

		while (vm->number != vcpu->vm)
			vm++;
		if ((filter->vm && filter->vm != vm->number) ||
		    (filter->vcpu && filter->vcpu != vcpu))
			continue;
		for (int index = 0; index < EXIT_NR_INDICES; index++) {
			const struct usage_part *part = vcpu->reason[index];
			const struct usage_row wanted = {
				.vm = by & USAGE_BY_VM ? vm : NULL,
				.vcpu = by & USAGE_BY_VCPU ? vcpu : NULL,
				.index = by & USAGE_BY_REASON ? index : -1,
			};
			const struct usage_exits *exits;
			bool detailed = false;

			if (!part)
				continue;
			if (by & USAGE_BY_DETAIL &&
			    !add_details(rows, nr, &wanted, vcpu, index, now, &detailed))
				return false;
			exits = now ? &part->now : &part->all;
			if (!detailed && !add_to_row(rows, nr, &wanted, exits))
				return false;
			add(total, exits);
		}
	}
	if (*nr)
		qsort(*rows, *nr, sizeof(**rows), dearer);
	return true;
}

uint64_t usage_handler_ns(const struct usage_exits *exits)
{
	uint64_t rest = exits->ns;

	for (size_t i = 0; i < EC_NR_PARTS; i++)
		rest = more(rest, exits->part_ns[i]);
	return rest;
}

bool usage_quantile(const struct usage *usage, const struct usage_exits *exits, double part,
		    struct usage_quantile *quantile)
{
	double before = 0, wanted, within;
	uint64_t nr = 0;
	unsigned int b;

	for (b = 0; b < EC_HIST_BUCKETS; b++)
		nr += exits->hist[b];
	if (!nr)
		return false;
	wanted = part * (double)nr;
	for (b = 0; b < EC_HIST_BUCKETS - 1; b++) {
		if (exits->hist[b] && before + (double)exits->hist[b] >= wanted)
			break;
		before += (double)exits->hist[b];
	}
	quantile->low = usage_bucket_ns(usage, b);
	/* The last bucket has no end. */
	quantile->high = (double)exits->max_ns;
	if (b < EC_HIST_BUCKETS - 1)
		quantile->high = fmin(quantile->high, usage_bucket_ns(usage, b + 1));
	quantile->low = fmin(quantile->low, quantile->high);
	within = exits->hist[b] ? (wanted - before) / (double)exits->hist[b] : 1;
	quantile->ns = quantile->low + fmax(0, within) * (quantile->high - quantile->low);
	return true;
}
