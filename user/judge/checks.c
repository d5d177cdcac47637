// SPDX-License-Identifier: GPL-2.0-only
#include "judge/checks.h"

#include <stdio.h>
#include <string.h>

#include "judge/judge.h"
#include "util/text.h"

const char *check_name(enum check_id id)
{
	static const char *const names[NR_CHECKS] = {
#define X(id, name) [CHECK_##id] = name,
		CHECKS(X)
#undef X
	};

	return names[id];
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_PASS] = "PASS",
		[VERDICT_FAIL] = "FAIL",
		[VERDICT_INCONCLUSIVE] = "INCONCLUSIVE",
		[VERDICT_SKIP] = "SKIP",
	};

	return names[verdict];
}

static const struct {
	void (*check)(struct judge *judge, struct check *check);
	bool without_leaves;
} rules[NR_CHECKS] = {
	[CHECK_DISCOVERY] = { check_discovery, false }, [CHECK_COUNT] = { check_count, false },
	[CHECK_COUNT_VM] = { check_count_vm, false },	[CHECK_TOTAL] = { check_total, false },
	[CHECK_TRUTH] = { check_truth, true },		[CHECK_STATS] = { check_stats, true },
	[CHECK_TIME] = { check_time, false },		[CHECK_MONO] = { check_mono, false },
	[CHECK_UNDEF] = { check_undef, false },		[CHECK_SMP] = { check_smp, false },
	[CHECK_ISOLATION] = { check_isolation, false }, [CHECK_MIGRATE] = { check_migrate, false },
	[CHECK_UNPATCHED] = { check_unpatched, true },
};

/* What a vCPU's leaf had at the end of a sweep: what it read, and what was executed since. */
static bool leaf_at_end(const struct judge *judge, const struct result_sweep *sweep,
			unsigned int index, uint64_t *value)
{
	const struct probe_read *read = sweep_find(judge, sweep, LEAF_VCPU_EXITS, index, value);

	if (!read)
		return false;
	for (int op = 0; op < PROBE_NR_OPS; op++)
		if (judge->op_index[op] == index)
			*value += sweep->after[op] -
				  (op == PROBE_CPUID ? read->cpuids : sweep->before[op]);
	return true;
}

void workload_delta(const struct result *result, const struct result_workload *workload,
		    unsigned int index, struct workload_delta *delta)
{
	const struct result_sweep *before = &result->sweeps[workload->before];
	const struct result_sweep *after = &result->sweeps[workload->after];
	uint64_t executed[PROBE_NR_OPS], first, last;
	struct judge judge;

	judge_init(&judge, result, NULL);
	for (int op = 0; op < PROBE_NR_OPS; op++)
		executed[op] = after->after[op] - before->after[op];
	*delta = (struct workload_delta){
		.truth = judge_truth(&judge, executed, index).lower,
		.bpf = after->bpf_after[index] - before->bpf_after[index],
	};
	/* The leaf's at the same ends: what followed the two reads is known. */
	delta->has_leaf = leaf_at_end(&judge, before, index, &first) &&
			  leaf_at_end(&judge, after, index, &last);
	if (delta->has_leaf)
		delta->leaf = last - first;
}

/* ---- the table by reason ---- */

/* The sweep of a vCPU whose instant the table shows, NULL if the table is not about it. */
static const struct result_sweep *table_sweep(const struct result *result, unsigned int vcpu)
{
	const struct result_sweep *last = NULL;

	for (unsigned int s = 0; s < result->nr_sweeps; s++)
		if (result->sweeps[s].vcpu == vcpu && result->vcpus[vcpu].phase == PHASE_SINGLE &&
		    (result->sweeps[s].kind == SWEEP_FULL || result->leaves != LEAVES_PRESENT))
			last = &result->sweeps[s];
	return last;
}

/* The last time of a reason that a vCPU read, NULL if it read none. */
static const struct result_time *last_time(const struct result *result, unsigned int vcpu,
					   unsigned int index)
{
	for (unsigned int i = result->nr_times; i--;) {
		const struct result_time *time = &result->times[i];

		if (time->vcpu == vcpu && time->index == index && time->timed)
			return time;
	}
	return NULL;
}

static void row_time(const struct judge *judge, struct reason_row *row)
{
	const struct result *result = judge->result;
	double khz = result->tsc_khz ? result->tsc_khz : result->discovery.tsc_khz;
	struct result_time leaf = { 0 }, bpf = { 0 };

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		const struct ec_reason *reason = &result->vcpus[v].bpf.reason[row->index];
		const struct result_time *time = last_time(result, v, row->index);

		if (result->vcpus[v].phase != PHASE_SINGLE)
			continue;
		bpf.ns += reason->ns;
		bpf.timed += reason->timed;
		if (!time)
			continue;
		leaf.cycles += time->cycles;
		leaf.ns += time->ns;
		leaf.timed += time->timed;
	}
	if (leaf.timed) {
		row->has_leaf_cycles = row->has_bpf_cycles = true;
		row->leaf_cycles = (double)leaf.cycles / leaf.timed;
		row->bpf_cycles = (double)leaf.ns * khz / 1e6 / leaf.timed;
		row->bias = row->bpf_cycles - row->leaf_cycles;
	} else if (bpf.timed && khz > 0) {
		row->has_bpf_cycles = true;
		row->bpf_cycles = (double)bpf.ns * khz / 1e6 / bpf.timed;
	}
}

static enum verdict row_verdict(const struct judge *judge, const struct reason_row *row,
				struct bounds bounds)
{
	const struct result *result = judge->result;
	uint64_t value = row->has_leaf ? row->leaf : row->bpf;

	for (unsigned int i = 0; i < result->nr_mismatches; i++) {
		const struct ec_mismatch *mismatch = &result->mismatches[i];
		const struct result_vcpu *vcpu = result_slot_vcpu(result, mismatch->slot);

		if (leaf_is_by_number(mismatch->function) && mismatch->index == row->number &&
		    vcpu && vcpu->phase == PHASE_SINGLE &&
		    !(judge->lost && mismatch->leaf > mismatch->upper))
			return VERDICT_FAIL;
	}
	if (judge->time_failed[row->index])
		return VERDICT_FAIL;
	if (row->has_leaf && row->difference)
		return judge->lost && row->difference > 0 ? VERDICT_INCONCLUSIVE : VERDICT_FAIL;
	if (!bounds_have(value, bounds))
		return !judge->expected[row->index] || (judge->lost && !row->has_leaf) ?
			       VERDICT_INCONCLUSIVE :
			       VERDICT_FAIL;
	return judge->lost ? VERDICT_INCONCLUSIVE : VERDICT_PASS;
}

/* Adds what one vCPU has of a reason to its row, and to the bounds of the truth. */
static void row_add(const struct judge *judge, struct reason_row *row,
		    const struct result_sweep *sweep, struct bounds *bounds)
{
	uint64_t executed[PROBE_NR_OPS], value = 0, bpf = sweep->bpf_after[row->index];
	const struct probe_read *read = NULL;
	struct bounds of;

	memcpy(executed, sweep->after, sizeof(executed));
	if (judge->result->leaves == LEAVES_PRESENT)
		read = sweep_find(judge, sweep, LEAF_EXITS, row->index, &value);
	if (read) {
		sweep_executed(sweep, read, false, executed);
		of = judge_bpf(judge, sweep, read, row->index);
		bpf = value < of.lower ? of.lower : value > of.upper ? of.upper : value;
		row->has_leaf = true;
		row->leaf += value;
		row->difference += value - bpf;
	}
	row->bpf += bpf;
	of = judge_truth(judge, executed, row->index);
	bounds->lower += of.lower;
	bounds->upper = of.upper == UINT64_MAX || bounds->upper == UINT64_MAX ?
				UINT64_MAX :
				bounds->upper + of.upper;
}

static void judge_rows(struct judge *judge)
{
	const struct result *result = judge->result;
	struct verdicts *verdicts = judge->verdicts;

	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		struct reason_row *row = &verdicts->rows[verdicts->nr_rows];
		struct bounds bounds = { 0 };

		*row = (struct reason_row){ .index = index };
		if (!exit_number(judge->isa, index, &row->number))
			break;
		for (unsigned int v = 0; v < result->nr_vcpus; v++) {
			const struct result_sweep *sweep = table_sweep(result, v);

			if (sweep)
				row_add(judge, row, sweep, &bounds);
		}
		if (!row->leaf && !row->bpf && !bounds.lower)
			continue;
		row->exact = bounds.lower == bounds.upper;
		row->at_most = !row->exact && bounds.upper != UINT64_MAX;
		row->truth = row->at_most ? bounds.upper : bounds.lower;
		row->has_truth = judge->expected[index] && (row->truth || row->exact);
		if (!row->has_leaf && row->exact)
			row->difference = row->bpf - row->truth;
		row_time(judge, row);
		row->verdict = row_verdict(judge, row, bounds);
		verdicts->nr_rows++;
	}
}

/* ---- the whole ---- */

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

static void close_report(struct judge *judge)
{
	const struct result *result = judge->result;
	struct verdicts *verdicts = judge->verdicts;
	char failed[96], inconclusive[96], passed[96];
	unsigned int nr_failed, nr_inconclusive, nr_passed;
	char *line = verdicts->closing;
	size_t size = sizeof(verdicts->closing);

	name_checks(verdicts, VERDICT_FAIL, failed, sizeof(failed), &nr_failed);
	name_checks(verdicts, VERDICT_INCONCLUSIVE, inconclusive, sizeof(inconclusive),
		    &nr_inconclusive);
	name_checks(verdicts, VERDICT_PASS, passed, sizeof(passed), &nr_passed);

	if (nr_failed) {
		const struct diagnosis *first = verdicts->diagnoses;
		bool named = verdicts->nr_diagnoses;
		unsigned int rows = 0;

		for (unsigned int i = 0; i < verdicts->nr_rows; i++)
			rows += verdicts->rows[i].verdict == VERDICT_FAIL;
		verdicts->status = STATUS_MISMATCH;
		snprintf(line, size,
			 "FAIL: %s; %u of %u exit reasons wrong, %s of %s in-place"
			 " comparisons different%s%s (%.1f s)",
			 failed, rows, verdicts->nr_rows, text_u64(verdicts->differed).s,
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
			 verdicts->nr_rows, text_u64(verdicts->exits).s, result->seconds);
	} else if (result->leaves != LEAVES_PRESENT) {
		snprintf(line, size,
			 "INCONCLUSIVE: no leaves to check; eBPF, stats and truth"
			 " agree (%u reasons, %s exits, %.1f s)",
			 verdicts->nr_rows, text_u64(verdicts->exits).s, result->seconds);
	} else {
		verdicts->status = STATUS_PASS;
		snprintf(line, size,
			 "PASS: %u exit reasons compared, %s in-place comparisons, %s"
			 " different, %u checks hold (%.1f s)",
			 verdicts->nr_rows, text_u64(verdicts->compared).s,
			 text_u64(verdicts->differed).s, nr_passed, result->seconds);
	}
}

void checks_judge(const struct result *result, struct verdicts *verdicts)
{
	bool leaves = result->leaves == LEAVES_PRESENT;
	struct judge judge;

	memset(verdicts, 0, sizeof(*verdicts));
	judge_init(&judge, result, verdicts);
	for (int id = 0; id < NR_CHECKS; id++) {
		struct check *check = &verdicts->checks[verdicts->nr_checks];

		if (id == CHECK_UNPATCHED && leaves)
			continue;
		verdicts->nr_checks++;
		*check = (struct check){ .id = id, .verdict = VERDICT_SKIP };
		if (leaves || rules[id].without_leaves)
			rules[id].check(&judge, check);
		else
			check_detail(check, "%s", leaves_state_text(result->leaves));
		if (id == CHECK_DISCOVERY && result->leaves == LEAVES_MISSING)
			check->verdict = VERDICT_FAIL;
	}
	judge_rows(&judge);
	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		const struct ec_vcpu *bpf = &result->vcpus[v].bpf;

		verdicts->exits += bpf->count;
		for (unsigned int leaf = 0; leaf < LEAF_NR; leaf++) {
			verdicts->compared += bpf->compared[leaf];
			verdicts->differed += bpf->differed[leaf];
		}
	}
	verdicts->nr_diagnoses = diagnose(result, verdicts, verdicts->diagnoses);
	close_report(&judge);
}
