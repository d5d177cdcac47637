// SPDX-License-Identifier: GPL-2.0-only
#include "judge/diagnose_audit.h"

#include "judge/audit_shared.h"
#include "judge/diagnose_time.h"
#include "util/text.h"

/* Of audit_shared's share: what is wrong is that property's alone; it is mostly; it has nothing in common. */
#define CLEAR 0.75
#define MOSTLY 0.5
#define NOTHING 0.2
#define NEARLY_ALL 0.8
#define RIVAL 0.02 /* a property that explains as much but for this does so as well */

/* Which defect such exits speak for. */
static enum diagnosis_id defect(const struct audit_shared *shared)
{
	const struct ec_audit *exits = &shared->exits;

	if (shared->sign == AUDIT_SIGN_COUNT)
		return DIAGNOSIS_SOME_UNCOUNTED;
	/* A handler that leaves to user space passes the end stamp by; or another reason's does. */
	if ((shared->circumstance == EC_USER_SPACE || shared->is_reason) &&
	    exits->untimed >= NEARLY_ALL * (double)shared->nr)
		return DIAGNOSIS_EARLY_RETURN;
	if (shared->sign == AUDIT_SIGN_CHARGE && exits->exceeded > exits->untimed)
		return DIAGNOSIS_SOME_OVERCHARGED;
	return DIAGNOSIS_SOME_UNTIMED;
}

static const char *verb(const struct audit_shared *shared)
{
	return shared->sign == AUDIT_SIGN_COUNT ? "not counted once" :
	       shared->sign == AUDIT_SIGN_BIAS	? "charged too few cycles" :
	       shared->exits.exceeded > shared->exits.untimed ?
						 "charged more cycles than they took" :
						 "charged no cycles";
}

static void conclude_nothing(struct evidence *evidence, const struct audit *audit)
{
	const struct text nr = text_u64(audit->compared);

	if (audit->differed)
		evidence_conclude(evidence, DIAGNOSIS_SOME_UNCOUNTED, CONFIDENCE_POSSIBLE,
				  "%s of %s exits are not counted once, now and then: reason, vCPU,"
				  " CPU and what the vCPU did tell nothing of which.",
				  text_u64(audit->differed).s, nr.s);
	else if (audit->untimed > audit->exceeded)
		evidence_conclude(
			evidence, DIAGNOSIS_SOME_UNTIMED, CONFIDENCE_POSSIBLE,
			"%s of %s exits are charged no cycles, now and then: reason, vCPU,"
			" CPU and what the vCPU did tell nothing of which.",
			text_u64(audit->untimed).s, nr.s);
	else if (audit->exceeded)
		evidence_conclude(evidence, DIAGNOSIS_SOME_OVERCHARGED, CONFIDENCE_POSSIBLE,
				  "%s of %s exits are charged more cycles than they took, now and"
				  " then: reason, vCPU, CPU and what the vCPU did tell nothing of"
				  " which.",
				  text_u64(audit->exceeded).s, nr.s);
}

bool diagnose_audit(struct evidence *evidence, bool any)
{
	const struct audit *audit = &evidence->verdicts->audit;
	struct audit_shared shared;
	double scale;
	bool found = audit_find_shared(evidence->result, audit, &shared), clear;

	/* What vCPUs at the same time have too much of is another one's. */
	clear = found && shared.share >= CLEAR && !shared.is_reason &&
		!(shared.is_several && shared.exits.exceeded > shared.exits.untimed) &&
		/* All reasons of a vCPU that stayed on one CPU are as wrong as that CPU is. */
		!(shared.sign == AUDIT_SIGN_BIAS && !shared.is_cpu && time_is_general(evidence)) &&
		!(shared.circumstance == EC_LONG && time_is_scaled(evidence, &scale));
	if (!clear && !any)
		return false;
	if (found && shared.share >= MOSTLY)
		evidence_conclude(evidence, defect(&shared),
				  clear && shared.next < shared.share - RIVAL ? CONFIDENCE_LIKELY :
										CONFIDENCE_POSSIBLE,
				  "%s of %s exits are %s that have this in common, and hardly any"
				  " others: %s.",
				  text_u64(shared.wrong).s, text_u64(shared.nr).s, verb(&shared),
				  shared.what);
	else if (!found || shared.share < NOTHING)
		conclude_nothing(evidence, audit);
	return true;
}

bool diagnose_uncounted(struct evidence *evidence)
{
	struct audit_shared shared;

	return audit_find_shared(evidence->result, &evidence->verdicts->audit, &shared) &&
	       shared.sign == AUDIT_SIGN_COUNT && shared.circumstance >= 0 &&
	       shared.share >= CLEAR && diagnose_audit(evidence, false);
}
