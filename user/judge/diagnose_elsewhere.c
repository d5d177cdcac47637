// SPDX-License-Identifier: GPL-2.0-only
/* Cycles under another reason than that of the exit that took them. */
#include "judge/diagnose_elsewhere.h"

#include <math.h>

#include "util/text.h"

/* Of all cycles: more than the bias explains; and where some exits have too many, and others none. */
#define MOVED 0.05
#define MOVED_SEEN 0.002

/* The cycles of each number in a sweep, and their total; false if it has none. */
static bool swept_cycles(const struct result *result, const struct result_sweep *sweep,
			 uint64_t *cycles, uint64_t *total)
{
	const struct probe_read *reads = sweep_reads(result, sweep);
	uint64_t value;

	*total = 0;
	for (unsigned int i = 0; i < sweep->nr_reads; i++) {
		unsigned int index = exit_index(result->host.isa, reads[i].index);

		if (leaf_decode(&reads[i], &value) != LEAF_VALUE)
			continue;
		if (reads[i].function == LEAF_VCPU_TOTAL_CYCLES)
			*total = value;
		else if (reads[i].function == LEAF_VCPU_CYCLES && index < EXIT_INDEX_OTHER)
			cycles[index] = value;
	}
	return *total != 0;
}

/* The sum over all numbers is right, and some have what others lack. */
bool diagnose_elsewhere(struct evidence *evidence)
{
	const struct result *result = evidence->result;
	double bpf[EXIT_NR_INDICES] = { 0 }, sum = 0, all = 0, gained = 0, lost = 0;
	uint64_t cycles[EXIT_NR_INDICES] = { 0 }, total;
	const struct result_sweep *sweep = sweep_last_full(result, 0);
	const struct audit *audit = &evidence->verdicts->audit;
	const double moved = audit->untimed && audit->exceeded ? MOVED_SEEN : MOVED;
	unsigned int most = 0, least = 0;

	if ((!evidence->failed[CHECK_TIME] && !evidence->failed[CHECK_AUDIT]) || audit->differed)
		return false;
	if (!sweep || result->vcpus[0].phase != PHASE_SINGLE ||
	    !swept_cycles(result, sweep, cycles, &total))
		return false;
	for (unsigned int i = 0; i < result->nr_times; i++)
		if (!result->times[i].vcpu)
			bpf[result->times[i].index] =
				(double)result->times[i].ns * result->host.tsc_khz / 1e6;
	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		double more = (double)cycles[index] - bpf[index];

		sum += (double)cycles[index];
		all += bpf[index];
		gained += fmax(more, 0);
		lost += fmax(-more, 0);
		if (more > (double)cycles[most] - bpf[most])
			most = index;
		if (more < (double)cycles[least] - bpf[least])
			least = index;
	}
	if (fabs(sum - (double)total) > MOVED * (double)total || sum > (1 + MOVED) * all ||
	    gained < moved * all || lost < moved * all || lost - gained > all / 2)
		return false;
	/* Rather than by the bias, which is part of every exit. */
	if (!(audit->untimed && audit->exceeded) && (double)cycles[least] > bpf[least] / 2)
		return false;
	evidence_conclude(evidence, DIAGNOSIS_CYCLES_ELSEWHERE, CONFIDENCE_CERTAIN,
			  "Cycles sum up to the total, but %s has %s that it did not take, and %s"
			  " lacks %s.",
			  reason_text(evidence, most).s,
			  text_real((double)cycles[most] - bpf[most]).s,
			  reason_text(evidence, least).s,
			  text_real(bpf[least] - (double)cycles[least]).s);
	return true;
}
