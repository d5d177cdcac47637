// SPDX-License-Identifier: GPL-2.0-only
#include "judge/published_counts.h"

#include <stdlib.h>
#include <string.h>

#include "kvm/exits.h"
#include "util/array.h"
#include "util/text.h"

/* ---- one vCPU alone ---- */

/* The first and the last sweep of a vCPU on its own CPU; false: it has none. */
static bool ends(const struct published *p, unsigned int vcpu, unsigned int *first,
		 unsigned int *last)
{
	const struct published_result *published = &p->result->published;
	bool any = false;

	for (unsigned int i = 0; i < published->nr_points; i++) {
		unsigned int sweep = published->points[i].sweep;

		if (p->result->sweeps[sweep].vcpu != vcpu ||
		    p->result->sweeps[sweep].kind == SWEEP_SOME ||
		    (published->windows[WINDOW_CPU].has &&
		     sweep == published->windows[WINDOW_CPU].after))
			continue;
		if (!any)
			*first = sweep;
		*last = sweep;
		any = true;
	}
	return any && *first != *last;
}

static void add(struct grown *sum, const struct grown *grown)
{
	if (!grown->has)
		return;
	sum->has = true;
	sum->leaf += grown->leaf;
	sum->lower += grown->lower;
	sum->upper += grown->upper;
	sum->error += grown->error;
}

static struct grown grown_of(const struct published *p, unsigned int first, unsigned int last,
			     unsigned int index, unsigned int number, bool total, uint64_t others)
{
	const struct result_sweep *from = &p->result->sweeps[first];
	const struct result_sweep *to = &p->result->sweeps[last];
	uint32_t leaf = total ? p->leaves->total_exits : p->leaves->exits;

	return published_grown(p, published_read(p, from, leaf, number, false),
			       published_read(p, to, leaf, number, false), from, to, index, others);
}

static void collect_single(struct published *p)
{
	for (unsigned int v = 0; v < p->result->nr_vcpus; v++) {
		unsigned int first = 0, last = 0, number;
		struct grown grown;

		if (p->result->vcpus[v].phase != PHASE_SINGLE || !ends(p, v, &first, &last))
			continue;
		for (unsigned int i = 0; exit_number(p->facts.isa, i, &number); i++) {
			grown = grown_of(p, first, last, i, number, false, 0);
			add(&p->counts[i], &grown);
		}
		grown = grown_of(p, first, last, EXIT_INDEX_OTHER, 0, true, 0);
		add(&p->total, &grown);
	}
}

/* Reasons that have a fast path on any of the kernels. */
static bool has_fast_path(const struct published *p, unsigned int index)
{
	static const unsigned int vmx[] = { 12, 13, 32, 52, 85 }; /* HLT, INVD, WRMSR, timer */
	static const unsigned int svm[] = { 0x76, 0x78, 0x7c };	  /* INVD, HLT, MSR */
	const unsigned int *list = p->facts.isa == EXIT_ISA_VMX ? vmx : svm;
	unsigned int nr = p->facts.isa == EXIT_ISA_VMX ? NR(vmx) : NR(svm);

	for (unsigned int i = 0; i < nr; i++)
		if (exit_index(p->facts.isa, list[i]) == index)
			return true;
	return false;
}

struct single {
	unsigned int judged, right, none, higher, doubled;
	int64_t missing, excess, sum;
	bool fast[EXIT_NR_INDICES], lower[EXIT_NR_INDICES], above[EXIT_NR_INDICES];
	unsigned int nr_fast, nr_lower;
};

static struct single look(const struct published *p)
{
	struct single s = { 0 };

	for (unsigned int i = 0; i < EXIT_INDEX_OTHER; i++) {
		const struct grown *grown = &p->counts[i];

		if (!grown->has || (!grown->lower && !grown->error))
			continue;
		s.judged++;
		s.sum += grown->error;
		s.right += !grown->error;
		s.none += grown->lower && !grown->leaf;
		if (grown->error < 0) {
			s.missing -= grown->error;
			if (has_fast_path(p, i) && grown->leaf) {
				s.fast[i] = true;
				s.nr_fast++;
			} else {
				s.lower[i] = true;
				s.nr_lower++;
			}
		} else if (grown->error > 0) {
			s.above[i] = true;
			s.higher++;
			s.excess += grown->error;
			s.doubled += llabs(grown->leaf - 2 * (int64_t)grown->lower) <=
				     2 + (int64_t)grown->lower / 10;
		}
	}
	return s;
}

/* Workloads all of whose exits are missing, where a reason lacks some only: "nested-cpuid, ...". */
static bool lacks_workload(const struct published *p, unsigned int index)
{
	for (unsigned int w = 0; w < p->result->nr_workloads; w++) {
		const struct result_workload *workload = &p->result->workloads[w];
		struct grown grown;
		unsigned int number;

		if (workload->unsupported || workload->index != index ||
		    !exit_number(p->facts.isa, index, &number))
			continue;
		grown = grown_of(p, workload->before, workload->after, index, number, false, 0);
		if (grown.has && grown.error < 0 && (uint64_t)-grown.error >= workload->count)
			return true;
	}
	return false;
}

static void find_missing(struct published *p, const struct single *s, unsigned int points)
{
	bool whole[EXIT_NR_INDICES] = { false }, part[EXIT_NR_INDICES] = { false };
	unsigned int nr_whole = 0, nr_part = 0;

	if (s->nr_fast)
		published_find(
			p, FINDING_MISSED_FASTPATH, points,
			"Exits that KVM's fast path handles are missing: %s. %u other numbers are"
			" right.",
			published_list(p, s->fast).s, s->right);
	for (unsigned int i = 0; i < EXIT_INDEX_OTHER; i++) {
		if (!s->lower[i])
			continue;
		whole[i] = !p->counts[i].leaf || lacks_workload(p, i);
		part[i] = !whole[i];
		nr_whole += whole[i];
		nr_part += part[i];
	}
	if (nr_whole)
		published_find(
			p, FINDING_EARLY_RETURN, points,
			"Some kinds of exits are never counted, of %u numbers: missing are %s. %u"
			" numbers are right.",
			nr_whole, published_list(p, whole).s, s->right);
	if (nr_part)
		published_find(p, FINDING_MISCOUNTED, points,
			       "On one vCPU alone exits are missing of %u numbers: %s.", nr_part,
			       published_list(p, part).s);
}

static void judge_single(struct published *p)
{
	const struct single s = look(p);
	/* The total lacks what the numbers lack: one cause. */
	const int64_t rest = p->total.error - s.sum;
	const bool same = p->total.has && p->total.error && llabs(rest) <= 2 + llabs(s.sum) / 50;
	const unsigned int points = POINT(EXITS) | (same ? POINT(ALL_EXITS) : 0);

	if (s.judged && s.none == s.judged) {
		published_find(
			p, FINDING_NOT_COUNTED,
			POINT(EXITS) | (p->total.has && !p->total.leaf ? POINT(ALL_EXITS) : 0),
			"No exit was ever counted: %u numbers stayed as they were while the guest"
			" caused %s exits.",
			s.judged, text_i64(s.missing).s);
	} else if (s.higher && s.missing && llabs(s.sum) <= 2 + s.missing / 50) {
		published_find(
			p, FINDING_WRONG_REASON, POINT(EXITS),
			"%s exits are missing that other numbers have too many: missing are %s;"
			" too many are %s.",
			text_i64(s.missing).s, published_list(p, s.nr_fast ? s.fast : s.lower).s,
			published_list(p, s.above).s);
	} else {
		if (s.nr_fast || s.nr_lower)
			find_missing(p, &s, points);
		if (s.higher && s.doubled == s.higher)
			published_find(
				p, FINDING_DOUBLE_COUNT, points,
				"%u numbers have twice the exits that were made: too many are %s.",
				s.higher, published_list(p, s.above).s);
		else if (s.higher)
			published_find(
				p, FINDING_MISCOUNTED, points,
				"On one vCPU alone there are too many exits of %u numbers: %s.",
				s.higher, published_list(p, s.above).s);
	}
	if (p->total.error && !same && !(s.judged && s.none == s.judged && !p->total.leaf))
		published_find(p, FINDING_WRONG_TOTAL, POINT(ALL_EXITS),
			       "All exits grew by %s, where the guest made %s to %s.",
			       text_i64(p->total.leaf).s, text_u64(p->total.lower).s,
			       text_u64(p->total.upper).s);
}

/* ---- several vCPUs at once ---- */

static uint64_t others_of(const struct published *p, const struct published_point *point,
			  const struct result_sweep *sweep, unsigned int index)
{
	if (p->scope == SCOPE_VCPU)
		return 0;
	return (p->scope == SCOPE_VM ? point->vm[index] : point->all[index]) -
	       sweep->bpf_before[index];
}

static void collect_smp(struct published *p)
{
	const unsigned int first = p->result->published.windows[WINDOW_SMP].before;
	const unsigned int last = p->result->published.windows[WINDOW_SMP].after;
	const struct published_point *from = published_point(p->result, first);
	const struct published_point *to = published_point(p->result, last);
	uint64_t sum = 0;
	unsigned int number;

	if (!p->result->published.windows[WINDOW_SMP].has || !from || !to ||
	    p->scope == SCOPE_CPU || p->scope == SCOPE_UNKNOWN)
		return;
	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++) {
		uint64_t others = others_of(p, to, &p->result->sweeps[last], i) -
				  others_of(p, from, &p->result->sweeps[first], i);

		sum += others;
		if (exit_number(p->facts.isa, i, &number))
			p->smp[i] = grown_of(p, first, last, i, number, false, others);
	}
	p->smp_total = grown_of(p, first, last, EXIT_INDEX_OTHER, 0, true, sum);
}

static void judge_smp(struct published *p)
{
	unsigned int nr_lower = 0, example = 0, number = 0;
	int64_t missing = 0, excess = 0;
	bool total = p->smp_total.error < 0 && !p->total.error;

	for (unsigned int i = 0; i < EXIT_INDEX_OTHER; i++) {
		/* What is wrong on one vCPU has been said. */
		if (!p->smp[i].has || p->counts[i].error)
			continue;
		if (p->smp[i].error > 0)
			excess += p->smp[i].error;
		if (p->smp[i].error >= 0)
			continue;
		nr_lower++;
		missing -= p->smp[i].error;
		if (p->smp[i].error < p->smp[example].error)
			example = i;
	}
	exit_number(p->facts.isa, example, &number);
	if (excess > missing / 2 && excess > 1)
		published_find(
			p, FINDING_SHARED_STATE, POINT(EXITS),
			"With several vCPUs at once, numbers that are right on one have %s exits"
			" too many, and lack %s: an exit counts as that of another vCPU.",
			text_i64(excess).s, text_i64(missing).s);
	else if (nr_lower || total)
		published_find(
			p, FINDING_LOST_UPDATE,
			(nr_lower ? POINT(EXITS) : 0) | (total ? POINT(ALL_EXITS) : 0),
			"Right on one vCPU; with several at once %s exits of %u numbers are lost"
			" (such as %s of %s, of %s %s), and %s of all.",
			text_i64(missing).s, nr_lower, text_i64(-p->smp[example].error).s,
			text_u64(p->smp[example].lower).s, text_exit(p->facts.isa, number).s,
			exit_name(p->facts.isa, number),
			text_i64(total ? -p->smp_total.error : 0).s);
}

/* ---- reads by several vCPUs at once: each asks for another number ---- */

static const struct probe_read *quiet(const struct published *p, const struct probe_read *read,
				      bool last)
{
	const struct published_result *published = &p->result->published;
	unsigned int sweep = last ? published->windows[WINDOW_SMP].after :
				    published->windows[WINDOW_SMP].before;

	for (unsigned int i = 0; i < published->nr_probes; i++) {
		const struct probe_read *found =
			published_read(p, &p->result->sweeps[published->first_probe + i],
				       read->function, read->index, false);

		/* An undefined one is in no other sweep. */
		if (found && exit_index(p->facts.isa, read->index) == EXIT_INDEX_OTHER)
			return found;
	}
	return published_read(p, &p->result->sweeps[sweep], read->function, read->index, last);
}

/*
 * Whether an answer is none that the number can have: it is less than before, or another one where it
 * stays as it is. Not more than after: an update that is lost may take back what was read.
 */
static bool is_of_another(const struct published *p, const struct probe_read *read)
{
	const struct probe_read *before = quiet(p, read, false), *after = quiet(p, read, true);
	int64_t since, whole;

	if (!before || !after)
		return false;
	if (read_is_refused(before) != read_is_refused(read))
		return true;
	/* What an undefined number shows that is not refused may lie beyond the counters, and change by itself. */
	if (read_is_refused(read) || exit_index(p->facts.isa, read->index) == EXIT_INDEX_OTHER)
		return false;
	if (read->function == p->leaves->exits) {
		since = (int32_t)(read->eax - before->eax);
		whole = (int32_t)(after->eax - before->eax);
	} else {
		since = (int64_t)(read_cycles(p, read) - read_cycles(p, before));
		whole = (int64_t)(read_cycles(p, after) - read_cycles(p, before));
		if (p->narrow)
			since = 0;
	}
	return since < 0 || (since && !whole);
}

static void judge_races(struct published *p)
{
	const struct probe_read *example = NULL;
	uint64_t reads = 0, wrong[2] = { 0 };

	if (!p->result->published.windows[WINDOW_SMP].has || p->scope == SCOPE_CPU ||
	    p->scope == SCOPE_VCPU)
		return;
	for (unsigned int s = 0; s < p->result->nr_sweeps; s++) {
		const struct result_sweep *sweep = &p->result->sweeps[s];
		const struct probe_read *list = sweep_reads(p->result, sweep);

		for (unsigned int i = 0; sweep->concurrent && i < sweep->nr_reads; i++) {
			reads++;
			if (!is_of_another(p, &list[i]))
				continue;
			wrong[list[i].function == p->leaves->cycles]++;
			example = &list[i];
		}
	}
	if (!example)
		return;
	published_find(
		p, FINDING_SHARED_STATE,
		(wrong[0] ? POINT(EXITS) : 0) | (wrong[1] ? POINT(CYCLES) : 0),
		"While several vCPUs read, %s of %s answers were to what another vCPU had asked:"
		" number %s of leaf 0x%08x returned %x, %x, %x, %x.",
		text_u64(wrong[0] + wrong[1]).s, text_u64(reads).s,
		text_exit(p->facts.isa, example->index).s, example->function, example->eax,
		example->ebx, example->ecx, example->edx);
}

static void tally(struct published *p)
{
	for (unsigned int i = 0; i < EXIT_INDEX_OTHER; i++) {
		const struct grown *of[] = { &p->counts[i], &p->smp[i] };

		for (unsigned int k = 0; k < NR(of); k++) {
			p->compared[POINT_EXITS] += of[k]->has && of[k]->lower;
			p->differed[POINT_EXITS] += of[k]->has && of[k]->error;
		}
	}
	p->compared[POINT_ALL_EXITS] += p->total.has + p->smp_total.has;
	p->differed[POINT_ALL_EXITS] += (p->total.error != 0) + (p->smp_total.error != 0);
}

void published_counts(struct published *p)
{
	collect_single(p);
	judge_single(p);
	collect_smp(p);
	judge_smp(p);
	judge_races(p);
	if (p->scope == SCOPE_VCPU)
		published_find(
			p, FINDING_PER_VCPU, POINT(ALL_EXITS) | POINT(ALL_CYCLES),
			"An idle vCPU sees none of its siblings' exits: the assignment asks for those"
			" of all vCPUs.");
	tally(p);
}
