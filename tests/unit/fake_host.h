/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

/* A host as exitcheck-guest sees it: a CPUID that counts itself, as KVM does, and the leaves. */
#include <string.h>

#include "kvm/exits.h"
#include "kvm/leaf.h"

#define FAKE_NUMBERS 0x500
#define FAKE_CYCLES 100 /* that a CPUID takes */

struct fake_host {
	enum exit_isa isa;
	unsigned int abi_version, khz, features, counters;
	unsigned int next; /* a number that a newer manual defines, 0: none */
	uint64_t epoch;
	const char *vendor; /* as CPUID has it: EBX, EDX, ECX */
	bool no_leaves, foreign;
	uint32_t edx; /* of every value: what the ABI does not allow */
	uint64_t exits[FAKE_NUMBERS], cycles[FAKE_NUMBERS];
	uint64_t nowhere;		      /* exits of no number, in the total */
	unsigned int reads;		      /* CPUIDs so far */
	unsigned int last_read[FAKE_NUMBERS]; /* which one was the last of the exits of that number */
	unsigned int event_read;	      /* event() comes right before this one */
	void (*event)(void);
};

static struct fake_host fake;

static unsigned int fake_cpuid_number(void)
{
	return fake.isa == EXIT_ISA_VMX ? 10 : 0x72;
}

static void fake_reset(void)
{
	fake = (struct fake_host){
		.isa = EXIT_ISA_SVM,
		.abi_version = 2,
		.khz = 2000000,
		.features = LEAF_FEATURE_STABLE_TSC,
		.counters = EXIT_NR_DEFINED_SVM,
		.epoch = 0x123456789abcdef,
		.vendor = "AuthenticAMD",
	};
}

/* The VM goes on elsewhere. */
static void fake_new_epoch(void)
{
	memset(fake.exits, 0, sizeof(fake.exits));
	memset(fake.cycles, 0, sizeof(fake.cycles));
	fake.epoch++;
}

/* Some exits of the guest's own. */
static void fake_exit(unsigned int number, unsigned int exits, unsigned int cycles)
{
	fake.exits[number] += exits;
	fake.cycles[number] += cycles;
}

static void fake_discovery(struct probe_read *read)
{
	if (read->index == 0) {
		read->eax = fake.abi_version;
		memcpy(&read->ebx, "KVME", 4);
		memcpy(&read->ecx, "xitS", 4);
		memcpy(&read->edx, "tats", 4);
	} else if (read->index == 1) {
		read->eax = fake.khz;
		read->ebx = fake.isa;
		read->ecx = fake.features;
		read->edx = fake.counters;
	} else if (read->index == 2 && fake.abi_version >= LEAF_EPOCH_ABI_VERSION) {
		read->eax = (uint32_t)fake.epoch;
		read->ebx = fake.epoch >> 32;
	}
}

static void fake_value(struct probe_read *read)
{
	uint64_t exits = fake.nowhere, cycles = 0;
	uint32_t number = read->index;

	read->edx = fake.edx;
	if (!leaf_is_by_number(read->function)) {
		for (unsigned int i = 0; i < FAKE_NUMBERS; i++) {
			exits += fake.exits[i];
			cycles += fake.cycles[i];
		}
	} else if (exit_name(fake.isa, number) || (fake.next && number == fake.next)) {
		exits = number < FAKE_NUMBERS ? fake.exits[number] : 0;
		cycles = number < FAKE_NUMBERS ? fake.cycles[number] : 0;
	} else {
		read->edx = LEAF_UNDEFINED;
		return;
	}
	if (leaf_is_count(read->function) && leaf_is_by_number(read->function) &&
	    number < FAKE_NUMBERS)
		fake.last_read[number] = fake.reads;
	if (leaf_is_count(read->function)) {
		read->eax = (uint32_t)exits;
		/* Published implementations leave there what was there. */
		read->ebx = fake.foreign ? 0xdead : exits >> 32;
	} else {
		read->ecx = (uint32_t)cycles;
		read->ebx = cycles >> 32;
	}
}

/* An exit is counted before it is handled, and timed afterwards. */
static void fake_cpuid(struct probe_read *read)
{
	if (++fake.reads == fake.event_read)
		fake.event();
	fake.exits[fake_cpuid_number()]++;
	read->eax = read->ebx = read->ecx = read->edx = 0;
	if (!read->function) {
		memcpy(&read->ebx, fake.vendor, 4);
		memcpy(&read->edx, fake.vendor + 4, 4);
		memcpy(&read->ecx, fake.vendor + 8, 4);
	} else if (!fake.no_leaves && is_leaf(read->function)) {
		if (read->function != LEAF_DISCOVERY)
			fake_value(read);
		else if (!fake.foreign)
			fake_discovery(read);
	}
	fake.cycles[fake_cpuid_number()] += FAKE_CYCLES;
}

#endif
