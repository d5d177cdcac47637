// SPDX-License-Identifier: GPL-2.0-only
#include "judge/judge.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "judge/assignment.h"
#include "judge/checks.h"
#include "judge/diagnose.h"
#include "judge/rows.h"
#include "judge/workload_exits.h"
#include "util/text.h"

static void name_checks(const struct verdicts *verdicts, enum verdict verdict, char *names,
			size_t size, unsigned int *nr)
{
	size_t n = 0;

	*nr = 0;
	names[0] = '\0';
	for (unsigned int i = 0; i < verdicts->nr_checks; i++) {
		if (verdicts->checks[i].verdict != verdict)
			continue;
		if (n < size)
			n += snprintf(names + n, size - n, "%s%s", *nr ? ", " : "",
				      check_name(verdicts->checks[i].id));
		++*nr;
	}
}

/* Rows of the table that failed, or of which anything was compared. */
static unsigned int nr_rows(const struct verdicts *verdicts, bool failed)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < verdicts->nr_rows; i++)
		nr += failed ? verdicts->rows[i].verdict == VERDICT_FAIL :
			       verdicts->rows[i].verdict != VERDICT_SKIP;
	return nr;
}

/* Of --leaves: "3 defects: lost-update, ..."; returns how many there are, and how many remarks. */
static unsigned int name_defects(const struct verdicts *verdicts, char *names, size_t size,
				 unsigned int *remarks)
{
	unsigned int nr = 0;
	size_t n = 0;

	names[0] = '\0';
	for (unsigned int i = 0; i < verdicts->nr_findings; i++) {
		if (finding_is_remark(verdicts->findings[i].id))
			continue;
		if (n < size)
			n += snprintf(names + n, size - n, "%s%s", nr ? ", " : "",
				      finding_name(verdicts->findings[i].id));
		nr++;
	}
	*remarks = verdicts->nr_findings - nr;
	return nr;
}

/* The same for an implementation of the assignment, once it is known that it passed or failed. */
static void close_published(const struct result *result, struct verdicts *verdicts,
			    const char *failed, unsigned int nr_passed)
{
	unsigned int remarks, nr;
	char names[160];

	nr = name_defects(verdicts, names, sizeof(names), &remarks);
	if (*failed)
		snprintf(verdicts->closing, sizeof(verdicts->closing),
			 "FAIL: %s; %u defect%s%s%s, %u remarks (%.1f s)", failed, nr,
			 nr == 1 ? "" : "s", nr ? ": " : "", names, remarks, result->seconds);
	else
		snprintf(verdicts->closing, sizeof(verdicts->closing),
			 "PASS: %u exit reasons compared, %u checks hold, %u remarks (%.1f s)",
			 nr_rows(verdicts, false), nr_passed, remarks, result->seconds);
}

static void close_report(const struct result *result, struct verdicts *verdicts)
{
	const unsigned int compared = nr_rows(verdicts, false);
	char failed[128], inconclusive[128], passed[128], skipped[128];
	unsigned int nr_failed, nr_inconclusive, nr_passed, nr_skipped;
	char *line = verdicts->closing;
	size_t size = sizeof(verdicts->closing);

	name_checks(verdicts, VERDICT_FAIL, failed, sizeof(failed), &nr_failed);
	name_checks(verdicts, VERDICT_INCONCLUSIVE, inconclusive, sizeof(inconclusive),
		    &nr_inconclusive);
	name_checks(verdicts, VERDICT_PASS, passed, sizeof(passed), &nr_passed);
	name_checks(verdicts, VERDICT_SKIP, skipped, sizeof(skipped), &nr_skipped);

	if (nr_failed) {
		const struct diagnosis *first = verdicts->diagnoses;
		bool named = verdicts->nr_diagnoses;

		verdicts->status = STATUS_MISMATCH;
		if (result->leaves == LEAVES_PUBLISHED) {
			close_published(result, verdicts, failed, nr_passed);
			return;
		}
		snprintf(line, size,
			 "FAIL: %s; %u of %u exit reasons wrong, %s of %s in-place"
			 " comparisons different%s%s (%.1f s)",
			 failed, nr_rows(verdicts, true), compared, text_u64(verdicts->differed).s,
			 text_u64(verdicts->compared).s, named ? "; most likely " : "",
			 named ? diagnosis_name(first->id) : "", result->seconds);
		return;
	}
	verdicts->status = STATUS_INCONCLUSIVE;
	if (nr_inconclusive) {
		snprintf(line, size, "INCONCLUSIVE: %s; %u other checks hold (%.1f s)",
			 inconclusive, nr_passed, result->seconds);
	} else if (!nr_passed) {
		snprintf(line, size, "INCONCLUSIVE: every check was skipped (%.1f s)",
			 result->seconds);
	} else if (result->leaves == LEAVES_UNPATCHED) {
		snprintf(line, size,
			 "UNPATCHED: no leaves to check; eBPF, stats and truth agree"
			 " (%u reasons, %s exits, %.1f s)",
			 compared, text_u64(verdicts->exits).s, result->seconds);
	} else if (result->leaves == LEAVES_PUBLISHED) {
		verdicts->status = STATUS_PASS;
		close_published(result, verdicts, "", nr_passed);
	} else if (result->leaves != LEAVES_PRESENT) {
		snprintf(line, size,
			 "INCONCLUSIVE: no leaves to check; eBPF, stats and truth"
			 " agree (%u reasons, %s exits, %.1f s)",
			 compared, text_u64(verdicts->exits).s, result->seconds);
	} else {
		verdicts->status = STATUS_PASS;
		snprintf(line, size,
			 "PASS: %u exit reasons compared, %s in-place comparisons, %s"
			 " different, %u checks hold%s%s (%.1f s)",
			 compared, text_u64(verdicts->compared).s, text_u64(verdicts->differed).s,
			 nr_passed, nr_skipped ? ", skipped: " : "", skipped, result->seconds);
	}
}

static void sum_up(const struct result *result, struct verdicts *verdicts)
{
	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		const struct ec_vcpu *bpf = &result->vcpus[v].bpf;

		verdicts->exits += bpf->count;
		for (unsigned int leaf = 0; leaf < LEAF_NR; leaf++) {
			verdicts->compared += bpf->compared[leaf];
			verdicts->differed += bpf->differed[leaf];
		}
	}
}

void judge_result(const struct result *result, struct verdicts *verdicts)
{
	struct facts facts;

	memset(verdicts, 0, offsetof(struct verdicts, workload_exits));
	facts_init(&facts, result);
	facts.audit = &verdicts->audit;
	facts.contract = &verdicts->contract;
	facts.account = &verdicts->account;
	checks_run(&facts, verdicts);
	if (result->leaves == LEAVES_PUBLISHED)
		assignment_judge(result, verdicts);
	else
		rows_judge(&facts, verdicts);
	workload_exits_list(&facts, verdicts);
	sum_up(result, verdicts);
	verdicts->nr_diagnoses = diagnose(result, verdicts, verdicts->diagnoses);
	close_report(result, verdicts);
}
