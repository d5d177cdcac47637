// SPDX-License-Identifier: GPL-2.0-only
#include "judge/rows.h"

#include <string.h>

#include "judge/uncovered.h"
#include "kvm/exits.h"

/* The sweep of a vCPU that the table shows, NULL if the table does not cover it. */
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

static void row_time(const struct facts *facts, struct reason_row *row)
{
	const struct result *result = facts->result;
	double khz = result->host.tsc_khz ? result->host.tsc_khz : result->discovery.tsc_khz;
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

static enum verdict row_verdict(const struct facts *facts, const struct reason_row *row,
				struct bounds bounds)
{
	const struct result *result = facts->result;
	uint64_t value = row->has_leaf ? row->leaf : row->bpf;

	for (unsigned int i = 0; i < result->nr_mismatches; i++) {
		const struct ec_mismatch *mismatch = &result->mismatches[i];
		const struct result_vcpu *vcpu = result_slot_vcpu(result, mismatch->slot);

		if (leaf_is_by_number(mismatch->function) && mismatch->index == row->number &&
		    vcpu && vcpu->phase == PHASE_SINGLE &&
		    !(facts->lost && mismatch->leaf > mismatch->upper))
			return VERDICT_FAIL;
	}
	if (facts->time_failed[row->index])
		return VERDICT_FAIL;
	if (!row->has_leaf && !row->has_truth)
		return VERDICT_SKIP;
	if (row->has_leaf && row->difference)
		return facts->lost && row->difference > 0 ? VERDICT_INCONCLUSIVE : VERDICT_FAIL;
	if (!bounds_have(value, bounds))
		return !facts->expected[row->index] || (facts->lost && !row->has_leaf) ?
			       VERDICT_INCONCLUSIVE :
			       VERDICT_FAIL;
	if (facts->lost || (row->has_leaf_cycles && !facts->time_judged))
		return VERDICT_INCONCLUSIVE;
	return VERDICT_PASS;
}

/* Adds what one vCPU has of a reason to its row, and to the bounds of the truth. */
static void row_add(const struct facts *facts, struct reason_row *row,
		    const struct result_sweep *sweep, struct bounds *bounds)
{
	uint64_t executed[PROBE_NR_OPS], value = 0, bpf = sweep->bpf_after[row->index];
	const struct probe_read *read = NULL;
	struct bounds of;

	memcpy(executed, sweep->after, sizeof(executed));
	if (facts->result->leaves == LEAVES_PRESENT)
		read = sweep_find(facts, sweep, LEAF_EXITS, row->index, &value);
	if (read) {
		sweep_executed(sweep, read, false, executed);
		of = facts_bpf(facts, sweep, read, row->index);
		bpf = value < of.lower ? of.lower : value > of.upper ? of.upper : value;
		row->has_leaf = true;
		row->leaf += value;
		row->difference += value - bpf;
	}
	row->bpf += bpf;
	of = facts_truth(facts, executed, row->index);
	bounds->lower += of.lower;
	bounds->upper = of.upper == UINT64_MAX || bounds->upper == UINT64_MAX ?
				UINT64_MAX :
				bounds->upper + of.upper;
}

void rows_judge(const struct facts *facts, struct verdicts *verdicts)
{
	const struct result *result = facts->result;

	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		struct reason_row *row = &verdicts->rows[verdicts->nr_rows];
		struct bounds bounds = { 0 };

		*row = (struct reason_row){ .index = index };
		if (!exit_number(facts->isa, index, &row->number))
			break;
		for (unsigned int v = 0; v < result->nr_vcpus; v++) {
			const struct result_sweep *sweep = table_sweep(result, v);

			if (sweep)
				row_add(facts, row, sweep, &bounds);
		}
		if (!row->leaf && !row->bpf && !bounds.lower)
			continue;
		row->exact = bounds.lower == bounds.upper;
		row->at_most = !row->exact && bounds.upper != UINT64_MAX;
		row->truth = row->at_most ? bounds.upper : bounds.lower;
		row->has_truth = facts->expected[index] && (row->truth || row->exact);
		if (!row->has_leaf && row->exact)
			row->difference = row->bpf - row->truth;
		row_time(facts, row);
		row->has_uncovered = uncovered_of_reason(result, index, &row->uncovered);
		row->verdict = row_verdict(facts, row, bounds);
		verdicts->nr_rows++;
	}
}
