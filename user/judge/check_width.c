// SPDX-License-Identifier: GPL-2.0-only
/* Counters and sums that cross a width. */
#include "judge/check_width.h"

#include "util/text.h"

#define MOST_CYCLES (1ull << 44) /* that the few exits take */

bool width_holds(const struct result_width *width, uint64_t *value)
{
	const uint64_t expected = width->begun + width->executed;
	const uint32_t function = width->read.function;

	if (leaf_decode(&width->read, value) != LEAF_VALUE)
		return false;
	if (!leaf_is_count(function))
		return *value >= width->begun && *value - width->begun < MOST_CYCLES;
	if (leaf_is_by_number(function))
		return *value == expected;
	return *value >= expected && *value - expected < WIDTH_OTHER_EXITS;
}

void check_width(struct facts *facts, struct check *check)
{
	const struct result *result = facts->result;
	struct tally tally = { 0 };
	uint64_t crossed = 0;

	if (!result->nr_widths) {
		check_detail(check,
			     "counters begin at 0 here: only with tests/mutants/start.patch can"
			     " they begin close to 2^16, 2^32 and 2^48");
		return;
	}
	for (unsigned int i = 0; i < result->nr_widths; i++) {
		const struct result_width *width = &result->widths[i];
		uint64_t value = 0;

		tally.compared++;
		crossed += (width->begun ^ (width->begun + width->executed)) >> 16 != 0;
		if (width_holds(width, &value))
			continue;
		tally.differed++;
		check_example(check, "leaf 0x%x, begun at %s, after %s CPUIDs: %s",
			      width->read.function, text_u64(width->begun).s,
			      text_u64(width->executed).s, text_u64(value).s);
	}
	check_settle(check, &tally);
	check_detail(
		check,
		"%s reads of counters and sums that began close to 2^16, 2^32 and 2^48, %s when"
		" they had crossed it: %s different",
		text_u64(tally.compared).s, text_u64(crossed).s, text_u64(tally.differed).s);
}
