// SPDX-License-Identifier: GPL-2.0-only
/* Counts of exits: against eBPF, the truth and KVM's statistic. */
#include "judge/check_counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

/* Leaves (VM-wide and per vCPU) and eBPF against the truth, in the sweeps of one phase. */
void counts_truth(const struct facts *facts, struct check *check, enum result_phase phase,
		  struct tally *leaf, struct tally *bpf)
{
	const struct result *result = facts->result;

	for (unsigned int s = 0; s < result->nr_sweeps; s++) {
		const struct result_sweep *sweep = &result->sweeps[s];
		const struct probe_read *reads = sweep_reads(result, sweep);
		/* Without the leaves, their numbers were read as well: see run/single.c. */
		unsigned int nr_reads = result->leaves == LEAVES_PRESENT ? sweep->nr_reads : 0;

		if (result->vcpus[sweep->vcpu].phase != phase)
			continue;
		for (unsigned int i = 0; i < nr_reads; i++) {
			uint64_t executed[PROBE_NR_OPS], value = 0;
			bool whole_vm = reads[i].function == LEAF_EXITS;
			unsigned int index = exit_index(facts->isa, reads[i].index);
			struct bounds bounds;
			bool valid;

			if ((!whole_vm && reads[i].function != LEAF_VCPU_EXITS) ||
			    index == EXIT_INDEX_OTHER || (whole_vm && sweep->concurrent))
				continue;
			sweep_executed(sweep, &reads[i], whole_vm, executed);
			bounds = facts_truth(facts, executed, index);
			valid = leaf_decode(&reads[i], &value) == LEAF_VALUE;
			leaf->compared++;
			if (valid && bounds_have(value, bounds))
				continue;
			if (valid && !facts->expected[index] &&
			    bounds_have(value, facts_bpf(facts, sweep, &reads[i], index))) {
				leaf->undecided++;
				check_example(check, "%s: %s exits that the guest did not cause",
					      check_place(facts, sweep->vcpu, index, sweep).s,
					      text_u64(value).s);
				continue;
			}
			leaf->differed++;
			check_example(check, "%s: executed %s, %s leaf %s",
				      check_place(facts, sweep->vcpu, index, sweep).s,
				      bounds_text(bounds).s, whole_vm ? "VM-wide" : "vCPU's",
				      valid ? text_u64(value).s : "malformed");
		}
		for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
			struct bounds bounds = facts_truth(facts, sweep->after, index);
			uint64_t value = sweep->bpf_after[index];

			bpf->compared++;
			if (bounds_have(value, bounds))
				continue;
			if ((facts->lost && value < bounds.lower) || !facts->expected[index]) {
				bpf->undecided++;
				continue;
			}
			bpf->differed++;
			check_example(check, "%s: executed %s, eBPF %s",
				      check_place(facts, sweep->vcpu, index, sweep).s,
				      bounds_text(bounds).s, text_u64(value).s);
		}
	}
}

static void settle_truth(const struct facts *facts, struct check *check, const struct tally *leaf,
			 const struct tally *bpf)
{
	const struct tally sum = {
		.compared = leaf->compared + bpf->compared,
		.differed = leaf->differed + bpf->differed,
		.undecided = leaf->undecided + bpf->undecided,
	};

	check_settle(check, &sum);
	if (check->verdict == VERDICT_INCONCLUSIVE && facts->lost)
		check_example(check, "eBPF lost %s events", text_u64(facts->lost).s);
}

/* Whether a workload caused exits: of some, the CPU decides whether there are any. */
static bool has_caused(const struct result *result, const struct result_workload *entry)
{
	if (entry->unsupported)
		return false;
	return entry->workload->truth != TRUTH_AT_MOST ||
	       result->sweeps[entry->after].bpf_after[entry->index] >
		       result->sweeps[entry->before].bpf_after[entry->index];
}

/* What the guest executed besides its workloads, its reads, is not what it was asked to do. */
static void settle_no_workloads(const struct facts *facts, struct check *check)
{
	const struct result *result = facts->result;

	if (check->verdict != VERDICT_PASS)
		return;
	check->verdict = VERDICT_INCONCLUSIVE;
	check_detail(check, "none of %u workloads caused an exit", result->nr_workloads);
	for (unsigned int i = 0; i < result->nr_workloads; i++) {
		const struct result_workload *entry = &result->workloads[i];

		check_example(check, "%s: %s", entry->workload->name,
			      entry->unsupported ? entry->unsupported : entry->workload->why);
	}
}

void check_truth(struct facts *facts, struct check *check)
{
	const struct result *result = facts->result;
	bool leaves = result->leaves == LEAVES_PRESENT;
	struct tally leaf = { 0 }, bpf = { 0 };
	unsigned int ran = 0;

	/* The other phases have checks of their own for the leaves. */
	for (int phase = 0; phase < (leaves ? PHASE_SINGLE + 1 : NR_PHASES); phase++)
		counts_truth(facts, check, phase, &leaf, &bpf);
	for (unsigned int i = 0; i < result->nr_workloads; i++)
		ran += has_caused(result, &result->workloads[i]);
	settle_truth(facts, check, &leaf, &bpf);
	if (leaves)
		check_detail(check,
			     "%u workload%s: %s leaf values against what the guest executed, %s"
			     " different; %s counts of eBPF likewise, %s different",
			     ran, ran == 1 ? "" : "s", text_u64(leaf.compared).s,
			     text_u64(leaf.differed).s, text_u64(bpf.compared).s,
			     text_u64(bpf.differed).s);
	else
		check_detail(check,
			     "%u workload%s: %s counts of eBPF against what the guest executed, %s"
			     " different",
			     ran, ran == 1 ? "" : "s", text_u64(bpf.compared).s,
			     text_u64(bpf.differed).s);
	if (!ran)
		settle_no_workloads(facts, check);
}

/*
 * Whether a count must equal eBPF's at that instant; otherwise (VM-wide, several vCPUs) it must lie
 * in a range.
 */
static bool is_equality(const struct result *result, unsigned int vcpu, uint32_t function)
{
	return !leaf_is_vm_wide(function) || result_vm_vcpus(result, vcpu) == 1;
}

/* Comparisons in place: what the eBPF program found in the very exit that read the leaf. */
static void tally_in_place(const struct facts *facts, struct check *check, bool equality,
			   struct tally *tally)
{
	const struct result *result = facts->result;
	uint64_t below = 0, expected[LEAF_NR];

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		const struct ec_vcpu *bpf = &result->vcpus[v].bpf;

		memset(expected, 0, sizeof(expected));
		for (unsigned int s = 0; s < result->nr_sweeps; s++) {
			const struct result_sweep *sweep = &result->sweeps[s];
			const struct probe_read *reads = sweep_reads(result, sweep);

			for (unsigned int i = 0; sweep->vcpu == v && i < sweep->nr_reads; i++)
				if (leaf_is_count(reads[i].function))
					expected[reads[i].function - LEAF_FIRST]++;
		}
		for (unsigned int leaf = 0; leaf < LEAF_NR; leaf++) {
			if (is_equality(result, v, LEAF_FIRST + leaf) != equality)
				continue;
			tally->differed += bpf->differed[leaf];
			/* Of cycles only the registers' form is compared. */
			if (!leaf_is_count(LEAF_FIRST + leaf))
				continue;
			tally->compared += bpf->compared[leaf];
			if (bpf->compared[leaf] < expected[leaf])
				tally->undecided += expected[leaf] - bpf->compared[leaf];
		}
	}
	for (unsigned int i = 0; i < result->nr_mismatches; i++) {
		const struct ec_mismatch *mismatch = &result->mismatches[i];
		const struct result_vcpu *vcpu = result_slot_vcpu(result, mismatch->slot);
		const struct bounds bounds = { mismatch->lower, mismatch->upper };
		unsigned int v = vcpu ? vcpu - result->vcpus : 0;

		if (!vcpu || is_equality(result, v, mismatch->function) != equality)
			continue;
		below += mismatch->leaf < mismatch->lower;
		check_example(check, "%s: leaf 0x%08x %s, %s %s, in place",
			      check_place(facts, v,
					  leaf_is_by_number(mismatch->function) ?
						  exit_index(facts->isa, mismatch->index) :
						  EXIT_INDEX_OTHER,
					  NULL)
				      .s,
			      mismatch->function, text_u64(mismatch->leaf).s,
			      mismatch->by_kvm ? "KVM's account" : "eBPF", bounds_text(bounds).s);
	}
	/* With lost events eBPF's numbers are too low: only a lower leaf is wrong for sure. */
	if (facts->lost && !below) {
		tally->undecided += tally->differed;
		tally->differed = 0;
	}
}

/* The same from outside: eBPF's counts before and after a sweep enclose the leaf. */
void counts_around(const struct facts *facts, struct check *check, enum result_phase phase,
		   struct tally *tally)
{
	const struct result *result = facts->result;

	for (unsigned int s = 0; s < result->nr_sweeps; s++) {
		const struct result_sweep *sweep = &result->sweeps[s];
		const struct probe_read *reads = sweep_reads(result, sweep);

		if (phase != NR_PHASES && result->vcpus[sweep->vcpu].phase != phase)
			continue;
		for (unsigned int i = 0; i < sweep->nr_reads; i++) {
			unsigned int index = exit_index(facts->isa, reads[i].index);
			struct bounds bounds;
			uint64_t value;

			if (!leaf_is_count(reads[i].function) ||
			    !leaf_is_by_number(reads[i].function) || index == EXIT_INDEX_OTHER ||
			    !is_equality(result, sweep->vcpu, reads[i].function))
				continue;
			tally->compared++;
			bounds = facts_bpf(facts, sweep, &reads[i], index);
			if (leaf_decode(&reads[i], &value) != LEAF_VALUE ||
			    bounds_have(value, bounds))
				continue;
			if (facts->lost && value > bounds.upper) {
				tally->undecided++;
				continue;
			}
			tally->differed++;
			check_example(check, "%s: leaf 0x%08x %s, eBPF %s",
				      check_place(facts, sweep->vcpu, index, sweep).s,
				      reads[i].function, text_u64(value).s, bounds_text(bounds).s);
		}
	}
}

static void settle_count(const struct facts *facts, struct check *check, const struct tally *tally)
{
	check_settle(check, tally);
	check_detail(check, "%s in-place comparisons, %s different%s%s%s",
		     text_u64(tally->compared).s, text_u64(tally->differed).s,
		     tally->undecided ? ", " : "",
		     tally->undecided ? text_u64(tally->undecided).s : "",
		     tally->undecided ? " undecided" : "");
	if (check->verdict == VERDICT_INCONCLUSIVE && facts->lost)
		check_example(check, "eBPF lost %s events", text_u64(facts->lost).s);
	if (check->verdict == VERDICT_PASS && facts->lost) {
		check->verdict = VERDICT_INCONCLUSIVE;
		check_example(check, "eBPF lost %s events", text_u64(facts->lost).s);
	}
}

void check_count(struct facts *facts, struct check *check)
{
	struct tally tally = { 0 }, around = { 0 };
	size_t length;

	tally_in_place(facts, check, true, &tally);
	counts_around(facts, check, NR_PHASES, &around);
	tally.undecided += around.undecided;
	settle_count(facts, check, &tally);
	if (!around.differed)
		return;
	check->verdict = VERDICT_FAIL;
	length = strlen(check->detail);
	snprintf(check->detail + length, sizeof(check->detail) - length,
		 "; %s reads outside of eBPF's counts before and after",
		 text_u64(around.differed).s);
}

void check_count_vm(struct facts *facts, struct check *check)
{
	const struct result_phase_info *phase = &facts->result->phase[PHASE_SMP];
	struct tally tally = { 0 };

	tally_in_place(facts, check, false, &tally);
	settle_count(facts, check, &tally);
	if (!phase->ran && !tally.compared)
		check_detail(check, "%s", phase->skipped);
}

void check_mono(struct facts *facts, struct check *check)
{
	const struct result *result = facts->result;
	uint64_t(*last)[EXIT_NR_INDICES] = NULL;
	struct tally tally = { 0 };

	last = calloc(LEAF_NR, sizeof(*last));
	if (!last) {
		check->verdict = VERDICT_INCONCLUSIVE;
		check_detail(check, "out of memory");
		return;
	}
	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		memset(last, 0, LEAF_NR * sizeof(*last));
		for (unsigned int s = 0; s < result->nr_sweeps; s++) {
			const struct result_sweep *sweep = &result->sweeps[s];
			const struct probe_read *reads = sweep_reads(result, sweep);

			for (unsigned int i = 0; sweep->vcpu == v && i < sweep->nr_reads; i++) {
				unsigned int index =
					leaf_is_by_number(reads[i].function) ?
						exit_index(facts->isa, reads[i].index) :
						EXIT_INDEX_OTHER;
				uint64_t value, *before;

				if (leaf_decode(&reads[i], &value) != LEAF_VALUE)
					continue;
				before = &last[reads[i].function - LEAF_FIRST][index];
				tally.compared++;
				if (value < *before) {
					tally.differed++;
					check_example(check, "%s: leaf 0x%08x went from %s to %s",
						      check_place(facts, v, index, sweep).s,
						      reads[i].function, text_u64(*before).s,
						      text_u64(value).s);
				}
				*before = value;
			}
		}
	}
	free(last);
	check_settle(check, &tally);
	check_detail(check, "%s values, %s below the previous one", text_u64(tally.compared).s,
		     text_u64(tally.differed).s);
}

/* Exits of a phase by eBPF, and its vCPUs. */
static uint64_t phase_exits(const struct result *result, enum result_phase phase,
			    unsigned int *vcpus, unsigned int *vms, unsigned int *hidden)
{
	uint64_t exits = 0;
	unsigned int last_vm = 0;

	*vcpus = *vms = *hidden = 0;
	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		if (result->vcpus[v].phase != phase)
			continue;
		exits += result->vcpus[v].bpf.count;
		++*vcpus;
		*vms += result->vcpus[v].vm != last_vm;
		*hidden += result->vcpus[v].hidden;
		last_vm = result->vcpus[v].vm;
	}
	return exits;
}

static void check_phase(struct facts *facts, struct check *check, enum result_phase phase)
{
	const struct result *result = facts->result;
	struct tally leaf = { 0 }, bpf = { 0 };
	unsigned int vcpus, vms, hidden;
	uint64_t exits = phase_exits(result, phase, &vcpus, &vms, &hidden);

	if (!result->phase[phase].ran) {
		check_detail(check, "%s", result->phase[phase].skipped);
		return;
	}
	counts_truth(facts, check, phase, &leaf, &bpf);
	settle_truth(facts, check, &leaf, &bpf);
	if (*result->phase[phase].skipped) {
		check_example(check, "%s", result->phase[phase].skipped);
		if (check->verdict == VERDICT_PASS)
			check->verdict = VERDICT_INCONCLUSIVE;
	}
	if (phase == PHASE_SMP)
		check_detail(check,
			     "%u vCPUs at once, %s exits: %s values against what they executed,"
			     " %s different",
			     vcpus, text_u64(exits).s, text_u64(leaf.compared).s,
			     text_u64(leaf.differed + bpf.differed).s);
	else if (phase == PHASE_ISOLATION)
		check_detail(check,
			     "%u VMs%s, %s exits: %s values of VMs idle, running and new against"
			     " their own exits, %s different",
			     vms, hidden ? ", one of them accounted for the host alone" : "",
			     text_u64(exits).s, text_u64(leaf.compared).s,
			     text_u64(leaf.differed + bpf.differed).s);
	else
		check_detail(check,
			     "a vCPU thread moved %u times between %u CPUs, %s exits: %s values"
			     " against what it executed, %s different",
			     result->phase[phase].moves, result->phase[phase].cpus,
			     text_u64(exits).s, text_u64(leaf.compared).s,
			     text_u64(leaf.differed + bpf.differed).s);
}

void check_smp(struct facts *facts, struct check *check)
{
	check_phase(facts, check, PHASE_SMP);
}

void check_isolation(struct facts *facts, struct check *check)
{
	check_phase(facts, check, PHASE_ISOLATION);
}

void check_migrate(struct facts *facts, struct check *check)
{
	check_phase(facts, check, PHASE_MIGRATE);
}
