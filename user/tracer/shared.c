// SPDX-License-Identifier: GPL-2.0-only
#include "tracer/shared.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <unistd.h>

#include "tracer/obstacles.h"
#include "util/array.h"

#define READ_TRIES 8 /* to read a vCPU between two of its events */

static unsigned int power_of_two(unsigned int at_least)
{
	unsigned int n = 1;

	while (n < at_least)
		n *= 2;
	return n;
}

/* The next region: nr items of that size. */
static void add_region(struct shared *shared, enum ec_region region, unsigned int nr, size_t item)
{
	shared->extent[region] = (struct ec_extent){ shared->size, (nr - 1) * item };
	shared->size += nr * item;
}

static unsigned int nr_places(const struct shared *shared, enum ec_region ring)
{
	return shared->extent[ring].mask / sizeof(ec_u32) + 1;
}

int shared_create(struct shared *shared, unsigned int nr_cpus, unsigned int nr_vcpus,
		  unsigned int reasons, bool old, struct error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	unsigned int slots = power_of_two(nr_vcpus + 1),
		     rows = power_of_two(nr_vcpus * reasons + 1);
	size_t size;
	int error;

	if (old) {
		slots = MIN(slots, EC_OLD_SLOTS);
		rows = MIN(rows, EC_OLD_ROWS);
	}
	*shared = (struct shared){ .fd = -1 };
	add_region(shared, EC_SLOTS, slots, sizeof(struct ec_slot));
	add_region(shared, EC_ROWS, rows, sizeof(struct ec_row));
	add_region(shared, EC_CPUS, power_of_two(nr_cpus), sizeof(struct ec_cpu));
	add_region(shared, EC_FREE_SLOTS, slots, sizeof(ec_u32));
	add_region(shared, EC_FREE_ROWS, rows, sizeof(ec_u32));
	shared->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "exitcheck", sizeof(ec_u32), shared->size,
				    1, &opts);
	if (shared->fd >= 0)
		shared->memory =
			mmap(NULL, shared->size, PROT_READ | PROT_WRITE, MAP_SHARED, shared->fd, 0);
	if (shared->fd >= 0 && shared->memory != MAP_FAILED)
		return 0;
	error = errno;
	size = shared->size;
	shared->memory = NULL;
	shared_destroy(shared);
	if (error == EPERM)
		return obstacles_permission(err);
	return error_set(err, STATUS_CANNOT_RUN, "cannot make %zu bytes for the eBPF program: %s",
			 size, strerror(error));
}

void shared_destroy(struct shared *shared)
{
	if (shared->memory)
		munmap(shared->memory, shared->size);
	if (shared->fd >= 0)
		close(shared->fd);
	*shared = (struct shared){ .fd = -1 };
}

void *shared_at(const struct shared *shared, enum ec_region region, unsigned int place)
{
	return shared->memory + shared->extent[region].offset +
	       (place & shared->extent[region].mask);
}

static void give(const struct shared *shared, struct ec_state *state, enum ec_region ring,
		 unsigned int place)
{
	ec_u32 *given = &state->given[ring], at = *given;

	*(ec_u32 *)shared_at(shared, ring, at * sizeof(ec_u32)) = place;
	__atomic_store_n(given, at + 1, __ATOMIC_RELEASE);
}

void shared_give_all(const struct shared *shared, struct ec_state *state)
{
	for (unsigned int i = 1; i < nr_places(shared, EC_FREE_SLOTS); i++)
		give(shared, state, EC_FREE_SLOTS, i * sizeof(struct ec_slot));
	for (unsigned int i = 1; i < nr_places(shared, EC_FREE_ROWS); i++)
		give(shared, state, EC_FREE_ROWS, i * sizeof(struct ec_row));
}

void shared_give_back(const struct shared *shared, struct ec_state *state, unsigned int place)
{
	struct ec_slot *slot = shared_at(shared, EC_SLOTS, place);

	for (size_t i = 0; i < EXIT_NR_INDICES; i++) {
		if (!slot->row[i])
			continue;
		memset(shared_at(shared, EC_ROWS, slot->row[i]), 0, sizeof(struct ec_row));
		give(shared, state, EC_FREE_ROWS, slot->row[i]);
	}
	memset(slot, 0, sizeof(*slot));
	give(shared, state, EC_FREE_SLOTS, place);
}

unsigned int shared_take_slot(const struct shared *shared, struct ec_state *state)
{
	ec_u32 at = state->taken[EC_FREE_SLOTS];

	if (at == state->given[EC_FREE_SLOTS])
		return 0;
	state->taken[EC_FREE_SLOTS] = at + 1;
	return *(ec_u32 *)shared_at(shared, EC_FREE_SLOTS, at * sizeof(ec_u32));
}

static ec_u64 to_ns(ec_u64 time, unsigned int khz)
{
	return khz ? (unsigned __int128)time * 1000000 / khz : time;
}

static void read_row(const struct ec_row *row, unsigned int khz, struct ec_reason *reason)
{
	*reason = (struct ec_reason){
		.count = row->count,
		.ns = to_ns(row->time, khz),
		.max_ns = to_ns(row->max, khz),
		.leaf_cycles = row->leaf_cycles,
		.leaf_ns = to_ns(row->leaf_time, khz),
		.leaf_timed = row->leaf_timed,
		.audit = row->audit,
	};
	for (int b = 0; b < EC_HIST_BUCKETS; b++) {
		reason->hist[b] = row->hist[b];
		reason->timed += row->hist[b];
	}
	if (reason->timed)
		reason->min_ns = to_ns(row->min, khz);
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

/* What has become of the exits, and of the one under way. False: some were made meanwhile. */
static bool read_rows(const struct shared *shared, const struct ec_slot *slot,
		      const struct shared_clock *clock, struct ec_vcpu *vcpu)
{
	const struct moment moment = moment_of(slot);
	ec_u64 timed = 0, count = 0;

	for (size_t i = 0; i < EXIT_NR_INDICES; i++) {
		if (!slot->row[i])
			continue;
		read_row(shared_at(shared, EC_ROWS, slot->row[i]), clock->khz, &vcpu->reason[i]);
		timed += vcpu->reason[i].timed;
		count += vcpu->reason[i].count;
	}
	vcpu->count = count;
	vcpu->entries = timed + vcpu->unpaired_entries;
	vcpu->open_ns = 0;
	if (!is_same(moment, moment_of(slot)))
		return false;
	timed += is_in_exit(moment);
	vcpu->lost_entries = count > timed ? count - timed : 0;
	if (is_in_exit(moment) && clock->now > moment.open) {
		const struct ec_row *row = shared_at(shared, EC_ROWS, moment.pending);

		vcpu->open_index = row->index;
		vcpu->open_ns = to_ns(clock->now - moment.open, clock->khz);
	}
	return true;
}

void shared_read(const struct shared *shared, unsigned int place, const struct shared_clock *clock,
		 struct ec_vcpu *vcpu)
{
	const struct ec_slot *slot = shared_at(shared, EC_SLOTS, place);

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
	vcpu->clock_tsc = slot->tsc[1] - slot->tsc[0];
	vcpu->clock_ns = slot->ns[1] - slot->ns[0];
	memcpy(vcpu->compared, slot->compared, sizeof(vcpu->compared));
	memcpy(vcpu->differed, slot->differed, sizeof(vcpu->differed));
	memcpy(vcpu->audit, slot->audit, sizeof(vcpu->audit));
	memcpy(vcpu->own, slot->own, sizeof(vcpu->own));
	/* Of a vCPU that never rests, lost entries are known once it does. */
	for (int try = 0; try < READ_TRIES && !read_rows(shared, slot, clock, vcpu); try++)
		;
}

static void add_reason(struct ec_reason *sum, const struct ec_reason *reason)
{
	if (reason->timed && (!sum->timed || reason->min_ns < sum->min_ns))
		sum->min_ns = reason->min_ns;
	if (reason->max_ns > sum->max_ns)
		sum->max_ns = reason->max_ns;
	sum->count += reason->count;
	sum->timed += reason->timed;
	sum->ns += reason->ns;
	for (int b = 0; b < EC_HIST_BUCKETS; b++)
		sum->hist[b] += reason->hist[b];
	ec_audit_add(&sum->audit, &reason->audit);
}

void shared_add(struct ec_vcpu *sum, const struct ec_vcpu *vcpu)
{
	sum->joined_late |= vcpu->joined_late;
	sum->accounted |= vcpu->accounted;
	sum->count += vcpu->count;
	sum->unpaired_entries += vcpu->unpaired_entries;
	sum->failed_entries += vcpu->failed_entries;
	sum->entries += vcpu->entries;
	sum->lost_entries += vcpu->lost_entries;
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
