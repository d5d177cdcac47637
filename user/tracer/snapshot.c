// SPDX-License-Identifier: GPL-2.0-only
#include "tracer/snapshot.h"

#include <string.h>
#include <x86intrin.h>

#include "util/clock.h"

#define READ_TRIES 8 /* to read a vCPU between two of its events */

ec_u64 snapshot_now(unsigned int khz)
{
	return khz ? __rdtsc() : clock_ns(CLOCK_MONOTONIC);
}

static void read_row(const struct ec_row *row, unsigned int khz, struct ec_reason *reason)
{
	*reason = (struct ec_reason){
		.count = row->count,
		.ns = shared_ns(row->time, khz),
		.max_ns = shared_ns(row->max, khz),
		.leaf_cycles = row->leaf_cycles,
		.leaf_ns = shared_ns(row->leaf_time, khz),
		.leaf_timed = row->leaf_timed,
		.kvm_cycles = row->kvm_cycles,
		.detailed = row->kind,
		.audit = row->audit,
	};
	for (int i = 0; i < EC_NR_PARTS; i++)
		reason->part_ns[i] = shared_ns(row->part[i], khz);
	for (int b = 0; b < EC_HIST_BUCKETS; b++) {
		reason->hist[b] = row->hist[b];
		reason->timed += row->hist[b];
	}
	if (reason->timed)
		reason->min_ns = shared_ns(row->min, khz);
}

/* What a vCPU is doing: if it is the same before and after a read, nothing has happened meanwhile. */
struct moment {
	ec_u64 count, open;
	ec_u32 pending, began;
};

static struct moment moment_of(const struct ec_slot *slot)
{
	return (struct moment){
		.count = __atomic_load_n(&slot->count, __ATOMIC_ACQUIRE),
		.open = __atomic_load_n(&slot->open, __ATOMIC_ACQUIRE),
		.pending = __atomic_load_n(&slot->pending, __ATOMIC_ACQUIRE),
		.began = slot->began,
	};
}

static bool is_in_exit(struct moment moment)
{
	return moment.began && moment.pending != EC_NO_EXIT;
}

static bool is_same(struct moment a, struct moment b)
{
	return a.count == b.count && a.open == b.open && a.pending == b.pending;
}

/* What has become of the exits, and of the one under way. False: some were made meanwhile, or one was being noted. */
static bool read_rows(const struct shared *shared, const struct ec_slot *slot,
		      const struct snapshot_clock *clock, struct ec_vcpu *vcpu,
		      struct details *details)
{
	const struct moment moment = moment_of(slot);
	ec_u64 timed = 0, count = 0;

	/* First, so that they are never more than the rows. */
	if (details)
		details_read(details, shared, slot, clock->khz);
	for (size_t i = 0; i < EXIT_NR_INDICES; i++) {
		if (!slot->row[i])
			continue;
		read_row(shared_at(shared, EC_ROWS, slot->row[i]), clock->khz, &vcpu->reason[i]);
		timed += vcpu->reason[i].timed;
		count += vcpu->reason[i].count;
	}
	vcpu->count = count;
	vcpu->entries = timed + vcpu->unpaired_entries;
	vcpu->open_ns = vcpu->is_open = 0;
	if (details)
		details_check(details, shared, slot);
	if (is_in_exit(moment)) {
		const struct ec_row *row = shared_at(shared, EC_ROWS, moment.pending);

		vcpu->open_index = row->index;
		vcpu->open_detail = row->kind && row->kind < EC_DETAIL_AT_ENTRY ? slot->detail :
										  EC_DETAIL_OTHER;
	}
	if (!is_same(moment, moment_of(slot)) || (is_in_exit(moment) && !moment.open))
		return false;
	vcpu->is_open = is_in_exit(moment);
	timed += vcpu->is_open;
	vcpu->lost_entries = count > timed ? count - timed : 0;
	if (vcpu->is_open && clock->now > moment.open)
		vcpu->open_ns = shared_ns(clock->now - moment.open, clock->khz);
	return true;
}

/* The vCPU's first exit, of which there is one. */
static void read_first(ec_u32 first, struct ec_audit *audit)
{
	*audit = (struct ec_audit){ 0 };
	if (!first)
		return;
	audit->bias[(first >> 8) - 1] = 1;
	audit->exceeded = !!(first & EC_EXCEEDED);
	audit->untimed = !!(first & EC_UNTIMED);
	audit->differed = !!(first & EC_DIFFERED);
}

void snapshot_read(const struct shared *shared, unsigned int place,
		   const struct snapshot_clock *clock, struct ec_vcpu *vcpu,
		   struct details *details)
{
	const struct ec_slot *slot = shared_at(shared, EC_SLOTS, place);
	const struct ec_thread *thread = shared_at(shared, EC_THREADS, EC_THREAD_PLACE(place));
	bool rests = false;

	vcpu->key = slot->key ?: slot->last_key ?: vcpu->key;
	vcpu->last_stat = slot->last_stat;
	vcpu->vcpu_id = slot->vcpu_id;
	vcpu->tid = slot->tid;
	vcpu->tgid = slot->tgid;
	vcpu->joined_late = slot->joined_late;
	vcpu->accounted = slot->accounted;
	vcpu->gone = slot->gone;
	vcpu->unpaired_entries = slot->unpaired_entries;
	vcpu->failed_entries = slot->failed_entries;
	memcpy(vcpu->uncompared, slot->uncompared, sizeof(vcpu->uncompared));
	memcpy(vcpu->asked, slot->asked, sizeof(vcpu->asked));
	vcpu->excess_ns = shared_ns(thread->excess, clock->khz);
	vcpu->clock_tsc = slot->tsc[1] - slot->tsc[0];
	vcpu->clock_ns = slot->ns[1] - slot->ns[0];
	memcpy(vcpu->compared, slot->compared, sizeof(vcpu->compared));
	memcpy(vcpu->differed, slot->differed, sizeof(vcpu->differed));
	memcpy(vcpu->audit, slot->audit, sizeof(slot->audit));
	read_first(slot->first_exit, &vcpu->audit[EC_FIRST]);
	memcpy(vcpu->own, slot->own, sizeof(vcpu->own));
	/* Of a vCPU that never rests, lost entries are known once it does. */
	for (int try = 0; try < READ_TRIES && !rests; try++)
		rests = read_rows(shared, slot, clock, vcpu, details);
	if (details) {
		details->moving = !rests;
		if (!rests)
			details->reasons = details->differ = 0;
	}
}

static void add_reason(struct ec_reason *sum, const struct ec_reason *reason)
{
	if (reason->timed && (!sum->timed || reason->min_ns < sum->min_ns))
		sum->min_ns = reason->min_ns;
	if (reason->max_ns > sum->max_ns)
		sum->max_ns = reason->max_ns;
	sum->count += reason->count;
	sum->timed += reason->timed;
	sum->detailed |= reason->detailed;
	sum->ns += reason->ns;
	for (int i = 0; i < EC_NR_PARTS; i++)
		sum->part_ns[i] += reason->part_ns[i];
	for (int b = 0; b < EC_HIST_BUCKETS; b++)
		sum->hist[b] += reason->hist[b];
	ec_audit_add(&sum->audit, &reason->audit);
}

void snapshot_add(struct ec_vcpu *sum, const struct ec_vcpu *vcpu)
{
	sum->joined_late |= vcpu->joined_late;
	sum->accounted |= vcpu->accounted;
	sum->count += vcpu->count;
	sum->unpaired_entries += vcpu->unpaired_entries;
	sum->failed_entries += vcpu->failed_entries;
	sum->entries += vcpu->entries;
	sum->lost_entries += vcpu->lost_entries;
	sum->excess_ns += vcpu->excess_ns;
	for (size_t i = 0; i < EC_NR_UNCOMPARED; i++)
		sum->uncompared[i] += vcpu->uncompared[i];
	for (size_t i = 0; i < EC_NR_TOTALS; i++)
		ec_asked_add(&sum->asked[i], &vcpu->asked[i]);
	for (size_t i = 0; i < LEAF_NR; i++) {
		sum->compared[i] += vcpu->compared[i];
		sum->differed[i] += vcpu->differed[i];
	}
	for (size_t i = 0; i < EC_NR_CIRCUMSTANCES; i++)
		ec_audit_add(&sum->audit[i], &vcpu->audit[i]);
	for (size_t i = 0; i < EC_HIST_BUCKETS; i++)
		sum->own[i] += vcpu->own[i];
	for (size_t i = 0; i < EXIT_NR_INDICES; i++)
		add_reason(&sum->reason[i], &vcpu->reason[i]);
}
