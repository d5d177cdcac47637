// SPDX-License-Identifier: GPL-2.0-only
#include "judge/diagnose_audit.h"

#include "util/text.h"

#define CLEAR 0.8 /* of audit_common()'s share */

/* Whether the exits without cycles are all that some reasons have: that is early-return's pattern. */
static bool is_by_reason(const struct audit *audit)
{
	uint64_t untimed = 0;

	for (unsigned int i = 0; i < audit->nr_faults; i++) {
		const struct audit_fault *fault = &audit->faults[i];

		if (fault->group.index >= 0 && !fault->group.vcpu && !fault->group.workload &&
		    fault->untimed >= CLEAR * fault->exits)
			untimed += fault->untimed;
	}
	return untimed && untimed >= CLEAR * audit->untimed;
}

/* Which defect a group that is wrong speaks for. */
static enum diagnosis_id defect(const struct audit_fault *fault)
{
	if (fault->differed)
		return DIAGNOSIS_SOME_UNCOUNTED;
	/* A handler that leaves to user space passes the end stamp by. */
	if (fault->group.circumstance == EC_USER_SPACE && fault->untimed >= CLEAR * fault->exits)
		return DIAGNOSIS_EARLY_RETURN;
	if (fault->exceeded > fault->untimed + fault->beyond)
		return DIAGNOSIS_SOME_OVERCHARGED;
	return DIAGNOSIS_SOME_UNTIMED;
}

bool diagnose_audit(struct evidence *evidence, const struct audit *audit, bool any)
{
	double share;
	const struct audit_fault *fault = audit_common(audit, &share);
	bool clear = fault && share >= CLEAR && !is_by_reason(audit) &&
		     (fault->group.cpu >= 0 || fault->group.circumstance >= 0 ||
		      (fault->group.vcpu && evidence->result->nr_vcpus > 1));
	enum confidence confidence = clear ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE;
	struct audit_place place;
	uint64_t wrong;

	if (!fault || !(clear || any))
		return false;
	place = audit_place(audit, &fault->group);
	if (fault->differed) {
		evidence_conclude(
			evidence, defect(fault), confidence,
			"KVM did not count %s of %s exits once that have this in common: %s.",
			text_u64(fault->differed).s, text_u64(fault->exits).s, place.s);
		return true;
	}
	/* One without cycles lacks as many as any. */
	wrong = fault->exceeded + (fault->beyond > fault->untimed ? fault->beyond : fault->untimed);
	evidence_conclude(evidence, defect(fault), confidence,
			  "The cycles of %s of %s exits are wrong that have this in common: %s.",
			  text_u64(wrong).s, text_u64(fault->exits).s, place.s);
	return true;
}

bool diagnose_uncounted(struct evidence *evidence, const struct audit *audit)
{
	double share;
	const struct audit_fault *fault = audit_common(audit, &share);

	return fault && fault->differed && fault->group.circumstance >= 0 && share >= CLEAR &&
	       diagnose_audit(evidence, audit, false);
}
