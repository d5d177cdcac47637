// SPDX-License-Identifier: GPL-2.0-only
#include "judge/checks.h"

#include "judge/check.h"
#include "judge/check_abi.h"
#include "judge/check_audit.h"
#include "judge/check_contract.h"
#include "judge/check_counts.h"
#include "judge/check_stats.h"
#include "judge/check_storm.h"
#include "judge/check_time.h"
#include "judge/check_totals.h"
#include "judge/check_uncovered.h"
#include "judge/check_width.h"

static const struct {
	void (*check)(struct facts *facts, struct check *check);
	bool without_leaves;
	bool published; /* with --leaves, besides the points of the assignment */
} rules[CHECK_FIRST_POINT] = {
	[CHECK_DISCOVERY] = { .check = check_discovery },
	[CHECK_COUNT] = { .check = check_count },
	[CHECK_COUNT_VM] = { .check = check_count_vm },
	[CHECK_TOTAL] = { .check = check_total },
	[CHECK_TRUTH] = { .check = check_truth, .without_leaves = true, .published = true },
	[CHECK_STATS] = { .check = check_stats, .without_leaves = true, .published = true },
	[CHECK_AUDIT] = { .check = check_audit },
	[CHECK_TIME] = { .check = check_time },
	[CHECK_UNCOVERED] = { .check = check_uncovered },
	[CHECK_MONO] = { .check = check_mono },
	[CHECK_UNDEF] = { .check = check_undef },
	[CHECK_SMP] = { .check = check_smp },
	[CHECK_ISOLATION] = { .check = check_isolation },
	[CHECK_MIGRATE] = { .check = check_migrate },
	[CHECK_STORM] = { .check = check_storm },
	[CHECK_CONTRACT] = { .check = check_contract, .without_leaves = true },
	[CHECK_WIDTH] = { .check = check_width },
	[CHECK_UNPATCHED] = { .check = check_unpatched, .without_leaves = true },
};

void checks_run(struct facts *facts, struct verdicts *verdicts)
{
	bool leaves = facts->result->leaves == LEAVES_PRESENT;
	bool published = facts->result->leaves == LEAVES_PUBLISHED;

	for (int id = 0; id < CHECK_FIRST_POINT; id++) {
		struct check *check = &verdicts->checks[verdicts->nr_checks];

		if ((id == CHECK_UNPATCHED && leaves) || (published && !rules[id].published))
			continue;
		verdicts->nr_checks++;
		*check = (struct check){ .id = id, .verdict = VERDICT_SKIP };
		if (leaves || rules[id].without_leaves)
			rules[id].check(facts, check);
		else
			check_detail(check, "%s", leaves_state_text(facts->result->leaves));
		if (id == CHECK_DISCOVERY && facts->result->leaves == LEAVES_MISSING)
			check->verdict = VERDICT_FAIL;
	}
}
