// SPDX-License-Identifier: GPL-2.0-only
#include "tracer/details.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SUMMED 4096 /* in a sum of vCPUs */

static const struct ec_detail *at(const struct shared *shared, unsigned int place)
{
	return shared_at(shared, EC_DETAILS, place);
}

/* Room for one more: cleared. NULL: no memory. */
static struct detail *add(struct details *details, unsigned int index, ec_u64 key)
{
	if (details->nr == details->room) {
		unsigned int room = 2 * details->room + 16;
		struct detail *list = realloc(details->list, room * sizeof(*list));

		details->failed |= !list;
		if (!list)
			return NULL;
		details->list = list;
		details->room = room;
	}
	details->list[details->nr] = (struct detail){ .index = index, .key = key };
	return &details->list[details->nr++];
}

void details_read(struct details *details, const struct shared *shared, const struct ec_slot *slot,
		  unsigned int khz)
{
	unsigned int place = __atomic_load_n(&slot->details, __ATOMIC_ACQUIRE);

	details->nr = 0;
	for (; place; place = at(shared, place)->next) {
		const struct ec_detail *from = at(shared, place);
		struct detail *to = add(details, from->index, from->key);

		if (!to)
			return;
		to->ns = shared_ns(from->time, khz);
		to->max_ns = shared_ns(from->max, khz);
		for (int i = 0; i < EC_NR_PARTS; i++)
			to->part_ns[i] = shared_ns(from->part[i], khz);
		for (int b = 0; b < EC_HIST_BUCKETS; b++) {
			to->hist[b] = from->hist[b];
			to->timed += from->hist[b];
		}
	}
}

/* Whether the details of a reason sum up to it. */
static bool sums_up(const struct shared *shared, const struct ec_slot *slot, unsigned int index)
{
	const struct ec_row *row = shared_at(shared, EC_ROWS, slot->row[index]);
	ec_u32 hist[EC_HIST_BUCKETS] = { 0 };
	ec_u64 time = 0;

	for (unsigned int place = slot->details; place; place = at(shared, place)->next) {
		const struct ec_detail *detail = at(shared, place);

		if (detail->index != index)
			continue;
		time += detail->time;
		for (int b = 0; b < EC_HIST_BUCKETS; b++)
			hist[b] += detail->hist[b];
	}
	return time == row->time && !memcmp(hist, row->hist, sizeof(hist));
}

void details_check(struct details *details, const struct shared *shared, const struct ec_slot *slot)
{
	details->reasons = details->differ = 0;
	for (size_t i = 0; i < EXIT_NR_INDICES; i++) {
		const struct ec_row *row = shared_at(shared, EC_ROWS, slot->row[i]);

		if (!slot->row[i] || !row->kind)
			continue;
		details->reasons++;
		details->differ += !sums_up(shared, slot, i);
	}
}

static struct detail *find(struct details *details, unsigned int index, ec_u64 key)
{
	for (unsigned int i = 0; i < details->nr; i++)
		if (details->list[i].index == index && details->list[i].key == key)
			return &details->list[i];
	return NULL;
}

void details_add(struct details *sum, const struct details *details)
{
	sum->reasons += details->reasons;
	sum->differ += details->differ;
	for (const struct detail *from = details->list; from < details->list + details->nr;
	     from++) {
		ec_u64 key = sum->nr < MAX_SUMMED || find(sum, from->index, from->key) ?
				     from->key :
				     EC_DETAIL_OTHER;
		struct detail *to = find(sum, from->index, key) ?: add(sum, from->index, key);

		if (!to)
			return;
		to->timed += from->timed;
		to->ns += from->ns;
		for (int i = 0; i < EC_NR_PARTS; i++)
			to->part_ns[i] += from->part_ns[i];
		if (from->max_ns > to->max_ns)
			to->max_ns = from->max_ns;
		for (int b = 0; b < EC_HIST_BUCKETS; b++)
			to->hist[b] += from->hist[b];
	}
}

void details_release(struct details *details)
{
	free(details->list);
	*details = (struct details){ 0 };
}

void details_give_back(const struct shared *shared, struct ec_state *state, unsigned int slot,
		       int map)
{
	const struct ec_slot *from = shared_at(shared, EC_SLOTS, slot);
	unsigned int place = from->details;

	while (place) {
		struct ec_detail *detail = shared_at(shared, EC_DETAILS, place);
		const struct ec_detail_key key = { slot, detail->index, detail->key };
		unsigned int next = detail->next;

		bpf_map_delete_elem(map, &key);
		memset(detail, 0, sizeof(*detail));
		shared_give(shared, state, EC_FREE_DETAILS, place);
		place = next;
	}
}
