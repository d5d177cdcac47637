// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/leaf.h"

#include <string.h>

enum leaf_state leaf_decode(const struct probe_read *read, uint64_t *value)
{
	bool cycles = !leaf_is_count(read->function);

	if (!is_leaf(read->function) || read->function == LEAF_DISCOVERY)
		return LEAF_MALFORMED;
	if (leaf_is_by_number(read->function) && !read->eax && !read->ebx && !read->ecx &&
	    read->edx == LEAF_UNDEFINED)
		return LEAF_NUMBER_UNDEFINED;
	if (read->edx || (cycles ? read->eax : read->ecx))
		return LEAF_MALFORMED;
	*value = (uint64_t)read->ebx << 32 | (cycles ? read->ecx : read->eax);
	return LEAF_VALUE;
}

enum leaf_state leaf_foreign_decode(const struct probe_read *read, bool cycles, uint64_t *value)
{
	if (read->edx == LEAF_UNDEFINED)
		return LEAF_NUMBER_UNDEFINED;
	*value = cycles ? (uint64_t)read->ebx << 32 | read->ecx : read->eax;
	return LEAF_VALUE;
}

void leaf_discovery_decode(const struct probe_read *sub0, const struct probe_read *sub1,
			   struct leaf_discovery *discovery)
{
	const uint32_t words[3] = { sub0->ebx, sub0->ecx, sub0->edx };

	memset(discovery, 0, sizeof(*discovery));
	_Static_assert(sizeof(words) == sizeof(LEAF_SIGNATURE) - 1, "three registers");
	if (memcmp(words, LEAF_SIGNATURE, sizeof(words)))
		return;
	discovery->present = true;
	discovery->abi_version = sub0->eax;
	discovery->tsc_khz = sub1->eax;
	discovery->isa = sub1->ebx;
	discovery->features = sub1->ecx;
	discovery->nr_counters = sub1->edx;
}
