// SPDX-License-Identifier: GPL-2.0-only
/* Cycles: against the guest's own clock, which owes nothing to the tracepoints. */
#include "judge/check_uncovered.h"

#include <math.h>

#include "judge/uncovered.h"
#include "util/stats.h"
#include "util/text.h"

/*
 * What an exit lacks for certain, and what it may lack, in terms of what others do; eBPF's programs, which are part of it,
 * take twice as long at a leaf read.
 */
#define PROVEN_FACTOR 4
#define MOST_FACTOR 8
#define UNCOVERED_CYCLES 2000
#define UNCOVERED_SHARE 0.01

#define MAX_GROUPS 256

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
};

static void add_group(const struct result *result, struct groups *groups, unsigned int vcpu,
		      enum probe_op op)
{
	struct uncovered of = uncovered_of(result, vcpu, op);

	if (of.commands)
		++*(op == PROBE_NR_OPS ? &groups->vcpus : &groups->workloads);
	if (of.spans < RESULT_VCPU_SPANS || groups->nr == MAX_GROUPS)
		return;
	groups->nr_vcpus += op == PROBE_NR_OPS;
	groups->list[groups->nr++] = (struct group){ .vcpu = vcpu, .op = op, .of = of };
}

static void find_groups(const struct result *result, struct groups *groups)
{
	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		if (result->vcpus[v].phase != PHASE_SINGLE) {
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
static double usual_of(const struct groups *groups)
{
	double most[MAX_GROUPS];
	unsigned int nr = 0;

	for (unsigned int g = 0; g < groups->nr; g++)
		most[nr++] = groups->list[g].of.most;
	return nr ? fmax(stats_lower_quartile(most, nr), 0) : 0;
}

static double limit_of(double usual, unsigned int factor)
{
	return UNCOVERED_CYCLES + factor * usual;
}

static void judge_groups(const struct facts *facts, struct check *check,
			 const struct groups *groups, double usual, struct tally *tally)
{
	for (unsigned int g = 0; g < groups->nr; g++) {
		const struct group *group = &groups->list[g];
		const struct uncovered *of = &group->of;
		const unsigned int index = group->op == PROBE_NR_OPS ? EXIT_INDEX_OTHER :
								       facts->op_index[group->op];
		const struct place place = check_place(facts, group->vcpu, index, NULL);
		const double share = of->covered * UNCOVERED_SHARE;

		tally->compared++;
		if (of->proven > limit_of(usual, PROVEN_FACTOR) + share) {
			tally->differed++;
			check_example(check,
				      "%s: at least %s cycles of an exit are not in the leaves",
				      place.s, text_real(of->proven).s);
		} else if (of->most > limit_of(usual, MOST_FACTOR) + share) {
			tally->undecided++;
			check_example(
				check,
				"%s: %s to %s cycles of an exit are not in the leaves: the host was"
				" kept from running",
				place.s, text_real(fmax(of->proven, 0)).s, text_real(of->most).s);
		}
	}
}

static void conclude(struct check *check, const struct groups *groups, double usual,
		     const struct tally *spans, uint64_t too_few)
{
	const struct text too_many = text_u64(spans->differed - too_few);
	const struct group *low = NULL, *high = NULL;

	for (unsigned int g = 0; g < groups->nr; g++) {
		const struct group *group = &groups->list[g];

		if (group->op == PROBE_NR_OPS)
			continue;
		if (!low || group->of.most < low->of.most)
			low = group;
		if (!high || group->of.most > high->of.most)
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
		" passed; between hardware and the accounting %s (%s) to %s (%s) cycles an exit"
		" of %u of %u workloads, and the same on %u of %u vCPUs of several (limit: %s for"
		" certain, %s at most, and 1 %% of an exit)",
		text_u64(spans->compared).s, too_many.s, text_real(low->of.most).s,
		workload_of(low->op)->name, text_real(high->of.most).s, workload_of(high->op)->name,
		groups->nr - groups->nr_vcpus, groups->workloads, groups->nr_vcpus, groups->vcpus,
		text_real(limit_of(usual, PROVEN_FACTOR)).s,
		text_real(limit_of(usual, MOST_FACTOR)).s);
}

void check_uncovered(struct facts *facts, struct check *check)
{
	struct groups groups = { 0 };
	struct tally spans = { 0 }, tally;
	uint64_t too_few = 0;
	double usual;

	if (!(facts->result->discovery.features & LEAF_FEATURE_STABLE_TSC)) {
		check->verdict = VERDICT_INCONCLUSIVE;
		check_detail(check, "the host's TSC is not stable: its cycles cannot be compared");
		return;
	}
	find_groups(facts->result, &groups);
	usual = usual_of(&groups);
	judge_spans(facts, check, &spans, &too_few);
	tally = spans;
	judge_groups(facts, check, &groups, usual, &tally);
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
	conclude(check, &groups, usual, &spans, too_few);
}
