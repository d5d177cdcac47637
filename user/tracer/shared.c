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

unsigned int shared_nr_places(const struct shared *shared, enum ec_region ring)
{
	return shared->extent[ring].mask / sizeof(ec_u32) + 1;
}

int shared_create(struct shared *shared, const struct shared_room *room, struct error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	unsigned int slots = power_of_two(room->vcpus + 1),
		     rows = power_of_two(room->vcpus * room->reasons + 1),
		     details = power_of_two(room->vcpus * room->details + 1);
	size_t size;
	int error;

	if (room->old) {
		slots = MIN(slots, EC_OLD_SLOTS);
		rows = MIN(rows, EC_OLD_ROWS);
	}
	*shared = (struct shared){ .fd = -1 };
	add_region(shared, EC_SLOTS, slots, sizeof(struct ec_slot));
	add_region(shared, EC_ROWS, rows, sizeof(struct ec_row));
	add_region(shared, EC_CPUS, power_of_two(room->cpus), sizeof(struct ec_cpu));
	/* What is aligned comes first. */
	add_region(shared, EC_DETAILS, details, sizeof(struct ec_detail));
	add_region(shared, EC_THREADS, room->threads ? slots : 1, sizeof(struct ec_thread));
	add_region(shared, EC_FREE_SLOTS, slots, sizeof(ec_u32));
	add_region(shared, EC_FREE_ROWS, rows, sizeof(ec_u32));
	add_region(shared, EC_FREE_DETAILS, details, sizeof(ec_u32));
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

void shared_give(const struct shared *shared, struct ec_state *state, enum ec_region ring,
		 unsigned int place)
{
	ec_u32 *given = &state->given[ring], at = *given;

	*(ec_u32 *)shared_at(shared, ring, at * sizeof(ec_u32)) = place;
	__atomic_store_n(given, at + 1, __ATOMIC_RELEASE);
}

void shared_give_all(const struct shared *shared, struct ec_state *state)
{
	for (unsigned int i = 1; i < shared_nr_places(shared, EC_FREE_SLOTS); i++)
		shared_give(shared, state, EC_FREE_SLOTS, i * sizeof(struct ec_slot));
	for (unsigned int i = 1; i < shared_nr_places(shared, EC_FREE_ROWS); i++)
		shared_give(shared, state, EC_FREE_ROWS, i * sizeof(struct ec_row));
	for (unsigned int i = 1; i < shared_nr_places(shared, EC_FREE_DETAILS); i++)
		shared_give(shared, state, EC_FREE_DETAILS, i * sizeof(struct ec_detail));
}

void shared_give_back(const struct shared *shared, struct ec_state *state, unsigned int place)
{
	struct ec_slot *slot = shared_at(shared, EC_SLOTS, place);

	for (size_t i = 0; i < EXIT_NR_INDICES; i++) {
		if (!slot->row[i])
			continue;
		memset(shared_at(shared, EC_ROWS, slot->row[i]), 0, sizeof(struct ec_row));
		shared_give(shared, state, EC_FREE_ROWS, slot->row[i]);
	}
	memset(shared_at(shared, EC_THREADS, EC_THREAD_PLACE(place)), 0, sizeof(struct ec_thread));
	memset(slot, 0, sizeof(*slot));
	shared_give(shared, state, EC_FREE_SLOTS, place);
}

unsigned int shared_take_slot(const struct shared *shared, struct ec_state *state)
{
	ec_u32 at = state->taken[EC_FREE_SLOTS];

	if (at == state->given[EC_FREE_SLOTS])
		return 0;
	state->taken[EC_FREE_SLOTS] = at + 1;
	return *(ec_u32 *)shared_at(shared, EC_FREE_SLOTS, at * sizeof(ec_u32));
}

ec_u64 shared_ns(ec_u64 time, unsigned int khz)
{
	return khz ? (unsigned __int128)time * 1000000 / khz : time;
}
