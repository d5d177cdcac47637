// SPDX-License-Identifier: GPL-2.0-only
/* Values of 64 bits in registers of 32. */
#include "judge/diagnose_words.h"

#include "judge/check_width.h"
#include "util/text.h"

/* Reads of a value that has a high word. */
static unsigned int reads_with_high(const struct result *result)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < result->nr_reads; i++) {
		uint64_t value;

		nr += leaf_decode(&result->reads[i], &value) == LEAF_VALUE && value >> 32;
	}
	return nr;
}

/*
 * Whether a sweep's total of cycles is below 2^32, while the last reads of the vCPU's reasons sum
 * up to more.
 */
static bool total_is_wrapped(const struct result *result, const struct result_sweep *sweep)
{
	const struct probe_read *reads = sweep_reads(result, sweep);
	uint64_t cycles[EXIT_NR_INDICES] = { 0 }, sum = 0, total = 0, value;

	for (unsigned int i = 0; i < sweep->nr_reads; i++) {
		unsigned int index = exit_index(result->host.isa, reads[i].index);

		if (leaf_decode(&reads[i], &value) != LEAF_VALUE)
			continue;
		if (reads[i].function == LEAF_VCPU_TOTAL_CYCLES)
			total = value;
		else if (reads[i].function == LEAF_VCPU_CYCLES && index < EXIT_NR_INDICES)
			cycles[index] = value;
	}
	for (unsigned int index = 0; index < EXIT_NR_INDICES; index++)
		sum += cycles[index];
	return sum >> 32 && !(total >> 32);
}

static unsigned int wrapped_totals(const struct result *result)
{
	unsigned int wrapped = 0;

	for (unsigned int s = 0; s < result->nr_sweeps; s++)
		wrapped += result->sweeps[s].kind == SWEEP_FULL &&
			   total_is_wrapped(result, &result->sweeps[s]);
	return wrapped;
}

/*
 * Counters that began close to a width: whether the wrong ones are right in their low words, and
 * whether any has a high word.
 */
static void diagnose_width(struct evidence *evidence)
{
	const struct result *result = evidence->result;
	uint64_t low = 0, wrong = 0, high = 0;

	for (unsigned int i = 0; i < result->nr_widths; i++) {
		const struct result_width *width = &result->widths[i];
		uint64_t value, distance;

		if (!leaf_is_count(width->read.function))
			continue;
		high += width->read.ebx != 0;
		if (width_holds(width, &value))
			continue;
		distance = (uint32_t)(value - width->begun - width->executed);
		wrong++;
		low += distance < WIDTH_OTHER_EXITS;
	}
	if (!wrong || low < wrong)
		return;
	if (high)
		evidence_conclude(evidence, DIAGNOSIS_TRUNCATED_32, CONFIDENCE_CERTAIN,
				  "%s values of counters that began close to 2^32 or beyond lack a"
				  " multiple of 2^32; %s others are above it.",
				  text_u64(wrong).s, text_u64(high).s);
	else
		evidence_conclude(evidence, DIAGNOSIS_MASKED_HIGH, CONFIDENCE_CERTAIN,
				  "EBX is 0 in all exits, also in the %s values that must be above"
				  " 2^32.",
				  text_u64(wrong).s);
}

void diagnose_words(struct evidence *evidence)
{
	const struct result *result = evidence->result;
	uint64_t wrapped = evidence->counts_wrapped + evidence->cycles_wrapped;
	unsigned int totals = wrapped_totals(result), high = reads_with_high(result);
	bool counts = evidence->counts_as == READING_SWAPPED;

	if (evidence->failed[CHECK_WIDTH] && !evidence->failed[CHECK_COUNT])
		diagnose_width(evidence);
	if (counts || evidence->cycles_as == READING_SWAPPED) {
		evidence_conclude(
			evidence, DIAGNOSIS_HI_LO_SWAPPED, CONFIDENCE_CERTAIN,
			"With their words exchanged %s of %s wrong values of %s are right.",
			text_u64(counts ? evidence->counts_swapped : evidence->cycles_swapped).s,
			text_u64(counts ? evidence->counts_wrong : evidence->cycles_wrong).s,
			counts ? "exits" : "cycles");
		return;
	}
	if (wrapped && high)
		evidence_conclude(evidence, DIAGNOSIS_TRUNCATED_32, CONFIDENCE_CERTAIN,
				  "%s values lack a multiple of 2^32, as counters of 32 bits do; %u"
				  " others, sums among them, are above 2^32.",
				  text_u64(wrapped).s, high);
	else if (wrapped || (totals && !high))
		evidence_conclude(evidence, DIAGNOSIS_MASKED_HIGH, CONFIDENCE_LIKELY,
				  "EBX is 0 in every leaf, also in the %s values that must be above"
				  " 2^32.",
				  text_u64(wrapped + totals).s);
}
