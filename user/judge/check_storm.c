// SPDX-License-Identifier: GPL-2.0-only
/* Everything at once: of the vCPUs of that phase alone, whatever can be compared. */
#include "judge/check_storm.h"

#include <stdio.h>
#include <stdlib.h>

#include "judge/check_counts.h"
#include "judge/check_time.h"
#include "judge/check_totals.h"
#include "util/text.h"

/* What the phase consists of. */
struct content {
	unsigned int vcpus;
	uint64_t exits, audited, read; /* read: leaves of exits, compared in place */
};

static bool is_storm(const struct result *result, unsigned int vcpu)
{
	return result->vcpus[vcpu].phase == PHASE_STORM;
}

/* Executions of a workload, of which op is the first operation. */
static uint64_t executed(const struct result_vcpu *vcpu, enum probe_op op)
{
	uint64_t sum = 0;

	for (unsigned int n = 0; n < workload_ops(workload_of(op)); n++)
		sum += vcpu->executed[op + n];
	return sum;
}

/* A guest that did less than it was told makes everything else look right. */
static void tally_planned(const struct facts *facts, struct check *check, struct tally *tally)
{
	const struct result *result = facts->result;

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		const struct result_vcpu *vcpu = &result->vcpus[v];

		for (int op = 0; op < PROBE_NR_OPS && is_storm(result, v); op++) {
			if (!vcpu->planned[op])
				continue;
			tally->compared++;
			if (executed(vcpu, op) >= vcpu->planned[op])
				continue;
			tally->differed++;
			check_example(check, "%s: %s executed %s times, and told to %s times",
				      check_place(facts, v, EXIT_INDEX_OTHER, NULL).s,
				      workload_of(op)->name, text_u64(executed(vcpu, op)).s,
				      text_u64(vcpu->planned[op]).s);
		}
	}
}

static void tally_in_place(const struct facts *facts, struct check *check, struct content *content,
			   struct tally *tally)
{
	const struct result *result = facts->result;

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		const struct ec_vcpu *bpf = &result->vcpus[v].bpf;
		uint64_t compared = 0, differed = 0;

		for (unsigned int leaf = 0; leaf < LEAF_NR && is_storm(result, v); leaf++) {
			compared += leaf_is_count(LEAF_FIRST + leaf) ? bpf->compared[leaf] : 0;
			differed += bpf->differed[leaf];
		}
		content->read += compared;
		tally->compared += compared;
		tally->differed += differed;
		if (differed)
			check_example(check, "%s: of %s reads compared in place %s were wrong",
				      check_place(facts, v, EXIT_INDEX_OTHER, NULL).s,
				      text_u64(compared).s, text_u64(differed).s);
	}
}

/* Every exit; how long the code between the two clocks takes is AUDIT's. */
static void tally_audit(const struct facts *facts, struct check *check, struct content *content,
			struct tally *tally)
{
	const struct result *result = facts->result;
	struct check why = { .id = CHECK_STORM };
	const struct ec_vcpu **vcpus = calloc(result->nr_vcpus + 1, sizeof(*vcpus));
	struct timing timing;
	struct audit audit;

	if (!vcpus) {
		tally->undecided++;
		return;
	}
	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		if (is_storm(result, v))
			vcpus[content->vcpus++] = &result->vcpus[v].bpf;
	audit_sum(facts->isa, vcpus, content->vcpus, &audit);
	free(vcpus);
	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		content->exits += is_storm(result, v) ? result->vcpus[v].bpf.count : 0;
	if (result->no_audit)
		return;
	if (!timing_audits(result, &why, &timing))
		audit.untimed = audit.exceeded = 0;
	content->audited = audit.compared;
	tally->compared += audit.compared;
	tally->undecided += audit.ended - audit.compared;
	tally->differed += audit.differed + audit.untimed + audit.exceeded;
	if (audit.differed + audit.untimed + audit.exceeded)
		check_example(
			check,
			"of %s exits, KVM miscounted %s, charged no cycles for %s, too many for"
			" %s",
			text_u64(audit.compared).s, text_u64(audit.differed).s,
			text_u64(audit.untimed).s, text_u64(audit.exceeded).s);
}

static void add(struct tally *sum, const struct tally *tally)
{
	sum->compared += tally->compared;
	sum->differed += tally->differed;
	sum->undecided += tally->undecided;
}

/* The fewest steps that show it, first: whoever repeats it wants to know. */
static void tell_where(const struct result *result, struct check *check)
{
	const struct result_storm *storm = &result->storm;
	char kinds[112] = "";
	size_t n = 0;

	if (!storm->found)
		return;
	if (!storm->shown_to) {
		check_example(check, "--seed %llu: by step %s%s", (unsigned long long)result->seed,
			      text_u64(storm->found_by + 1).s,
			      storm->trials ? "; not again in the steps up to it" : "");
		return;
	}
	for (int kind = 0; kind < NR_STORM_KINDS; kind++)
		if (storm->needed & 1u << kind && n < sizeof(kinds))
			n += snprintf(kinds + n, sizeof(kinds) - n, "%s%s", n ? ", " : "",
				      storm_kind_name(kind));
	check_example(check, "--seed %llu: steps %s to %s show it by themselves: %s",
		      (unsigned long long)result->seed, text_u64(storm->shown_from + 1).s,
		      text_u64(storm->shown_to).s, n ? kinds : "a new VM");
}

static void describe(const struct result *result, struct check *check,
		     const struct content *content, const struct tally *sum)
{
	const struct result_storm *storm = &result->storm;
	const uint64_t *done = storm->done;

	check_detail(check,
		     "seed %llu, %s steps, %.1f s: %u VMs, %u vCPUs, %s of them late; %s programs,"
		     " %s signals, %s moves, %s CPUs off or on%s%s%s; %s of %s exits against KVM's"
		     " own account, %s reads in place; %s comparisons, %s different",
		     (unsigned long long)result->seed, text_u64(storm->steps).s, storm->seconds,
		     storm->vms, content->vcpus, text_u64(done[STORM_VCPU]).s,
		     text_u64(done[STORM_PROGRAM] + done[STORM_COMMAND] + done[STORM_READ]).s,
		     text_u64(done[STORM_SIGNAL]).s, text_u64(done[STORM_MOVE]).s,
		     text_u64(done[STORM_CPU]).s, *storm->no_cpus ? " (" : "", storm->no_cpus,
		     *storm->no_cpus ? ")" : "", text_u64(content->audited).s,
		     text_u64(content->exits).s, text_u64(content->read).s,
		     text_u64(sum->compared).s, text_u64(sum->differed).s);
}

void check_storm(struct facts *facts, struct check *check)
{
	const struct result *result = facts->result;
	const struct result_phase_info *phase = &result->phase[PHASE_STORM];
	struct tally leaf = { 0 }, bpf = { 0 }, rest = { 0 }, sum = { 0 };
	struct content content = { 0 };

	if (!phase->ran) {
		check_detail(check, "%s", phase->skipped);
		return;
	}
	tell_where(result, check);
	tally_in_place(facts, check, &content, &rest);
	tally_audit(facts, check, &content, &rest);
	counts_around(facts, check, PHASE_STORM, &rest);
	/* Of an event that eBPF has not seen it cannot know. */
	if (facts->lost) {
		rest.undecided += facts->lost;
		rest.differed = 0;
	}
	counts_truth(facts, check, PHASE_STORM, &leaf, &bpf);
	add(&sum, &rest);
	add(&sum, &leaf);
	add(&sum, &bpf);
	tally_planned(facts, check, &sum);
	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		if (is_storm(result, v) && totals_is_last(result, v))
			totals_of_vm(facts, check, v, &sum);
	check_settle(check, &sum);
	if (*phase->skipped) {
		check_example(check, "%s", phase->skipped);
		if (check->verdict == VERDICT_PASS)
			check->verdict = VERDICT_INCONCLUSIVE;
	}
	if (facts->lost && check->verdict == VERDICT_INCONCLUSIVE)
		check_example(check, "eBPF lost %s events", text_u64(facts->lost).s);
	describe(result, check, &content, &sum);
}
