// SPDX-License-Identifier: GPL-2.0-only
#include "judge/uncovered.h"

#include <math.h>

#include "kvm/workload.h"
#include "util/stats.h"

/* Spans that are looked at: those of a long run are alike. */
#define MAX_SPANS 64

/* Whether the guest spins, besides. */
static bool spins(enum probe_op op)
{
	return op == PROBE_PREEMPTION_TIMER || op == PROBE_PREEMPTED;
}

/* Whether its guest does little else than to cause exits. */
static bool is_tight(enum probe_op op)
{
	const struct workload *workload = workload_of(op);

	return workload && workload->truth == TRUTH_EXACT && !spins(op);
}

bool span_is_tight(const struct result_span *span)
{
	return is_tight(span->op) && span->exits >= RESULT_SPAN_EXITS;
}

/* An interrupt's exit after the guest read its clock, and before the leaf, is covered, too. */
bool span_has_too_much(const struct result_span *span)
{
	return span->covered > span->until_read;
}

/* What takes the host's CPU away, between exits too, makes few operations of a command longer, but those by far. */
static double uncovered_within(const struct result_span *span, uint64_t elapsed)
{
	return fmin((double)elapsed - (double)span->covered, (double)span->steady) /
	       (double)span->exits;
}

/* Of one exit; fewer, or less than none, where an interrupt came just before the leaf was read. */
static double span_uncovered(const struct result_span *span)
{
	return uncovered_within(span, span->elapsed);
}

/* No exit that the leaf has came after its read. */
static double span_most(const struct result_span *span)
{
	return uncovered_within(span, span->until_read);
}

/* Each operation but a quarter took that long, and all of them together had no more than that covered. */
static double span_proven(const struct result_span *span)
{
	return ((double)span->steady - (double)span->covered) / (double)span->exits;
}

static double median_of(double *values, unsigned int nr)
{
	stats_lower_quartile(values, nr); /* sorts them */
	return values[nr / 2];
}

struct uncovered uncovered_of(const struct result *result, unsigned int vcpu, enum probe_op op)
{
	struct uncovered of = { 0 };
	double covered = 0, exits = 0, proven[MAX_SPANS];

	for (unsigned int i = 0; i < result->nr_spans; i++) {
		const struct result_span *span = &result->spans[i];

		if (span->vcpu != vcpu || (op != PROBE_NR_OPS && span->op != op))
			continue;
		of.commands += is_tight(span->op);
		if (!span_is_tight(span))
			continue;
		if (of.spans < MAX_SPANS)
			proven[of.spans] = span_proven(span);
		of.most = of.spans ? fmin(of.most, span_most(span)) : span_most(span);
		of.spans++;
		covered += (double)span->covered;
		exits += (double)span->exits;
	}
	if (!of.spans)
		return of;
	of.covered = covered / exits;
	of.proven = median_of(proven, of.spans < MAX_SPANS ? of.spans : MAX_SPANS);
	return of;
}

bool uncovered_of_reason(const struct result *result, unsigned int index, double *median)
{
	double values[MAX_SPANS];
	unsigned int nr = 0;

	for (unsigned int i = 0; i < result->nr_spans && nr < MAX_SPANS; i++) {
		const struct result_span *span = &result->spans[i];

		if (result->vcpus[span->vcpu].phase == PHASE_SINGLE && span_is_tight(span) &&
		    op_exit_index(result->host.isa, span->op) == index)
			values[nr++] = span_uncovered(span);
	}
	if (!nr)
		return false;
	*median = median_of(values, nr);
	return true;
}
