// SPDX-License-Identifier: GPL-2.0-only
#include "judge/diagnose_contract.h"

#include <stdio.h>

#include "util/array.h"
#include "util/text.h"

/* Lines whose failure is a defect by itself, whatever else is wrong. */
static const struct {
	enum contract_line_id line;
	enum diagnosis_id diagnosis;
} direct[] = {
	{ CONTRACT_LINE_CAPABILITY, DIAGNOSIS_CONTRACT_CAPABILITY },
	{ CONTRACT_LINE_VISIBILITY, DIAGNOSIS_CONTRACT_VISIBILITY },
	{ CONTRACT_LINE_ACCOUNTED, DIAGNOSIS_CONTRACT_VISIBILITY },
	{ CONTRACT_LINE_ENTRIES, DIAGNOSIS_CONTRACT_ENTRY },
	{ CONTRACT_LINE_EPOCH, DIAGNOSIS_CONTRACT_EPOCH },
	{ CONTRACT_LINE_CLOCK, DIAGNOSIS_CONTRACT_CLOCK },
	{ CONTRACT_LINE_ORDINARY, DIAGNOSIS_ORDINARY_LEAF },
};

static bool is_concluded(const struct evidence *evidence, enum diagnosis_id id)
{
	for (unsigned int i = 0; i < evidence->nr; i++)
		if (evidence->list[i].id == id)
			return true;
	return false;
}

/* Whether it has been concluded, which is certain now. */
static bool make_certain(struct evidence *evidence, enum diagnosis_id id)
{
	for (unsigned int i = 0; i < evidence->nr; i++) {
		if (evidence->list[i].id != id)
			continue;
		evidence->list[i].confidence = CONFIDENCE_CERTAIN;
		return true;
	}
	return false;
}

static void diagnose_lines(struct evidence *evidence, const struct contract *found)
{
	for (unsigned int i = 0; i < NR(direct); i++) {
		const struct contract_line *line = &found->lines[direct[i].line];

		/* Some exits, or some vCPUs, are not counted: another defect. */
		if (direct[i].line == CONTRACT_LINE_ACCOUNTED &&
		    (found->sums_wrong || evidence->verdicts->audit.differed))
			continue;
		if (line->differed && !is_concluded(evidence, direct[i].diagnosis))
			evidence_conclude(evidence, direct[i].diagnosis, CONFIDENCE_CERTAIN,
					  "%s of %s comparisons differ, the first: %s.",
					  text_u64(line->differed).s, text_u64(line->compared).s,
					  line->example);
	}
}

/* "compatibility mode, CPL 0; real mode" */
static void name_modes(const struct contract *found, char *names, size_t size)
{
	size_t n = 0;

	names[0] = '\0';
	for (int mode = 0; mode < NR_CPUID_MODES; mode++)
		if (found->mode_wrong[mode] && n < size)
			n += snprintf(names + n, size - n, "%s%s", n ? "; " : "",
				      cpuid_mode_name(mode));
}

static void diagnose_reads(struct evidence *evidence, const struct contract *found)
{
	char modes[256];

	name_modes(found, modes, sizeof(modes));
	if (*modes)
		evidence_conclude(evidence, DIAGNOSIS_CONTRACT_MODE, CONFIDENCE_CERTAIN,
				  "What is right in 64-bit mode at CPL 0 is wrong in %s.", modes);
	if (found->upper_wrong)
		evidence_conclude(evidence, DIAGNOSIS_CONTRACT_REGISTERS, CONFIDENCE_CERTAIN,
				  "%s reads are wrong with something in the upper halves of the"
				  " registers, and right without.",
				  text_u64(found->upper_wrong).s);
	else if (found->upper_set)
		evidence_conclude(evidence, DIAGNOSIS_CONTRACT_REGISTERS, CONFIDENCE_CERTAIN,
				  "%s answers have something in the upper half of a register.",
				  text_u64(found->upper_set).s);
	if (found->left_over && !make_certain(evidence, DIAGNOSIS_UNINITIALISED_REGISTER))
		evidence_conclude(evidence, DIAGNOSIS_UNINITIALISED_REGISTER, CONFIDENCE_CERTAIN,
				  "In %s reads EDX still holds what the guest left there.",
				  text_u64(found->left_over).s);
	if (found->sums_wrong)
		evidence_conclude(evidence, DIAGNOSIS_CONTRACT_SUM, CONFIDENCE_CERTAIN,
				  "%s VM-wide values of a VM of %u vCPUs lack exactly what vCPU %u"
				  " and all later ones have executed.",
				  text_u64(found->sums_wrong).s, found->vcpus, found->sums_end);
	if (found->has_open)
		evidence_conclude(
			evidence, DIAGNOSIS_CONTRACT_SUM, CONFIDENCE_CERTAIN,
			"VM-wide cycles grow while a vCPU is blocked in KVM, by those of the"
			" exit that it is blocked in.");
	if (found->lines[CONTRACT_LINE_DISCOVERY].differed)
		evidence_conclude(evidence, DIAGNOSIS_CONTRACT_DISCOVERY, CONFIDENCE_CERTAIN,
				  "%s of %s reads of the discovery leaf differ, the first: %s.",
				  text_u64(found->lines[CONTRACT_LINE_DISCOVERY].differed).s,
				  text_u64(found->lines[CONTRACT_LINE_DISCOVERY].compared).s,
				  found->lines[CONTRACT_LINE_DISCOVERY].example);
}

void diagnose_contract(struct evidence *evidence)
{
	const struct contract *found = &evidence->verdicts->contract;

	if (!found->judged)
		return;
	diagnose_lines(evidence, found);
	/*
	 * Where an exit here and there is not counted, or not in a sum, it is by chance which of these reads
	 * are wrong.
	 */
	if (!evidence->verdicts->audit.differed &&
	    (found->sums_wrong || !evidence->failed[CHECK_COUNT_VM] ||
	     evidence->failed[CHECK_COUNT]))
		diagnose_reads(evidence, found);
}
