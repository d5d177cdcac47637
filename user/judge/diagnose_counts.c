// SPDX-License-Identifier: GPL-2.0-only
/* Counts of a single vCPU: which reasons have too few or too many exits. */
#include "judge/diagnose_counts.h"

#include <stdio.h>
#include <stdlib.h>

#include "judge/workload_exits.h"
#include "util/text.h"
#include "util/array.h"

/* The reasons whose exits did not grow as expected. */
struct shift {
	unsigned int lower, higher, right; /* reasons */
	unsigned int lost;		   /* of the lower ones: those with none at all */
	unsigned int doubled;		   /* of the higher ones */
	int64_t missing, excess;	   /* exits */
	bool has_total;
	int64_t total;
};

static struct shift find_shift(const struct evidence *evidence)
{
	const struct growth *total = &evidence->growth[TRACK_TOTAL];
	struct shift shift = { .has_total = total->has, .total = total->error };

	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		const struct growth *growth = &evidence->growth[index];
		int64_t right = growth->right;

		shift.right += growth->has && right && !growth->error;
		if (growth->error < 0) {
			shift.lower++;
			shift.lost += growth->error == -right;
			shift.missing -= growth->error;
		} else if (growth->error > 0) {
			shift.higher++;
			/* The exit that reads the leaf may be half counted; others come in between. */
			shift.doubled += llabs(growth->error - right) <=
					 (evidence->facts.asynchronous[index] ? 5 + right / 10 :
										1 + right / 100);
			shift.excess += growth->error;
		}
	}
	return shift;
}

#define LISTED_REASONS 3

struct reason_list {
	char s[200];
};

/*
 * "0x7b IOIO (12 of 1,274), ..." of the reasons that lack exits, the worst ones first; or of those
 * that have too many, "0x7b IOIO (12)".
 */
static struct reason_list reason_list(const struct evidence *evidence, bool lower)
{
	struct reason_list list = { "" };
	bool listed[EXIT_NR_INDICES] = { false };
	unsigned int nr = 0;
	size_t n = 0;

	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++)
		nr += lower ? evidence->growth[index].error < 0 : evidence->growth[index].error > 0;
	for (unsigned int i = 0; i < nr && i < LISTED_REASONS; i++) {
		int64_t worst = 0;
		unsigned int which = 0;

		for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
			int64_t error = evidence->growth[index].error;

			if (listed[index] || (lower ? -error : error) <= worst)
				continue;
			worst = lower ? -error : error;
			which = index;
		}
		listed[which] = true;
		n += snprintf(list.s + n, sizeof(list.s) - n, "%s%s (%s%s%s)", n ? ", " : "",
			      reason_text(evidence, which).s, text_u64(worst).s,
			      lower ? " of " : "",
			      lower ? text_u64(evidence->growth[which].right).s : "");
	}
	if (nr > LISTED_REASONS)
		snprintf(list.s + n, sizeof(list.s) - n, " and %u more", nr - LISTED_REASONS);
	return list;
}

static bool is_among(const struct evidence *evidence, unsigned int index,
		     const unsigned int *numbers, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (exit_index(evidence->facts.isa, numbers[i]) == index)
			return true;
	return false;
}

/* Whether all reasons that lack exits are among these. */
static bool all_lower_among(const struct evidence *evidence, const unsigned int *numbers,
			    unsigned int nr)
{
	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++)
		if (evidence->growth[index].error < 0 && !is_among(evidence, index, numbers, nr))
			return false;
	return true;
}

/* Reasons that have a fast path on any of the kernels. */
static bool only_fast_paths(const struct evidence *evidence)
{
	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++)
		if (evidence->growth[index].error < 0 &&
		    !facts_has_fast_path(evidence->facts.isa, index))
			return false;
	return true;
}

/* Reasons reported with bit 31 set: a failed entry. */
static bool only_failed_entries(const struct evidence *evidence)
{
	static const unsigned int vmx[] = { 33, 34, 41 };

	return evidence->facts.isa == EXIT_ISA_VMX && all_lower_among(evidence, vmx, NR(vmx));
}

/* Workloads that lack all their exits, and those that lack only some. */
static void missing_workloads(const struct evidence *evidence, unsigned int *all,
			      unsigned int *some)
{
	const struct result *result = evidence->result;

	*all = *some = 0;
	for (unsigned int i = 0; i < result->nr_workloads; i++) {
		const struct result_workload *workload = &result->workloads[i];
		unsigned int index = evidence->facts.op_index[workload->workload->op];
		struct workload_exits exits;
		int64_t missing;

		if (workload->unsupported || index == EXIT_INDEX_OTHER ||
		    evidence->growth[index].error >= 0)
			continue;
		exits = workload_exits_of(&evidence->facts, i, index);
		missing = exits.has_leaf ? (int64_t)(exits.bpf - exits.leaf) : 0;
		*all += missing > 0 && (uint64_t)missing >= workload->count;
		*some += missing > 0 && (uint64_t)missing < workload->count;
	}
}

static void diagnose_missing(struct evidence *evidence, const struct shift *shift)
{
	const struct reason_list list = reason_list(evidence, true);
	unsigned int all, some;

	missing_workloads(evidence, &all, &some);
	if (only_failed_entries(evidence) && shift->has_total && !shift->total)
		evidence_conclude(evidence, DIAGNOSIS_FLAG_NOT_MASKED, CONFIDENCE_CERTAIN,
				  "The total has them, but the leaves lack %s: exits that hardware"
				  " reports with the flag of a failed entry; all other reasons are"
				  " exact.",
				  list.s);
	else if (shift->has_total && !shift->total)
		evidence_conclude(
			evidence, DIAGNOSIS_WRONG_REASON, CONFIDENCE_LIKELY,
			"The leaves lack %s, but the total includes them: they count under an"
			" undefined number.",
			list.s);
	else if (only_fast_paths(evidence))
		evidence_conclude(evidence, DIAGNOSIS_MISSED_FASTPATH,
				  shift->lost < shift->lower ? CONFIDENCE_CERTAIN :
							       CONFIDENCE_LIKELY,
				  "The leaves lack %s: only reasons with a fast path lack any, %u"
				  " others are exact.",
				  list.s, shift->right);
	else if (shift->lost == shift->lower || (all && !some))
		evidence_conclude(evidence, DIAGNOSIS_EARLY_RETURN, CONFIDENCE_LIKELY,
				  "The leaves lack %s: some kinds of exits are never counted, %u"
				  " reasons are exact.",
				  list.s, shift->right);
	else if (shift->right && all && !evidence->failed[CHECK_MONO])
		evidence_conclude(evidence, DIAGNOSIS_EARLY_RETURN, CONFIDENCE_POSSIBLE,
				  "The leaves lack %s: some exits are not counted, %u reasons are"
				  " exact.",
				  list.s, shift->right);
}

/* A difference that is the same at every read, on every vCPU. */
static void diagnose_off_by_one(struct evidence *evidence)
{
	const struct result *result = evidence->result;
	unsigned int wrong = 0, reads = 0;
	int sign = 0;

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		for (unsigned int i = 0; i < 2 * EXIT_INDEX_OTHER; i++) {
			bool vm_wide = i % 2;
			const struct track *track = &evidence->vcpus[v].leaf[vm_wide][i / 2];
			int64_t most = vm_wide ? result_vm_vcpus(result, v) : 1;
			int64_t least = track->least_error, greatest = track->greatest_error;
			bool varies = most > 1 || evidence->facts.asynchronous[i / 2];

			if (!track->reads || (!least && !greatest))
				continue;
			if (!sign)
				sign = least + greatest < 0 ? -1 : 1;
			if (sign * least < !varies || sign * least > most ||
			    sign * greatest < !varies || sign * greatest > most)
				return;
			wrong++;
			reads += track->reads;
		}
	}
	if (reads > 1)
		evidence_conclude(
			evidence, DIAGNOSIS_OFF_BY_ONE, CONFIDENCE_CERTAIN,
			"%u counts are one too %s for each vCPU, at each of %u reads, however"
			" much they grew in between.",
			wrong, sign < 0 ? "low" : "high", reads);
}

void diagnose_counts(struct evidence *evidence)
{
	const struct shift shift = find_shift(evidence);
	int64_t rest = shift.excess - shift.missing;

	if ((!evidence->failed[CHECK_COUNT] && !evidence->failed[CHECK_TRUTH]) ||
	    evidence->counts_wrapped)
		return;
	if (shift.lower && shift.higher && llabs(rest) <= 2 + shift.missing / 100)
		evidence_conclude(
			evidence, DIAGNOSIS_WRONG_REASON, CONFIDENCE_CERTAIN,
			"Some reasons lack %s exits that others have too many, and the total is"
			" right: missing are %s; too many are %s.",
			text_u64(shift.missing).s, reason_list(evidence, true).s,
			reason_list(evidence, false).s);
	else if (shift.lower && !shift.higher)
		diagnose_missing(evidence, &shift);
	else if (shift.higher && !shift.lower && shift.doubled == shift.higher)
		evidence_conclude(evidence, DIAGNOSIS_DOUBLE_COUNT, CONFIDENCE_CERTAIN,
				  "The leaves have twice the exits of %u reasons: too many are %s;"
				  " %u others are exact.",
				  shift.higher, reason_list(evidence, false).s, shift.right);
	if (!shift.lower && !shift.higher)
		diagnose_off_by_one(evidence);
}
