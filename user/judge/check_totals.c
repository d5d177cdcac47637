// SPDX-License-Identifier: GPL-2.0-only
/* The leaves against each other. */
#include "judge/check_totals.h"

#include "util/text.h"

/* Whether a <= b, for differences that wrong answers may make arbitrary. */
static bool not_above(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) <= 0;
}

/*
 * Every read is an exit, so each value is reduced by the CPUIDs executed up to its read. The total
 * read first then cannot exceed the sum, and the total read last cannot be below it.
 */
static void tally_count_total(const struct facts *facts, struct check *check,
			      const struct result_sweep *sweep, uint32_t function,
			      struct tally *tally)
{
	const struct probe_read *reads = sweep_reads(facts->result, sweep);
	uint32_t total = function == LEAF_EXITS ? LEAF_TOTAL_EXITS : LEAF_VCPU_TOTAL_EXITS;
	unsigned int cpuid = facts->op_index[PROBE_CPUID];
	uint64_t sum = 0, first = 0, last = 0, value;
	unsigned int totals = 0;

	for (unsigned int i = 0; i < sweep->nr_reads; i++) {
		if ((reads[i].function != total && reads[i].function != function) ||
		    leaf_decode(&reads[i], &value) != LEAF_VALUE)
			continue;
		if (reads[i].function == total) {
			last = value - reads[i].cpuids;
			if (!totals++)
				first = last;
		} else {
			sum += value;
			if (exit_index(facts->isa, reads[i].index) == cpuid)
				sum -= reads[i].cpuids;
		}
	}
	if (totals < 2)
		return;
	tally->compared++;
	/* Exits that the manual does not define are in the totals alone. */
	if (not_above(first, sum + sweep->bpf_after[EXIT_INDEX_OTHER]) &&
	    not_above(sum + sweep->bpf_before[EXIT_INDEX_OTHER], last))
		return;
	tally->differed++;
	check_example(check, "%s: 0x%08x less own reads %s to %s, sum of 0x%08x %s",
		      check_place(facts, sweep->vcpu, EXIT_INDEX_OTHER, sweep).s, total,
		      text_i64(first).s, text_i64(last).s, function, text_i64(sum).s);
}

/*
 * Cycles without CPUID's: the sum lies between the first total minus CPUID's cycles read after it,
 * and the last total minus CPUID's read before it. run/sweep.c reads CPUID, total, CPUID.
 */
static void tally_cycle_total(const struct facts *facts, struct check *check,
			      const struct result_sweep *sweep, uint32_t function,
			      struct tally *tally)
{
	const struct probe_read *reads = sweep_reads(facts->result, sweep);
	uint32_t total = function == LEAF_CYCLES ? LEAF_TOTAL_CYCLES : LEAF_VCPU_TOTAL_CYCLES;
	unsigned int cpuid = facts->op_index[PROBE_CPUID];
	uint64_t sum = 0, lower = 0, upper = 0, value, own = 0;
	bool after_total = false, has_own = false, has_lower = false, has_upper = false;
	bool seen[EXIT_NR_INDICES] = { false };

	for (unsigned int i = 0; i < sweep->nr_reads; i++) {
		unsigned int index = exit_index(facts->isa, reads[i].index);

		if ((reads[i].function != total && reads[i].function != function) ||
		    leaf_decode(&reads[i], &value) != LEAF_VALUE)
			continue;
		if (reads[i].function == total) {
			if (has_own) {
				upper = value - own;
				has_upper = true;
			}
			if (!has_lower) {
				lower = value;
				after_total = true;
			}
		} else if (index == cpuid) {
			if (after_total) {
				lower -= value;
				has_lower = true;
				after_total = false;
			}
			own = value;
			has_own = true;
		} else if (!seen[index]) {
			sum += value;
			seen[index] = true;
		}
	}
	if (!has_lower || !has_upper)
		return;
	tally->compared++;
	/* Exits that the manual does not define are in the total alone. */
	if ((not_above(lower, sum) || sweep->bpf_after[EXIT_INDEX_OTHER]) && not_above(sum, upper))
		return;
	tally->differed++;
	check_example(check, "%s: 0x%08x less CPUID's %s to %s, sum of 0x%08x %s",
		      check_place(facts, sweep->vcpu, EXIT_INDEX_OTHER, sweep).s, total,
		      text_i64(lower).s, text_i64(upper).s, function, text_i64(sum).s);
}

/*
 * The per-vCPU leaves sum up to the VM-wide ones that the vCPU with the last sweep read. What vCPUs
 * executed after their own sweep is known and subtracted.
 */
void totals_of_vm(const struct facts *facts, struct check *check, unsigned int last_vcpu,
		  struct tally *tally)
{
	const struct result *result = facts->result;
	const struct result_sweep *last = sweep_last_full(result, last_vcpu);

	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		uint64_t executed[PROBE_NR_OPS], value = 0, vm_cycles = 0;
		int64_t sum = 0, vm;
		uint64_t cycles = 0;
		bool done = true, has_cycles;
		const struct probe_read *read = sweep_find(facts, last, LEAF_EXITS, index, &value);

		if (facts->asynchronous[index] || !read)
			continue;
		sweep_executed(last, read, true, executed);
		vm = value - facts_truth(facts, executed, index).lower;
		/* A vCPU's last exits are CPUID and OUT, and are timed after its sweep. */
		has_cycles = index != facts->op_index[PROBE_CPUID] &&
			     index != facts->op_index[PROBE_OUT] &&
			     sweep_find(facts, last, LEAF_CYCLES, index, &vm_cycles);
		for (unsigned int v = 0; v < result->nr_vcpus; v++) {
			const struct result_sweep *sweep;

			if (result->vcpus[v].vm != result->vcpus[last_vcpu].vm)
				continue;
			sweep = sweep_last_full(result, v);
			read = sweep ? sweep_find(facts, sweep, LEAF_VCPU_EXITS, index, &value) :
				       NULL;
			if (!read) {
				done = false;
				break;
			}
			sweep_executed(sweep, read, false, executed);
			sum += value - facts_truth(facts, executed, index).lower;
			has_cycles = has_cycles &&
				     sweep_find(facts, sweep, LEAF_VCPU_CYCLES, index, &value);
			cycles += value;
		}
		if (!done)
			continue;
		tally->compared++;
		if (sum == vm && (!has_cycles || cycles == vm_cycles))
			continue;
		tally->differed++;
		if (sum != vm)
			check_example(check, "%s: VM-wide exits differ from the vCPUs' sum by %s",
				      check_place(facts, last_vcpu, index, NULL).s,
				      text_i64((int64_t)((uint64_t)vm - sum)).s);
		else
			check_example(check, "%s: VM-wide cycles %s, sum of the vCPUs' %s",
				      check_place(facts, last_vcpu, index, NULL).s,
				      text_u64(vm_cycles).s, text_u64(cycles).s);
	}
}

/* vCPUs of a VM are neighbours, and the last one's sweep comes last. */
bool totals_is_last(const struct result *result, unsigned int vcpu)
{
	return (vcpu + 1 == result->nr_vcpus ||
		result->vcpus[vcpu + 1].vm != result->vcpus[vcpu].vm) &&
	       sweep_last_full(result, vcpu);
}

void check_total(struct facts *facts, struct check *check)
{
	const struct result *result = facts->result;
	struct tally sums = { 0 }, mirrors = { 0 }, tally;

	for (unsigned int s = 0; s < result->nr_sweeps; s++) {
		const struct result_sweep *sweep = &result->sweeps[s];

		if (sweep->kind != SWEEP_SOME) {
			tally_count_total(facts, check, sweep, LEAF_EXITS, &sums);
			tally_count_total(facts, check, sweep, LEAF_VCPU_EXITS, &sums);
		}
		if (sweep->kind == SWEEP_FULL) {
			tally_cycle_total(facts, check, sweep, LEAF_CYCLES, &sums);
			tally_cycle_total(facts, check, sweep, LEAF_VCPU_CYCLES, &sums);
		}
	}
	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		if (totals_is_last(result, v))
			totals_of_vm(facts, check, v, &mirrors);
	tally = (struct tally){ .compared = sums.compared + mirrors.compared,
				.differed = sums.differed + mirrors.differed };
	check_settle(check, &tally);
	check_detail(check,
		     "%s totals against the sum over all numbers, %s different; %s VM-wide values"
		     " against the sum over vCPUs, %s different",
		     text_u64(sums.compared).s, text_u64(sums.differed).s,
		     text_u64(mirrors.compared).s, text_u64(mirrors.differed).s);
}
