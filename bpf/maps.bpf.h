/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

/* The maps that the objects share: those of the programs that count may be given to the one that lists. */

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "memory.h"

/* See memory.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(ec_u32));
	__uint(value_size, sizeof(ec_u64));
} memory SEC(".maps");

/* ec_slot.key -> place of the slot. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, ec_u64);
	__type(value, ec_u32);
} by_key SEC(".maps");

/* What is at a place of a region; NULL at the verifier's word only. The mask is its bound. */
static __always_inline void *at_extent(const volatile struct ec_extent *region, ec_u32 place)
{
	ec_u32 zero = 0;
	void *all = bpf_map_lookup_elem(&memory, &zero);
	ec_u64 bounded = place;

	if (!all)
		return NULL;
	barrier_var(bounded);
	bounded &= region->mask;
	return all + region->offset + bounded;
}

#endif
