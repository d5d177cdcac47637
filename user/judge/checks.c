// SPDX-License-Identifier: GPL-2.0-only
#include "judge/checks.h"

#include "judge/check.h"
#include "judge/check_abi.h"
#include "judge/check_audit.h"
#include "judge/check_contract.h"
#include "judge/check_counts.h"
#include "judge/check_time.h"
#include "judge/check_totals.h"
#include "judge/check_uncovered.h"
#include "judge/check_width.h"

static const struct {
	void (*check)(struct facts *facts, struct check *check);
	bool without_leaves;
} rules[NR_CHECKS] = {
	[CHECK_DISCOVERY] = { check_discovery, false },
	[CHECK_COUNT] = { check_count, false },
	[CHECK_COUNT_VM] = { check_count_vm, false },
	[CHECK_TOTAL] = { check_total, false },
	[CHECK_TRUTH] = { check_truth, true },
	[CHECK_STATS] = { check_stats, true },
	[CHECK_AUDIT] = { check_audit, false },
	[CHECK_TIME] = { check_time, false },
	[CHECK_UNCOVERED] = { check_uncovered, false },
	[CHECK_MONO] = { check_mono, false },
	[CHECK_UNDEF] = { check_undef, false },
	[CHECK_SMP] = { check_smp, false },
	[CHECK_ISOLATION] = { check_isolation, false },
	[CHECK_MIGRATE] = { check_migrate, false },
	[CHECK_CONTRACT] = { check_contract, true },
	[CHECK_WIDTH] = { check_width, false },
	[CHECK_UNPATCHED] = { check_unpatched, true },
};

void checks_run(struct facts *facts, struct verdicts *verdicts)
{
	bool leaves = facts->result->leaves == LEAVES_PRESENT;

	for (int id = 0; id < NR_CHECKS; id++) {
		struct check *check = &verdicts->checks[verdicts->nr_checks];

		if (id == CHECK_UNPATCHED && leaves)
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
