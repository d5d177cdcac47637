// SPDX-License-Identifier: GPL-2.0-only
/* The guest ABI: discovery, undefined numbers, no leaves at all. */
#include "judge/check_abi.h"

#include <stdlib.h>
#include <string.h>

#include "kvm/exits.h"
#include "util/text.h"

void check_undef(struct facts *facts, struct check *check)
{
	const struct result *result = facts->result;
	struct tally undefined = { 0 }, defined = { 0 }, tally;

	for (unsigned int i = 0; i < result->nr_reads; i++) {
		const struct probe_read *read = &result->reads[i];
		bool expect_undefined;
		uint64_t value;
		struct tally *to;

		if (read->function < LEAF_FIRST || read->function > LEAF_LAST ||
		    read->function == LEAF_DISCOVERY)
			continue;
		expect_undefined = leaf_is_by_number(read->function) &&
				   exit_index(facts->isa, read->index) == EXIT_INDEX_OTHER;
		to = expect_undefined ? &undefined : &defined;
		to->compared++;
		if (leaf_decode(read, &value) ==
		    (expect_undefined ? LEAF_NUMBER_UNDEFINED : LEAF_VALUE))
			continue;
		to->differed++;
		check_example(check, "leaf 0x%08x, %s number 0x%x: eax %x, ebx %x, ecx %x, edx %x",
			      read->function, expect_undefined ? "undefined" : "defined",
			      read->index, read->eax, read->ebx, read->ecx, read->edx);
	}
	tally = (struct tally){ .compared = undefined.compared,
				.differed = undefined.differed + defined.differed };
	check_settle(check, &tally);
	check_detail(check,
		     "%s reads of undefined numbers, %s wrong answers; %s reads of"
		     " defined numbers and totals, %s malformed",
		     text_u64(undefined.compared).s, text_u64(undefined.differed).s,
		     text_u64(defined.compared).s, text_u64(defined.differed).s);
}

/* What an undefined leaf answers, given the answer to leaf 0: zeros, or the highest basic leaf. */
static bool is_zero_for_undefined(const struct probe_read *basic)
{
	return !memcmp(&basic->ebx, "Auth", 4) || !memcmp(&basic->ebx, "Hygo", 4);
}

static bool registers_equal(const struct probe_read *a, const struct probe_read *b)
{
	return a->eax == b->eax && a->ebx == b->ebx && a->ecx == b->ecx && a->edx == b->edx;
}

/* What an undefined leaf answers on a KVM without the exit leaves. */
static const struct probe_read *plain_answer(const struct result *result, uint32_t index)
{
	static const struct probe_read zeros;
	const struct probe_read *basic = NULL, *answer = &zeros;

	for (unsigned int i = 0; i < result->nr_reads; i++) {
		const struct probe_read *read = &result->reads[i];

		if (!basic && !read->function)
			basic = read;
		if (basic && !is_zero_for_undefined(basic) && read->function == basic->eax &&
		    read->index == index)
			answer = read;
	}
	return answer;
}

bool read_is_ordinary(const struct result *result, const struct probe_read *read)
{
	for (unsigned int i = 0; i < result->nr_given; i++)
		if (result->given[i].function == read->function &&
		    result->given[i].index == read->index)
			return registers_equal(&result->given[i], read);
	return read->function != LEAF_FIRST - 1 ||
	       registers_equal(read, plain_answer(result, read->index));
}

/* What DISCOVERY found. */
struct discovery {
	struct check *check;
	struct tally tally;
	unsigned int reserved, signatures;
};

#define DEMAND(discovery, holds, ...)                                   \
	do {                                                            \
		(discovery)->tally.compared++;                          \
		if (!(holds)) {                                         \
			(discovery)->tally.differed++;                  \
			check_example((discovery)->check, __VA_ARGS__); \
		}                                                       \
	} while (0)

/* One answer of the discovery leaf, but for index 1, of which result->discovery has been made. */
static void judge_discovery(const struct result *result, struct discovery *d,
			    const struct probe_read *read)
{
	struct leaf_discovery again;

	if (!read->index) {
		leaf_discovery_decode(read, read, &again);
		d->signatures++;
		DEMAND(d, again.present, "a VM or vCPU finds no signature");
	} else if (read->index == 2 && result->discovery.abi_version >= LEAF_EPOCH_ABI_VERSION) {
		DEMAND(d, !read->ecx && !read->edx, "epoch: ecx %x, edx %x", read->ecx, read->edx);
	} else if (read->index >= 2) {
		d->reserved++;
		DEMAND(d, !read->eax && !read->ebx && !read->ecx && !read->edx,
		       "reserved index 0x%x: eax %x, ebx %x, ecx %x, edx %x", read->index,
		       read->eax, read->ebx, read->ecx, read->edx);
	}
}

void check_discovery(struct facts *facts, struct check *check)
{
	const struct result *result = facts->result;
	const struct leaf_discovery *found = &result->discovery;
	struct discovery d = { .check = check };

	DEMAND(&d, result->host.exit_leaves == EXIT_LEAVES_ALL || result->opt_in,
	       "the VM has the leaves, but did not enable them");
	DEMAND(&d, result->host.exit_leaves != EXIT_LEAVES_OFF,
	       "the VM has the leaves, but kvm.exit_leaves=off");
	DEMAND(&d, found->abi_version && found->abi_version <= LEAF_ABI_VERSION,
	       "ABI version %u, not 1 to %u", found->abi_version, LEAF_ABI_VERSION);
	DEMAND(&d, found->isa == facts->isa, "ISA %u, not %u (%s)", found->isa, facts->isa,
	       isa_name(facts->isa));
	DEMAND(&d, found->nr_counters == exit_nr_defined(facts->isa), "%u counters, not %u",
	       found->nr_counters, exit_nr_defined(facts->isa));
	DEMAND(&d,
	       llabs((long long)found->tsc_khz - result->host.tsc_khz) * 1000 <=
		       result->host.tsc_khz,
	       "TSC %u kHz, but KVM_GET_TSC_KHZ %u kHz", found->tsc_khz, result->host.tsc_khz);
	/* A kernel that takes its TSC for unstable has another clock source. */
	DEMAND(&d,
	       (found->features & LEAF_FEATURE_STABLE_TSC) || !result->host.invariant_tsc ||
		       strcmp(result->host.clocksource, "tsc") || *result->next_clocksource,
	       "feature bit 0 is clear, but the host's TSC is stable");
	for (unsigned int i = 0; i < result->nr_reads; i++) {
		const struct probe_read *read = &result->reads[i];

		if (read->function == LEAF_DISCOVERY)
			judge_discovery(result, &d, read);
		if (read->function == 0)
			DEMAND(&d, read->eax < 0x40000000, "highest basic leaf 0x%x", read->eax);
		DEMAND(&d, read_is_ordinary(result, read),
		       "ordinary leaf 0x%x: eax %x, ebx %x, ecx %x, edx %x", read->function,
		       read->eax, read->ebx, read->ecx, read->edx);
		if (read->function == 0x40000000)
			DEMAND(&d, read->eax < LEAF_FIRST || read->eax > LEAF_LAST,
			       "highest hypervisor leaf 0x%x", read->eax);
	}
	check_settle(check, &d.tally);
	check_detail(check,
		     "ABI %u, %s, %u counters, TSC %s kHz (KVM: %s); signature read %u times,"
		     " %u reserved indices",
		     found->abi_version, isa_name(facts->isa), found->nr_counters,
		     text_u64(found->tsc_khz).s, text_u64(result->host.tsc_khz).s, d.signatures,
		     d.reserved);
}

void check_unpatched(struct facts *facts, struct check *check)
{
	const struct result *result = facts->result;
	const struct probe_read *plain = NULL;
	struct tally tally = { 0 };

	/* An undefined leaf shows what this guest gets for one, see run/single.c. */
	for (unsigned int i = 0; i < result->nr_reads; i++) {
		const struct probe_read *read = &result->reads[i];

		if (read->function < LEAF_FIRST - 1 || read->function > LEAF_LAST)
			continue;
		if (read->function == LEAF_FIRST - 1) {
			plain = read;
			continue;
		}
		if (!plain || plain->index != read->index)
			continue;
		tally.compared++;
		if (registers_equal(read, plain))
			continue;
		tally.differed++;
		check_example(check, "leaf 0x%08x, index %u: eax %x, ebx %x, ecx %x, edx %x",
			      read->function, read->index, read->eax, read->ebx, read->ecx,
			      read->edx);
	}
	check_settle(check, &tally);
	check_detail(check,
		     "no signature; %s reads of the leaves answer like a leaf that does not"
		     " exist, %s do not",
		     text_u64(tally.compared - tally.differed).s, text_u64(tally.differed).s);
}
