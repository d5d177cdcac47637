// SPDX-License-Identifier: GPL-2.0-only
/* Cycles: against the guest's own clock, which owes nothing to the tracepoints. */
#include "judge/check_uncovered.h"

#include <math.h>

#include "judge/uncovered.h"
#include "util/stats.h"
#include "util/text.h"

/* As for AUDIT's bias, which is part of it: a host that is busy, or emulated, only adds. */
#define UNCOVERED_FACTOR 8
#define UNCOVERED_CYCLES 2000
#define UNCOVERED_SHARE 0.01

#define SPARE_FACTOR 2

/* What KVM does costs each exit alike; what takes an emulated host's CPU away hits some commands more than others. */
#define SCATTER_FACTOR 1.5

#define MAX_GROUPS 256
#define MAX_SPANS 1024

/* Commands of one operation on one vCPU; or of any on one of several vCPUs. */
struct group {
	unsigned int vcpu;
	enum probe_op op;
	struct uncovered of;
};

struct groups {
	struct group list[MAX_GROUPS];
	unsigned int nr, nr_vcpus;
	unsigned int workloads, vcpus; /* that there are, with those of too few commands */
	/* Cycles that a busy host may add to every command of a group: of one vCPU alone, of several at once. */
	double spare[2];
};

static bool is_several(const struct result *result, unsigned int vcpu)
{
	return result->vcpus[vcpu].phase != PHASE_SINGLE;
}

static void add_group(const struct result *result, struct groups *groups, unsigned int vcpu,
		      enum probe_op op)
{
	struct uncovered of =
		uncovered_of(result, vcpu, op, groups->spare[is_several(result, vcpu)]);

	if (of.commands)
		++*(op == PROBE_NR_OPS ? &groups->vcpus : &groups->workloads);
	if (of.spans < RESULT_VCPU_SPANS || groups->nr == MAX_GROUPS)
		return;
	groups->nr_vcpus += op == PROBE_NR_OPS;
	groups->list[groups->nr++] = (struct group){ .vcpu = vcpu, .op = op, .of = of };
}

static void find_groups(const struct result *result, struct groups *groups)
{
	groups->nr = groups->nr_vcpus = groups->workloads = groups->vcpus = 0;
	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		if (is_several(result, v)) {
			add_group(result, groups, v, PROBE_NR_OPS);
			continue;
		}
		for (int op = 0; op < PROBE_NR_OPS; op++)
			add_group(result, groups, v, op);
	}
}

/* The leaves never have more than passed, nor less than passed in exits for certain. */
static void judge_spans(const struct facts *facts, struct check *check, struct tally *tally,
			uint64_t *too_few)
{
	const struct result *result = facts->result;

	for (unsigned int i = 0; i < result->nr_spans; i++) {
		const struct result_span *span = &result->spans[i];

		tally->compared++;
		if (span->covered < span->known) {
			tally->differed++;
			(*too_few)++;
			check_example(
				check, "%s: leaf %s cycles of %s exits, which the VMM made last %s",
				check_place(facts, span->vcpu, facts->op_index[span->op], NULL).s,
				text_u64(span->covered).s, text_u64(span->exits).s,
				text_u64(span->known).s);
			continue;
		}
		if (!span_has_too_much(span))
			continue;
		tally->differed++;
		check_example(check, "%s: leaf %s cycles of %s exits, but %s passed in the guest",
			      check_place(facts, span->vcpu, facts->op_index[span->op], NULL).s,
			      text_u64(span->covered).s, text_u64(span->exits).s,
			      text_u64(span->until_read).s);
	}
}

/* One small constant, to which a busy host only adds. */
static double limit_of(const struct groups *groups)
{
	double least[MAX_GROUPS];
	unsigned int nr = 0;

	for (unsigned int g = 0; g < groups->nr; g++)
		least[nr++] = groups->list[g].of.least;
	return UNCOVERED_CYCLES +
	       (nr ? UNCOVERED_FACTOR * fmax(stats_lower_quartile(least, nr), 0) : 0);
}

/*
 * What the host is busy with comes on top of a command, however many exits that has: twice what a quarter
 * of all such commands has beyond the least of its group.  Several vCPUs keep each other from running.
 */
static double spare_of(const struct result *result, const struct groups *groups, bool several)
{
	double noise[MAX_SPANS];
	unsigned int nr = 0;

	for (unsigned int i = 0; i < result->nr_spans && nr < MAX_SPANS; i++) {
		const struct result_span *span = &result->spans[i];

		if (is_several(result, span->vcpu) != several || !span_is_tight(span))
			continue;
		for (unsigned int g = 0; g < groups->nr; g++) {
			const struct group *group = &groups->list[g];

			if (group->vcpu != span->vcpu || (!several && group->op != span->op))
				continue;
			/* Negative, so that the lower quartile is that of the noisiest. */
			noise[nr++] =
				(group->of.least - span_uncovered(span)) * (double)span->exits;
			break;
		}
	}
	return nr ? SPARE_FACTOR * fmax(-stats_lower_quartile(noise, nr), 0) : 0;
}

static void judge_groups(const struct facts *facts, struct check *check,
			 const struct groups *groups, double limit, struct tally *tally)
{
	for (unsigned int g = 0; g < groups->nr; g++) {
		const struct group *group = &groups->list[g];
		const unsigned int index = group->op == PROBE_NR_OPS ? EXIT_INDEX_OTHER :
								       facts->op_index[group->op];
		const struct place place = check_place(facts, group->vcpu, index, NULL);

		tally->compared++;
		if (group->of.beyond <= limit + group->of.covered * UNCOVERED_SHARE)
			continue;
		if (group->of.median > SCATTER_FACTOR * group->of.least) {
			tally->undecided++;
			check_example(
				check,
				"%s: %s cycles of an exit and more are not in the leaves, with a"
				" median of %s: the host was kept from running",
				place.s, text_real(group->of.least).s,
				text_real(group->of.median).s);
			continue;
		}
		tally->differed++;
		check_example(check, "%s: at least %s cycles of an exit are not in the leaves",
			      place.s, text_real(group->of.least).s);
	}
}

static void conclude(struct check *check, const struct groups *groups, double limit,
		     const struct tally *spans, uint64_t too_few)
{
	const struct text too_many = text_u64(spans->differed - too_few);
	const struct group *low = NULL, *high = NULL;

	for (unsigned int g = 0; g < groups->nr; g++) {
		const struct group *group = &groups->list[g];

		if (group->op == PROBE_NR_OPS)
			continue;
		if (!low || group->of.least < low->of.least)
			low = group;
		if (!high || group->of.least > high->of.least)
			high = group;
	}
	if (!low) {
		check_detail(
			check,
			"%s commands by the guest's own clock, %s with more cycles in the leaves"
			" than passed; too few of any workload to compare what is between"
			" hardware and the accounting",
			text_u64(spans->compared).s, too_many.s);
		return;
	}
	check_detail(
		check,
		"%s commands by the guest's own clock, %s with more cycles in the leaves than"
		" passed; between hardware and the accounting at least %s (%s) to %s (%s) cycles"
		" an exit of %u of %u workloads, and the same on %u of %u vCPUs of several"
		" (limit: %s, 1 %% of an exit, and %s a command, of several %s)",
		text_u64(spans->compared).s, too_many.s, text_real(low->of.least).s,
		workload_of(low->op)->name, text_real(high->of.least).s,
		workload_of(high->op)->name, groups->nr - groups->nr_vcpus, groups->workloads,
		groups->nr_vcpus, groups->vcpus, text_real(limit).s,
		text_real(groups->spare[false]).s, text_real(groups->spare[true]).s);
}

void check_uncovered(struct facts *facts, struct check *check)
{
	struct groups groups = { 0 };
	struct tally spans = { 0 }, tally;
	uint64_t too_few = 0;
	double limit;

	if (!(facts->result->discovery.features & LEAF_FEATURE_STABLE_TSC)) {
		check->verdict = VERDICT_INCONCLUSIVE;
		check_detail(check, "the host's TSC is not stable: its cycles cannot be compared");
		return;
	}
	find_groups(facts->result, &groups);
	limit = limit_of(&groups);
	for (unsigned int several = 0; several < 2; several++)
		groups.spare[several] = spare_of(facts->result, &groups, several);
	find_groups(facts->result, &groups);
	judge_spans(facts, check, &spans, &too_few);
	tally = spans;
	judge_groups(facts, check, &groups, limit, &tally);
	/* The run sees to it that each has enough of them. */
	if (groups.nr_vcpus < groups.vcpus) {
		tally.undecided += groups.vcpus - groups.nr_vcpus;
		check_example(check,
			      "%u of %u vCPUs of several have fewer than %u commands of %u exits",
			      groups.vcpus - groups.nr_vcpus, groups.vcpus, RESULT_VCPU_SPANS,
			      RESULT_SPAN_EXITS);
	}
	check_settle(check, &tally);
	if (check->verdict == VERDICT_PASS && groups.nr == groups.nr_vcpus)
		check->verdict = VERDICT_SKIP;
	conclude(check, &groups, limit, &spans, too_few);
}
