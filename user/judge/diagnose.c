// SPDX-License-Identifier: GPL-2.0-only
#include "judge/diagnose.h"

#include <stdlib.h>

#include "judge/diagnose_abi.h"
#include "judge/diagnose_audit.h"
#include "judge/diagnose_contract.h"
#include "judge/diagnose_counters.h"
#include "judge/diagnose_counts.h"
#include "judge/diagnose_elsewhere.h"
#include "judge/diagnose_mirror.h"
#include "judge/diagnose_scope.h"
#include "judge/diagnose_time.h"
#include "judge/diagnose_words.h"
#include "judge/evidence.h"
#include "judge/uncovered.h"
#include "util/text.h"

static int compare(const void *a, const void *b)
{
	const struct diagnosis *x = a, *y = b;

	if (x->confidence != y->confidence)
		return (int)x->confidence - (int)y->confidence;
	return (int)x->id - (int)y->id;
}

/* Both clocks of the host agree, and the guest's does not: the cycles are outside of both. */
static void diagnose_uncovered(struct evidence *evidence)
{
	const struct result *result = evidence->result;

	for (unsigned int i = 0; i < result->nr_spans; i++)
		if (span_has_too_much(&result->spans[i]))
			return;
	if (!evidence->failed[CHECK_TIME] && !evidence->failed[CHECK_AUDIT] &&
	    !evidence->failed[CHECK_COUNT])
		evidence_conclude(
			evidence, DIAGNOSIS_NARROW_WINDOW, CONFIDENCE_LIKELY,
			"By the guest's own clock, some exits take more than the leaves and"
			" eBPF have of them, unlike others: see UNCOVERED.");
}

/* KVM's account by its statistics, where it is right in place. */
static void diagnose_statistics(struct evidence *evidence)
{
	const struct account_found *found = &evidence->verdicts->account;

	if (found->open == found->differed)
		evidence_conclude(evidence, DIAGNOSIS_CHARGED_EARLY, CONFIDENCE_LIKELY,
				  "Each exit has its cycles once it has ended, but %s vCPUs were"
				  " charged for the one that they were still in.",
				  text_u64(found->open).s);
	else
		evidence_conclude(evidence, DIAGNOSIS_WRONG_STATISTIC, CONFIDENCE_CERTAIN,
				  "KVM's account is right in place, but %s of its exits and cycles"
				  " by number are not what KVM_GET_STATS_FD has.",
				  text_u64(found->differed).s);
}

unsigned int diagnose(const struct result *result, const struct verdicts *verdicts,
		      struct diagnosis *list)
{
	struct evidence evidence;
	bool any = false;

	for (unsigned int i = 0; i < verdicts->nr_checks; i++)
		any |= verdicts->checks[i].verdict == VERDICT_FAIL;
	if (!any || (result->leaves != LEAVES_PRESENT && result->leaves != LEAVES_MISSING) ||
	    !evidence_collect(&evidence, result, verdicts))
		return 0;
	evidence.list = list;
	if (result->leaves == LEAVES_MISSING) {
		evidence_conclude(&evidence, DIAGNOSIS_CONTRACT_VISIBILITY, CONFIDENCE_CERTAIN,
				  "KVM accepted the capability, but the guest finds no signature in"
				  " leaf 0x%08x.",
				  LEAF_DISCOVERY);
		evidence_destroy(&evidence);
		return evidence.nr;
	}
	/* If eBPF itself is wrong, nothing follows. */
	if (evidence.truth_differs) {
		evidence_conclude(
			&evidence, DIAGNOSIS_WITNESS, CONFIDENCE_LIKELY,
			"In %s reads the leaf equals what the guest executed, but eBPF's own"
			" count does not.",
			text_u64(evidence.truth_differs).s);
	} else {
		if (!diagnose_mirror(&evidence) && !diagnose_previous(&evidence) &&
		    !diagnose_never(&evidence) && !diagnose_counters(&evidence)) {
			diagnose_scope(&evidence);
			if (!diagnose_uncounted(&evidence))
				diagnose_counts(&evidence);
		}
		diagnose_words(&evidence);
		if (!diagnose_step(&evidence) && !diagnose_elsewhere(&evidence) &&
		    (!evidence.failed[CHECK_AUDIT] || evidence.failed[CHECK_COUNT] ||
		     !diagnose_audit(&evidence, false)))
			diagnose_time(&evidence);
	}
	if (evidence.failed[CHECK_UNCOVERED])
		diagnose_uncovered(&evidence);
	diagnose_registers(&evidence);
	diagnose_contract(&evidence);
	if (!evidence.nr && evidence.failed[CHECK_AUDIT])
		diagnose_audit(&evidence, true);
	if (!evidence.nr && evidence.failed[CHECK_TOTAL] && !evidence.failed[CHECK_TRUTH])
		evidence_conclude(
			&evidence, DIAGNOSIS_WRONG_TOTAL, CONFIDENCE_LIKELY,
			"All compared parts are right, but their sums are not: see TOTAL.");
	if (!evidence.nr && evidence.failed[CHECK_COUNT_VM] && !evidence.failed[CHECK_COUNT])
		evidence_conclude(&evidence, DIAGNOSIS_WRONG_TOTAL, CONFIDENCE_LIKELY,
				  "Each vCPU's own values are right, but VM-wide ones are not: see"
				  " COUNT-VM.");
	if (!evidence.nr && verdicts->account.differed && !evidence.failed[CHECK_AUDIT])
		diagnose_statistics(&evidence);
	evidence_destroy(&evidence);
	qsort(list, evidence.nr, sizeof(*list), compare);
	return evidence.nr;
}
