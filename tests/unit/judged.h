/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef JUDGED_H
#define JUDGED_H

/* Judges a synthetic run, and looks at its verdicts. Include after cmocka.h. */

#include "judge/judge.h"
#include "synthetic.h"

static struct verdicts verdicts;

static inline const struct check *find_check(enum check_id id)
{
	for (unsigned int i = 0; i < verdicts.nr_checks; i++)
		if (verdicts.checks[i].id == id)
			return &verdicts.checks[i];
	return NULL;
}

static inline enum verdict verdict_of(enum check_id id)
{
	const struct check *check = find_check(id);

	assert_non_null(check);
	return check->verdict;
}

static inline void judge(struct result *result)
{
	judge_result(result, &verdicts);
	result_destroy(result);
}

static inline void expect_all_pass(void)
{
	for (unsigned int i = 0; i < verdicts.nr_checks; i++) {
		if (verdicts.checks[i].verdict == VERDICT_PASS)
			continue;
		print_error("%s: %s: %s; %s\n", check_name(verdicts.checks[i].id),
			    verdict_name(verdicts.checks[i].verdict), verdicts.checks[i].detail,
			    verdicts.checks[i].examples[0]);
		fail();
	}
	assert_int_equal(verdicts.status, STATUS_PASS);
	assert_true(!strncmp(verdicts.closing, "PASS: ", 6));
	assert_true(verdicts.nr_rows >= 7);
	for (unsigned int i = 0; i < verdicts.nr_rows; i++) {
		const struct reason_row *row = &verdicts.rows[i];

		assert_int_equal(row->verdict, VERDICT_PASS);
		assert_true(row->has_leaf && row->has_truth && row->leaf == row->bpf);
		assert_int_equal(row->difference, 0);
		assert_true(!row->exact || row->leaf == row->truth);
		assert_true(row->has_leaf_cycles && row->leaf_cycles < row->bpf_cycles);
		assert_true(row->bias > SYNTHETIC_BIAS - 2 && row->bias < SYNTHETIC_BIAS + 2);
	}
}

#endif
