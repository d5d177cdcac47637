// SPDX-License-Identifier: GPL-2.0-only
#include "judge/workload_exits.h"

/* What a vCPU's leaf had at the end of a sweep: what it read, and what was executed since. */
static bool leaf_at_end(const struct facts *facts, const struct result_sweep *sweep,
			unsigned int index, uint64_t *value)
{
	const struct probe_read *read = sweep_find(facts, sweep, LEAF_VCPU_EXITS, index, value);

	if (!read)
		return false;
	for (int op = 0; op < PROBE_NR_OPS; op++)
		if (facts->op_index[op] == index)
			*value += sweep->after[op] -
				  (op == PROBE_CPUID ? read->cpuids : sweep->before[op]);
	return true;
}

struct workload_exits workload_exits_of(const struct facts *facts, unsigned int workload,
					unsigned int index)
{
	const struct result *result = facts->result;
	const struct result_workload *entry = &result->workloads[workload];
	const struct result_sweep *before = &result->sweeps[entry->before];
	const struct result_sweep *after = &result->sweeps[entry->after];
	uint64_t executed[PROBE_NR_OPS], first, last;
	struct workload_exits exits;

	for (int op = 0; op < PROBE_NR_OPS; op++)
		executed[op] = after->after[op] - before->after[op];
	exits = (struct workload_exits){
		.workload = workload,
		.index = index,
		.truth = facts_truth(facts, executed, index).lower,
		.bpf = after->bpf_after[index] - before->bpf_after[index],
	};
	/* The leaf's at the same ends: what followed the two reads is known. */
	exits.has_leaf = leaf_at_end(facts, before, index, &first) &&
			 leaf_at_end(facts, after, index, &last);
	if (exits.has_leaf)
		exits.leaf = last - first;
	return exits;
}

void workload_exits_list(const struct facts *facts, struct verdicts *verdicts)
{
	for (unsigned int i = 0; i < facts->result->nr_workloads; i++) {
		for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
			const struct workload_exits exits = workload_exits_of(facts, i, index);

			if (!exits.truth && !exits.leaf && !exits.bpf)
				continue;
			if (verdicts->nr_workload_exits < VERDICTS_MAX_WORKLOAD_EXITS)
				verdicts->workload_exits[verdicts->nr_workload_exits++] = exits;
		}
	}
}
