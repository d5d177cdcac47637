// SPDX-License-Identifier: GPL-2.0-only
#include "judge/published_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/uncovered.h"
#include "kvm/exits.h"
#include "util/stats.h"
#include "util/text.h"

#define LEAST_EXITS 10	  /* fewer give no meaningful mean */
#define SLACK_CYCLES 10	  /* of an exit: readings of two clocks */
#define SWITCH_CYCLES 100 /* of an exit: hardware takes more from the guest to the host and back */

static double khz(const struct published *p)
{
	return p->result->host.tsc_khz;
}

/* How cycles grew between two reads. */
static double growth(const struct published *p, const struct probe_read *before,
		     const struct probe_read *after)
{
	uint64_t grown = read_cycles(p, after) - read_cycles(p, before);

	return p->narrow ? (double)(uint32_t)grown : (double)(int64_t)grown;
}

/* ---- cycles by number: of each workload's own ---- */

static void add_window(struct published *p, const struct result_workload *workload)
{
	const struct result_sweep *from = &p->result->sweeps[workload->before];
	const struct result_sweep *to = &p->result->sweeps[workload->after];
	const struct published_point *first = published_point(p->result, workload->before);
	const struct published_point *last = published_point(p->result, workload->after);
	const unsigned int i = workload->index;
	struct passed *passed = &p->times[i];
	const struct probe_read *before, *after;
	struct grown exits;
	unsigned int number;

	if (workload->unsupported || !first || !last || !exit_number(p->facts.isa, i, &number) ||
	    p->facts.asynchronous[i])
		return;
	before = published_read(p, from, p->leaves->cycles, number, false);
	after = published_read(p, to, p->leaves->cycles, number, false);
	if (!before || !after || read_is_refused(before) || read_is_refused(after))
		return;
	passed->windows++;
	passed->outside |= op_leaves_kvm(workload->workload->op);
	passed->cycles += growth(p, before, after);
	passed->lower += (double)(last->ns_before[i] - first->ns_after[i]) * khz(p) / 1e6;
	passed->upper += (double)(last->ns_after[i] - first->ns_before[i]) * khz(p) / 1e6;
	/* The sweeps' own CPUIDs are among them. */
	exits = published_grown(p, before, after, from, to, i, 0);
	passed->timed += (double)(exits.lower + exits.upper) / 2;
}

struct shares {
	unsigned int reasons, zero, excess;
	unsigned int short_of;		     /* less than three quarters of eBPF's time */
	unsigned int outside, outside_short; /* that user space handles; likewise */
	double least, greatest;		     /* of eBPF's time */
	double of_one[EXIT_NR_INDICES],
		bpf_of_one[EXIT_NR_INDICES]; /* cycles of an exit, by reason */
	double least_bpf, greatest_bpf;
	unsigned int least_index, greatest_index;
	double cycles, bpf, timed;
	bool is_zero[EXIT_NR_INDICES], is_excess[EXIT_NR_INDICES];
};

static struct shares find_shares(struct published *p)
{
	struct shares s = { 0 };

	for (unsigned int i = 0; i < EXIT_INDEX_OTHER; i++) {
		const struct passed *passed = &p->times[i];
		double bpf = (passed->lower + passed->upper) / 2, share;

		/* Of what is not counted, no time is expected. */
		if (!passed->windows || passed->timed < LEAST_EXITS || p->counts[i].error ||
		    passed->lower <= 0)
			continue;
		share = passed->cycles / bpf;
		if (!s.reasons || share < s.least) {
			s.least = share;
			s.least_index = i;
		}
		if (!s.reasons || share > s.greatest) {
			s.greatest = share;
			s.greatest_index = i;
		}
		s.of_one[s.reasons] = passed->cycles / passed->timed;
		s.bpf_of_one[s.reasons] = bpf / passed->timed;
		if (!s.reasons || bpf / passed->timed < s.least_bpf)
			s.least_bpf = bpf / passed->timed;
		if (bpf / passed->timed > s.greatest_bpf)
			s.greatest_bpf = bpf / passed->timed;
		s.is_zero[i] = passed->cycles == 0;
		s.is_excess[i] =
			passed->cycles < 0 ||
			(!published_has_others(p) && !p->late &&
			 passed->cycles > passed->upper * 1.001 + SLACK_CYCLES * passed->timed);
		s.reasons++;
		s.short_of += share < 0.75;
		s.outside += passed->outside;
		s.outside_short += passed->outside && share < 0.75;
		s.zero += s.is_zero[i];
		s.excess += s.is_excess[i];
		s.cycles += passed->cycles;
		s.bpf += bpf;
		s.timed += passed->timed;
		p->compared[POINT_CYCLES]++;
	}
	return s;
}

struct reason {
	char s[48];
};

static struct reason reason(const struct published *p, unsigned int index)
{
	struct reason text = { "" };
	unsigned int number;

	if (exit_number(p->facts.isa, index, &number))
		snprintf(text.s, sizeof(text.s), "%s %s", text_exit(p->facts.isa, number).s,
			 exit_name(p->facts.isa, number));
	return text;
}

static bool is_unit(const struct published *p, const struct shares *s)
{
	return s->reasons >= 2 && !s->zero && s->least > 0 && s->greatest < 1.5 * s->least &&
	       (s->greatest < 0.85 || s->least > 1.05) && khz(p) > 0 &&
	       s->greatest_bpf > 3 * s->least_bpf;
}

struct quartiles {
	double lower, upper;
};

static struct quartiles quartiles(const double *values, unsigned int nr)
{
	double sorted[EXIT_NR_INDICES];
	struct quartiles of;

	memcpy(sorted, values, nr * sizeof(*values));
	of.lower = stats_lower_quartile(sorted, nr);
	of.upper = sorted[(3 * nr - 1) / 4];
	return of;
}

/*
 * Of many numbers a good part is missing; or of those that user space handles. On a busy host what KVM
 * handles itself may be late within the handler, and then has nearly all.
 */
static bool lacks_outside(const struct shares *s)
{
	return (s->short_of && 4 * s->short_of >= s->reasons) ||
	       (s->outside && 2 * s->outside_short >= s->outside);
}

/* Most numbers have the same few cycles, whatever they take: one or two may have been preempted between. */
static bool stops_early(const struct shares *s, struct quartiles *cycles, struct quartiles *bpf)
{
	if (s->reasons < 2)
		return false;
	*cycles = quartiles(s->of_one, s->reasons);
	*bpf = quartiles(s->bpf_of_one, s->reasons);
	/* So few that no handler is in them; or alike where the exits are not. */
	return cycles->upper < 3 * cycles->lower && cycles->upper < bpf->lower / 4 &&
	       (cycles->upper < bpf->lower / 10 ||
		bpf->upper * cycles->lower > 1.5 * bpf->lower * cycles->upper);
}

static void judge_shares(struct published *p, const struct shares *s)
{
	const unsigned int points = POINT(CYCLES) |
				    (p->leaves->total_cycles ? POINT(ALL_CYCLES) : 0);
	struct quartiles cycles, bpf;

	if (p->swapped) {
		published_find(
			p, FINDING_HI_LO_SWAPPED, POINT(CYCLES),
			"ECX never exceeds a few, and EBX is what counts up: the halves of cycles"
			" are the wrong way round.");
	}
	if (s->zero == s->reasons && s->reasons) {
		published_find(
			p, FINDING_NOT_TIMED,
			POINT(CYCLES) |
				(p->leaves->total_cycles && !p->total_grows ? POINT(ALL_CYCLES) :
									      0),
			"Cycles stay as they are, of %u numbers, while eBPF sees %s cycles of %s"
			" exits.",
			s->reasons, text_real(s->bpf).s, text_real(s->timed).s);
	} else if (is_unit(p, s)) {
		published_find(
			p, FINDING_UNIT, points,
			"All %u numbers have the same share of eBPF's cycles, %.3f to %.3f: %.3f for"
			" each ns, where the TSC has %.3f.",
			s->reasons, s->least, s->greatest, s->greatest * khz(p) / 1e6,
			khz(p) / 1e6);
	} else if (s->excess) {
		published_find(
			p, FINDING_INCLUDES_GUEST, points,
			"More cycles than the exits can have taken, of %u of %u numbers: %s.",
			s->excess, s->reasons, published_list(p, s->is_excess).s);
	} else if (s->zero) {
		published_find(p, FINDING_SOME_UNTIMED, POINT(CYCLES),
			       "Counted, but without cycles are %u of %u numbers: %s.", s->zero,
			       s->reasons, published_list(p, s->is_zero).s);
	} else if (stops_early(s, &cycles, &bpf)) {
		published_find(
			p, FINDING_CLOCK_STOPS_EARLY, points,
			"%s to %s cycles an exit for most of %u numbers, which take %s to %s by"
			" eBPF's clock: the time of the handler is missing.",
			text_real(cycles.lower).s, text_real(cycles.upper).s, s->reasons,
			text_real(bpf.lower).s, text_real(bpf.upper).s);
	} else if (!p->late && lacks_outside(s)) {
		published_find(
			p, FINDING_HANDLER_ONLY, 0,
			"Cycles are %.1f %% (%s) to %.1f %% (%s) of the time between exit and entry:"
			" the clock covers KVM's handler, and not user space, halting or waiting for"
			" a CPU. The assignment leaves that open.",
			s->least * 100, reason(p, s->least_index).s, s->greatest * 100,
			reason(p, s->greatest_index).s);
	}
}

/* ---- the total of cycles ---- */

/* Sums over all numbers of a sweep pair; false: an exit happened of a number that cannot be read. */
static bool sum_numbers(const struct published *p, const struct result_sweep *from,
			const struct result_sweep *to, double *sum)
{
	bool whole = true;
	unsigned int number;

	*sum = 0;
	for (unsigned int i = 0; exit_number(p->facts.isa, i, &number); i++) {
		const struct probe_read *before =
			published_read(p, from, p->leaves->cycles, number, false);
		const struct probe_read *after =
			published_read(p, to, p->leaves->cycles, number, false);

		if (before && after && !read_is_refused(before) && !read_is_refused(after))
			*sum += growth(p, before, after);
		else
			whole &= to->bpf_after[i] == from->bpf_before[i];
	}
	return whole && to->bpf_after[EXIT_INDEX_OTHER] == from->bpf_before[EXIT_INDEX_OTHER];
}

/* The total around a sweep pair encloses the sum of what was read in between. */
static void judge_total(struct published *p)
{
	const uint32_t leaf = p->leaves->total_cycles;
	unsigned int wrong = 0;
	double example[3] = { 0 };

	for (unsigned int w = 0; leaf && w < p->result->nr_workloads; w++) {
		const struct result_workload *workload = &p->result->workloads[w];
		const struct result_sweep *from = &p->result->sweeps[workload->before];
		const struct result_sweep *to = &p->result->sweeps[workload->after];
		const struct probe_read *begin[2], *end[2];
		double least, most, sum;
		bool whole;

		begin[0] = published_read(p, from, leaf, 0, false);
		begin[1] = published_read(p, from, leaf, 0, true);
		end[0] = published_read(p, to, leaf, 0, false);
		end[1] = published_read(p, to, leaf, 0, true);
		if (workload->unsupported || from == to || !begin[0] || !end[0])
			continue;
		least = growth(p, begin[1], end[0]);
		most = growth(p, begin[0], end[1]);
		p->total_grows |= most > 0;
		p->compared[POINT_ALL_CYCLES]++;
		if (!p->leaves->cycles)
			continue;
		whole = sum_numbers(p, from, to, &sum);
		if (sum <= most * 1.001 && (!whole || sum >= least * 0.999))
			continue;
		wrong++;
		example[0] = sum;
		example[1] = least;
		example[2] = most;
	}
	p->differed[POINT_ALL_CYCLES] += wrong;
	/* A total that does not count at all has been said, if the numbers do not either. */
	if (wrong)
		published_find(
			p, FINDING_WRONG_CYCLE_TOTAL, POINT(ALL_CYCLES),
			"The cycles of all numbers and the total differ in %u of %u windows: %s"
			" together, where the total grew by %s to %s.",
			wrong, (unsigned int)p->compared[POINT_ALL_CYCLES], text_real(example[0]).s,
			text_real(example[1]).s, text_real(example[2]).s);
}

/* ---- the guest's own clock ---- */

static void judge_spans(struct published *p)
{
	unsigned int spans = 0, wrong = 0, tight = 0, without = 0;
	double worst = 0, of = 0;

	for (unsigned int i = 0; i < p->result->nr_spans; i++) {
		const struct result_span *span = &p->result->spans[i];
		uint64_t covered = p->narrow ? (uint32_t)span->covered : span->covered;

		/* Others' exits are in them, where several vCPUs run. */
		if (p->result->vcpus[span->vcpu].phase != PHASE_SINGLE || p->swapped ||
		    published_has_others(p))
			continue;
		spans++;
		if (span_is_tight(span)) {
			tight++;
			without += (double)covered + SWITCH_CYCLES * (double)span->exits >
				   (double)span->elapsed;
		}
		if ((double)covered <= (double)span->until_read * 1.001 + 1000)
			continue;
		wrong++;
		if ((double)covered - (double)span->until_read < worst - of)
			continue;
		worst = (double)covered;
		of = (double)span->until_read;
	}
	p->compared[POINT_ALL_CYCLES] += spans;
	p->differed[POINT_ALL_CYCLES] += wrong;
	if (wrong) {
		published_find(
			p, FINDING_INCLUDES_GUEST, POINT(ALL_CYCLES),
			"By the guest's own clock, %u of %u commands took less than the cycles of"
			" their exits: %s cycles in %s.",
			wrong, spans, text_real(worst).s, text_real(of).s);
	} else if (p->late && tight >= RESULT_VCPU_SPANS && 2 * without > tight) {
		p->differed[POINT_ALL_CYCLES] += without;
		published_find(
			p, FINDING_INCLUDES_GUEST, POINT(ALL_CYCLES),
			"By the guest's own clock, the exits of %u of %u commands leave less than"
			" %u cycles an exit for the guest and for the way to the host and back.",
			without, tight, SWITCH_CYCLES);
	}
}

/* Cycles of a CPU: they were more before the thread was moved. */
static void judge_move(struct published *p)
{
	const struct published_result *published = &p->result->published;
	const struct probe_read *before, *after;

	if (p->scope != SCOPE_CPU || !p->leaves->total_cycles)
		return;
	before = published_read(p, &p->result->sweeps[published->windows[WINDOW_CPU].before],
				p->leaves->total_cycles, 0, true);
	after = published_read(p, &p->result->sweeps[published->windows[WINDOW_CPU].after],
			       p->leaves->total_cycles, 0, false);
	if (before && after && growth(p, before, after) < 0)
		published_find(p, FINDING_PER_CPU_SPLIT,
			       POINT(ALL_CYCLES) | (p->leaves->cycles ? POINT(CYCLES) : 0),
			       "Cycles went down when the vCPU's thread moved to another CPU.");
}

static bool is_found(const struct published *p, enum finding_id id)
{
	for (unsigned int i = 0; i < p->verdicts->nr_findings; i++)
		if (p->verdicts->findings[i].id == id)
			return true;
	return false;
}

/* What is not counted is not timed: one cause, if the cycles stay as they are, too. */
static void judge_standstill(struct published *p)
{
	const bool not_counted = is_found(p, FINDING_NOT_COUNTED);
	unsigned int points = 0;
	bool grows = false;

	for (unsigned int i = 0; i < EXIT_INDEX_OTHER; i++)
		grows |= p->times[i].cycles != 0;
	if (p->leaves->total_cycles && !p->total_grows)
		points |= POINT(ALL_CYCLES);
	if (p->leaves->cycles && !grows && not_counted)
		points |= POINT(CYCLES);
	if (points)
		published_find(p, not_counted ? FINDING_NOT_COUNTED : FINDING_NOT_TIMED, points,
			       "The total of cycles stays as it is, whatever the guest does.");
}

/*
 * Whether the kvm_exit tracepoint is in svm_handle_exit(), as on 6.1, and not in svm_vcpu_run(), as on 6.12: the
 * code from the hardware to there, and eBPF's program, are not in eBPF's time then. The series for 6.1 moves it.
 */
static bool is_late(const struct host *host)
{
	unsigned int major, minor;

	return host->isa == EXIT_ISA_SVM && host->exit_leaves == EXIT_LEAVES_ABSENT &&
	       sscanf(host->kernel, "%u.%u", &major, &minor) == 2 &&
	       (major < 6 || (major == 6 && minor < 12));
}

void published_time(struct published *p)
{
	struct shares shares;

	p->late = is_late(&p->result->host);
	if (p->late)
		published_find(
			p, FINDING_LATE_TRACEPOINT, 0,
			"On this kernel eBPF sees an exit of SVM when KVM handles it, so that its"
			" clock begins late: cycles are held against the guest's own clock.");
	for (unsigned int w = 0; w < p->result->nr_workloads; w++)
		add_window(p, &p->result->workloads[w]);
	judge_total(p);
	shares = find_shares(p);
	judge_shares(p, &shares);
	if (p->narrow)
		published_find(
			p, FINDING_TRUNCATED_32,
			POINT(ALL_CYCLES) | (p->leaves->cycles ? POINT(CYCLES) : 0),
			"EBX is 0 in all reads, and the total of cycles begins anew when it exceeds"
			" 32 bits.");
	judge_spans(p);
	judge_standstill(p);
	judge_move(p);
	p->differed[POINT_CYCLES] += shares.zero + shares.excess;
}
