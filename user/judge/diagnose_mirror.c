// SPDX-License-Identifier: GPL-2.0-only
#include "judge/diagnose_mirror.h"

#include "util/text.h"

#define MIN_VALUES 8

/* Values of vCPUs with siblings, in their last sweeps. */
struct mirrors {
	unsigned int own_right, own_is_sum; /* of the leaves of the calling vCPU */
	unsigned int sum_right, sum_is_own; /* of the VM-wide ones */
	unsigned int other;		    /* wrong in another way */
};

static void see(const struct vcpu_tracks *tracks, unsigned int index, struct mirrors *mirrors)
{
	const struct track *own = &tracks->leaf[0][index], *sum = &tracks->leaf[1][index];
	const bool equal = own->last_value == sum->last_value;

	if (!own->reads || !sum->reads)
		return;
	/* No sibling has such exits. */
	if (equal && !own->last_error && !sum->last_error)
		return;
	if (own->last_error)
		own->last_error > 0 && equal ? mirrors->own_is_sum++ : mirrors->other++;
	else
		mirrors->own_right++;
	if (sum->last_error)
		sum->last_error < 0 && equal ? mirrors->sum_is_own++ : mirrors->other++;
	else
		mirrors->sum_right++;
}

bool diagnose_mirror(struct evidence *evidence)
{
	const struct result *result = evidence->result;
	struct mirrors mirrors = { 0 };

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		if (result_vm_vcpus(result, v) < 2)
			continue;
		/* Between two reads there are CPUIDs, and what the host causes. */
		for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++)
			if (!evidence->facts.asynchronous[index] &&
			    index != evidence->facts.op_index[PROBE_CPUID])
				see(&evidence->vcpus[v], index, &mirrors);
	}
	if (mirrors.other)
		return false;
	if (mirrors.own_is_sum >= MIN_VALUES && !mirrors.own_right && !mirrors.sum_is_own)
		evidence_conclude(
			evidence, DIAGNOSIS_MIRROR_SWAPPED, CONFIDENCE_CERTAIN,
			"All %u values of the calling vCPU that have been compared are the"
			" VM's, and no vCPU's own.",
			mirrors.own_is_sum);
	else if (mirrors.sum_is_own >= MIN_VALUES && !mirrors.sum_right && !mirrors.own_is_sum)
		evidence_conclude(evidence, DIAGNOSIS_MIRROR_SWAPPED, CONFIDENCE_CERTAIN,
				  "All %u VM-wide values that have been compared are those of the"
				  " calling vCPU alone.",
				  mirrors.sum_is_own);
	else
		return false;
	return true;
}

/* Values of a vCPU's own leaves. */
static void see_own(const struct evidence *evidence, unsigned int v, unsigned int *right,
		    unsigned int *none, unsigned int *other)
{
	*right = *none = *other = 0;
	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		const struct track *own = &evidence->vcpus[v].leaf[0][index];

		if (!own->reads || (!own->last_value && !own->last_error))
			continue;
		if (!own->last_error)
			++*right;
		else if (!own->last_value)
			++*none;
		else
			++*other;
	}
}

bool diagnose_never(struct evidence *evidence)
{
	const struct result *result = evidence->result;
	unsigned int never = 0, sound = 0, example = 0;

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		unsigned int right, none, other;

		see_own(evidence, v, &right, &none, &other);
		if (other || (right && none))
			return false;
		sound += right > 0;
		if (none > 1)
			example = never++ ? example : v;
	}
	if (!never || !sound)
		return false;
	evidence_conclude(
		evidence, DIAGNOSIS_VCPUS_NEVER, CONFIDENCE_CERTAIN,
		"%u of %u vCPUs have no exits at all in their leaves, the first VM %u vCPU"
		" %u; those of the others are right.",
		never, never + sound, result->vcpus[example].vm, result->vcpus[example].id);
	return true;
}

bool diagnose_previous(struct evidence *evidence)
{
	/* Of the wrong ones, half as many have another kind of value before them. */
	if (evidence->counts_previous < MIN_VALUES ||
	    3 * evidence->counts_previous < evidence->counts_wrong)
		return false;
	evidence_conclude(evidence, DIAGNOSIS_SHARED_STATE, CONFIDENCE_LIKELY,
			  "%s of %s wrong values of exits are those that the read before should"
			  " have had.",
			  text_u64(evidence->counts_previous).s,
			  text_u64(evidence->counts_wrong).s);
	return true;
}
