// SPDX-License-Identifier: GPL-2.0-only
/* Counters that go down or stand still: cleared, wrapped, saturated. */
#include "judge/diagnose_counters.h"

#include "util/text.h"

/* The exits that were not counted once, of those that are kept. */
struct steps {
	unsigned int down, stood, other; /* the count went down, did not move, went up by more */
	bool same;			 /* all that went down lost as many: */
	uint64_t lost;
	uint64_t least_at; /* the lowest count at which one stood */
	const struct ec_difference *example;
};

static struct steps find_steps(const struct result *result)
{
	struct steps steps = { .same = true, .least_at = UINT64_MAX };

	for (unsigned int i = 0; i < result->nr_differences; i++) {
		const struct ec_difference *difference = &result->differences[i];
		uint64_t lost = difference->ebpf - difference->kvm;

		if (!(difference->faults & EC_DIFFERED))
			continue;
		if (difference->kvm >= difference->ebpf) {
			steps.other++;
		} else if (lost == 1) {
			steps.stood++;
			if (difference->ebpf < steps.least_at)
				steps.least_at = difference->ebpf;
		} else {
			steps.same &= !steps.down || lost == steps.lost;
			steps.lost = lost;
			steps.example = steps.down++ ? steps.example : difference;
		}
	}
	return steps;
}

/* Whether no counter passes that value, and all below it is right. */
static bool stands_from(const struct result *result, uint64_t at)
{
	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		for (unsigned int index = 0; index < EXIT_NR_INDICES; index++) {
			const struct ec_reason *reason = &result->vcpus[v].bpf.reason[index];
			uint64_t beyond = reason->count >= at ? reason->count - at + 1 : 0;

			/* The last exit may not have ended. */
			if (reason->audit.differed > beyond || reason->audit.differed + 1 < beyond)
				return false;
		}
	}
	return true;
}

static void conclude_down(struct evidence *evidence, const struct steps *steps)
{
	const struct ec_difference *first = steps->example;
	const struct text at = text_u64(first->ebpf), lost = text_u64(steps->lost);
	const struct reason_text reason = reason_text(evidence, first->index);

	if (steps->same && !steps->stood && (steps->down > 1 || !(steps->lost & (steps->lost - 1))))
		evidence_conclude(
			evidence, DIAGNOSIS_WRAPPED,
			steps->down > 1 ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
			"Counts began again, %u in all, each time %s lower than eBPF's, the"
			" first at exit %s of %s: a counter has %s values.",
			steps->down, lost.s, at.s, reason.s, lost.s);
	else
		evidence_conclude(
			evidence, DIAGNOSIS_CLEARED, CONFIDENCE_LIKELY,
			"Counts went down, %u in all, and on from there: %s was %s after %s"
			" exits.",
			steps->down, reason.s, text_u64(first->kvm).s, at.s);
}

bool diagnose_counters(struct evidence *evidence)
{
	const struct result *result = evidence->result;
	const struct steps steps = find_steps(result);

	/* Counts that come back up are those of something else, such as another CPU. */
	if (!evidence->verdicts->audit.differed || steps.other)
		return false;
	/* A count of one that was cleared looks as if it had stood. */
	if (steps.down > steps.stood)
		conclude_down(evidence, &steps);
	else if (steps.stood > 1 && !steps.down && steps.least_at > 1 &&
		 stands_from(result, steps.least_at))
		evidence_conclude(evidence, DIAGNOSIS_SATURATED, CONFIDENCE_CERTAIN,
				  "No count passes %s: %s exits beyond it are missing, and none"
				  " below it.",
				  text_u64(steps.least_at - 1).s,
				  text_u64(evidence->verdicts->audit.differed).s);
	else
		return false;
	return true;
}
