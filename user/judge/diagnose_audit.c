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

bool diagnose_audit(struct evidence *evidence, const struct audit *audit, bool any)
{
	double share;
	const struct audit_fault *fault = audit_common(audit, &share);
	bool clear = fault && share >= CLEAR && !is_by_reason(audit) &&
		     (fault->group.cpu >= 0 || fault->group.circumstance >= 0 ||
		      (fault->group.vcpu && evidence->result->nr_vcpus > 1));
	struct audit_place place;
	uint64_t wrong;

	if (!fault || !(clear || any))
		return false;
	place = audit_place(audit, &fault->group);
	wrong = fault->untimed + fault->exceeded + fault->beyond;
	if (fault->differed)
		evidence_conclude(evidence, DIAGNOSIS_SOME_UNCOUNTED,
				  clear ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
				  "KVM's count is not eBPF's after %s of %s exits that have this in"
				  " common: %s.",
				  text_u64(fault->differed).s, text_u64(fault->exits).s, place.s);
	else
		evidence_conclude(evidence, DIAGNOSIS_SOME_UNTIMED,
				  clear ? CONFIDENCE_LIKELY : CONFIDENCE_POSSIBLE,
				  "The cycles of %s of %s exits are wrong that have this in"
				  " common: %s.",
				  text_u64(wrong).s, text_u64(fault->exits).s, place.s);
	return true;
}
