// SPDX-License-Identifier: GPL-2.0-only
#include "judge/assignment.h"

#include <stdlib.h>

#include "judge/published.h"
#include "judge/published_counts.h"
#include "judge/published_form.h"
#include "judge/published_rows.h"
#include "judge/published_scope.h"
#include "judge/published_time.h"
#include "util/text.h"

/* Whatever is no defect. */
static void remark(struct published *p)
{
	const struct published_result *published = &p->result->published;
	uint64_t exits = 0;

	for (unsigned int v = 0; v < p->result->nr_vcpus; v++)
		exits += p->result->vcpus[v].bpf.count;
	if (published->highest < UINT32_MAX)
		published_find(
			p, FINDING_NOT_ASKED, 0,
			"Numbers above %s were not asked for: smaller ones that are not defined"
			" are not refused, and where nothing checks the number, a large one"
			" crashes the host.",
			text_exit(p->facts.isa, published->highest).s);
	if (published->has_log && published->log_lines > 100 && published->log_lines > exits / 20)
		published_find(p, FINDING_KERNEL_LOG, 0,
			       "The kernel logged %s lines during %s exits.",
			       text_u64(published->log_lines).s, text_u64(exits).s);
	if (published_has_others(p))
		published_find(
			p, FINDING_OTHER_VMS, 0,
			"Other VMs of this host made %s exits meanwhile: too many of anything"
			" is not held against the leaves.",
			text_u64(p->result->stats.foreign).s);
}

static int compare_findings(const void *a, const void *b)
{
	return (int)((const struct finding *)a)->id - (int)((const struct finding *)b)->id;
}

void assignment_judge(const struct result *result, struct verdicts *verdicts)
{
	struct published *p = calloc(1, sizeof(*p));

	if (!p)
		return;
	p->result = result;
	p->leaves = &result->published.leaves;
	p->verdicts = verdicts;
	facts_init(&p->facts, result);
	published_collect_forms(p);
	published_scope(p);
	published_counts(p);
	published_time(p);
	published_form(p);
	remark(p);
	published_rows(p);
	published_checks(p);
	verdicts->scope = p->scope;
	qsort(verdicts->findings, verdicts->nr_findings, sizeof(*verdicts->findings),
	      compare_findings);
	free(p);
}
