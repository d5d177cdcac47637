// SPDX-License-Identifier: GPL-2.0-only
#include "run/contract_reads.h"

#include "kvm/exits.h"
#include "kvm/workload.h"
#include "util/array.h"
#include "util/random.h"

#define RANDOM_READS 28
#define RANDOM_INDICES 12
#define POISON_LOW 0x5a5a5a5aull /* in EBX and EDX, which CPUID only returns */

/* In the upper halves: the leaf's own number, too, in case that they are mixed up with the lower. */
static const uint32_t upper_halves[] = { 0x80000000, LEAF_TOTAL_EXITS, 0xffffffff, 1 };

static void add(struct read_list *list, enum cpuid_mode mode, uint32_t function, uint32_t index,
		uint32_t upper)
{
	const uint64_t poison = (uint64_t)upper << 32;

	if (list->nr == CONTRACT_MAX_READS) {
		list->full = true;
		return;
	}
	list->reads[list->nr++] = (struct cpuid_read){
		.mode = mode,
		.in = {
			[CPUID_RAX] = poison | function,
			[CPUID_RBX] = poison | POISON_LOW,
			[CPUID_RCX] = poison | index,
			[CPUID_RDX] = poison | POISON_LOW,
		},
	};
}

static void add_poisoned(struct session *session, struct read_list *list, enum cpuid_mode mode,
			 uint32_t function, uint32_t index)
{
	add(list, mode, function, index,
	    upper_halves[random_next(&session->random) % NR(upper_halves)]);
}

void list_leaves(struct session *session, struct read_list *list, enum cpuid_mode mode)
{
	for (uint32_t leaf = LEAF_FIRST; leaf <= LEAF_LAST; leaf++) {
		uint32_t index = leaf == LEAF_DISCOVERY ? 0 : session_cpuid_number(session);

		add(list, mode, leaf, index, 0);
		if (mode == CPUID_MODE_64)
			add_poisoned(session, list, mode, leaf, index);
	}
	add(list, mode, LEAF_EXITS, 0x7fffffff, 0);
	add_poisoned(session, list, mode, LEAF_EXITS, 0x7fffffff);
	add(list, mode, LEAF_DISCOVERY, 1, 0);
	add(list, mode, LEAF_DISCOVERY, 2, 0);
}

void list_halves(struct session *session, struct read_list *list)
{
	for (uint32_t leaf = LEAF_FIRST; leaf <= LEAF_LAST; leaf++) {
		for (unsigned int i = 0; i < 2; i++) {
			add(list, CPUID_MODE_64, leaf, session_cpuid_number(session), 0);
			list->reads[list->nr - 1].in[i ? CPUID_RCX : CPUID_RAX] |= 1ull
										   << (32 + 31 * i);
		}
	}
}

void list_discovery(struct session *session, struct read_list *list)
{
	static const uint32_t reserved[] = { 0, 1, 2, 3, 0x100, 0x10000, 0x80000000, 0xffffffff };

	for (unsigned int i = 0; i < RANDOM_INDICES; i++) {
		uint32_t index = random_next(&session->random) >> (32 + i);

		add(list, CPUID_MODE_64, LEAF_DISCOVERY, index, 0);
		add_poisoned(session, list, CPUID_MODE_64, LEAF_DISCOVERY, index);
	}
	for (unsigned int i = 0; i < NR(reserved); i++) {
		add(list, CPUID_MODE_64, LEAF_DISCOVERY, reserved[i], 0);
		add_poisoned(session, list, CPUID_MODE_64, LEAF_DISCOVERY, reserved[i]);
	}
}

void list_given(struct read_list *list)
{
	add(list, CPUID_MODE_64, LEAF_DISCOVERY, 0, 0);
	for (uint32_t leaf = LEAF_FIRST; leaf <= LEAF_LAST; leaf++)
		for (uint32_t index = CONTRACT_GIVEN_INDEX - 1; index <= CONTRACT_GIVEN_INDEX + 1;
		     index++)
			add(list, CPUID_MODE_64, leaf, index, 0);
}

void list_sums(struct session *session, struct read_list *list)
{
	add(list, CPUID_MODE_64, LEAF_EXITS, session_cpuid_number(session), 0);
	add(list, CPUID_MODE_64, LEAF_VCPU_EXITS, session_cpuid_number(session), 0);
	add(list, CPUID_MODE_64, LEAF_TOTAL_EXITS, 0, 0);
	add(list, CPUID_MODE_64, LEAF_CYCLES, session_cpuid_number(session), 0);
	add(list, CPUID_MODE_64, LEAF_TOTAL_CYCLES, 0, 0);
}

void list_others(struct session *session, struct read_list *list)
{
	unsigned int number = 0;

	exit_number(session->host->isa, op_exit_index(session->host->isa, PROBE_HLT), &number);
	add(list, CPUID_MODE_64, LEAF_EXITS, number, 0);
	add(list, CPUID_MODE_64, LEAF_VCPU_EXITS, number, 0);
	add(list, CPUID_MODE_64, LEAF_VCPU_TOTAL_CYCLES, 0, 0);
	add(list, CPUID_MODE_64, LEAF_TOTAL_CYCLES, 0, 0);
	add(list, CPUID_MODE_64, LEAF_VCPU_TOTAL_CYCLES, 0, 0);
}

void list_clock(struct session *session, struct read_list *list)
{
	add(list, CPUID_MODE_64, LEAF_DISCOVERY, 1, 0);
	add(list, CPUID_MODE_64, LEAF_DISCOVERY, 2, 0);
	add(list, CPUID_MODE_64, LEAF_VCPU_CYCLES, session_cpuid_number(session), 0);
	add(list, CPUID_MODE_64, LEAF_VCPU_TOTAL_CYCLES, 0, 0);
}

void list_ordinary(struct session *session, struct read_list *list,
		   const struct contract_result *contract, unsigned int vcpu)
{
	static const uint32_t neighbours[] = {
		LEAF_FIRST - 1, LEAF_FIRST - 2, LEAF_LAST + 1, LEAF_LAST + 2,	0x4fffff00,
		0x4fffffef,	0x4ffffeff,	0x4fff0000,    0x40000000,	0x40000001,
		0x40000002,	0x400000ff,	0x40000100,    0x4fffffff >> 4, 0x0fffffff,
		0x0ffffffb,	0x3fffffff,	0x5fffffff,    0x6ffffffd,	0x7fffffff,
		0x80000000,	0x8000ffff,	0x8ffffffd,    0x8fffffff,	0xbfffffff,
		0xc0000000,	0xcfffffff,	0xcffffffb,    0xffffffff,	0xfffffffb,
	};
	const struct contract_vcpu *of = &contract->vcpus[vcpu];

	for (unsigned int i = of->first; i < of->first + of->nr; i++) {
		const struct contract_entry *entry = &contract->entries[i];

		add_poisoned(session, list, CPUID_MODE_64, entry->function, entry->index);
	}
	for (unsigned int i = 0; i < NR(neighbours); i++)
		add(list, CPUID_MODE_64, neighbours[i], i % 3, 0);
	for (unsigned int i = 0; i < RANDOM_READS; i++) {
		uint32_t function = random_next(&session->random);

		if (is_leaf(function))
			continue;
		add_poisoned(session, list, CPUID_MODE_64, function, i % 3);
		/* One bit away from a leaf. */
		function = (LEAF_FIRST + i % LEAF_NR) ^ 1u << (4 + i % 28);
		add_poisoned(session, list, CPUID_MODE_64, function, session_cpuid_number(session));
	}
}
