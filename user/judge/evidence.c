// SPDX-License-Identifier: GPL-2.0-only
#include "judge/evidence.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kvm/exits.h"
#include "util/text.h"

static uint64_t swap_words(uint64_t value)
{
	return value << 32 | value >> 32;
}

static uint64_t take(uint64_t value, enum reading reading)
{
	return reading == READING_SWAPPED  ? swap_words(value) :
	       reading == READING_LOW_WORD ? (uint32_t)value :
					     value;
}

/* ---- counts ---- */

/* The correct values of a count: within either range. */
struct right {
	struct bounds bpf, truth;
};

/* Errors are clamped to this, so that sums of them cannot overflow. */
#define ERROR_MAX (1ull << 48)

static int64_t distance(uint64_t value, struct bounds bounds)
{
	uint64_t below = value < bounds.lower ? bounds.lower - value : 0;
	uint64_t above = value > bounds.upper ? value - bounds.upper : 0;

	return (int64_t)(above < ERROR_MAX ? above : ERROR_MAX) -
	       (int64_t)(below < ERROR_MAX ? below : ERROR_MAX);
}

static int64_t error_of(uint64_t value, const struct right *right)
{
	int64_t bpf = distance(value, right->bpf), truth = distance(value, right->truth);

	return llabs(truth) < llabs(bpf) ? truth : bpf;
}

static bool is_total(uint32_t function)
{
	return function == LEAF_TOTAL_EXITS || function == LEAF_VCPU_TOTAL_EXITS;
}

/*
 * The correct values of a read; false if unknown: in a VM with several vCPUs, the total and
 * asynchronous exits.
 */
static bool right_for(const struct facts *facts, const struct result_sweep *sweep,
		      const struct probe_read *read, struct right *right)
{
	unsigned int index = exit_index(facts->isa, read->index);
	bool siblings = leaf_is_vm_wide(read->function) &&
			result_vm_vcpus(facts->result, sweep->vcpu) > 1;
	uint64_t executed[PROBE_NR_OPS];

	if (is_total(read->function)) {
		right->bpf = (struct bounds){ 0, 0 };
		for (unsigned int i = 0; i < EXIT_NR_INDICES; i++) {
			struct bounds of = facts_bpf(facts, sweep, read, i);

			right->bpf.lower += of.lower;
			right->bpf.upper += of.upper;
		}
		right->truth = right->bpf;
	} else {
		sweep_executed(sweep, read, leaf_is_vm_wide(read->function), executed);
		right->bpf = facts_bpf(facts, sweep, read, index);
		right->truth = facts_truth(facts, executed, index);
		/* A bound alone proves nothing right. */
		if (right->truth.upper != right->truth.lower && !siblings)
			right->truth = right->bpf;
		if (siblings)
			right->bpf = right->truth;
	}
	/* eBPF that lost events has too little. */
	if (facts->lost && right->truth.lower != right->truth.upper)
		right->bpf.upper = right->truth.upper = UINT64_MAX;
	return !siblings || (!is_total(read->function) && right->truth.upper != UINT64_MAX);
}

static bool is_exits_of_number(const struct facts *facts, const struct probe_read *read)
{
	return leaf_is_count(read->function) && leaf_is_by_number(read->function) &&
	       exit_index(facts->isa, read->index) != EXIT_INDEX_OTHER;
}

/* The value of a read of exits; false if it is another leaf, or answered as undefined. */
static bool count_value(const struct facts *facts, const struct probe_read *read, uint64_t *value)
{
	uint64_t decoded;

	if ((!is_total(read->function) && !is_exits_of_number(facts, read)) ||
	    leaf_decode(read, &decoded) == LEAF_NUMBER_UNDEFINED)
		return false;
	*value = (uint64_t)read->ebx << 32 | read->eax;
	return true;
}

static void see_words(struct evidence *evidence, uint64_t value, const struct right *right)
{
	uint64_t least = right->bpf.lower < right->truth.lower ? right->bpf.lower :
								 right->truth.lower;

	if (!error_of(value, right))
		return;
	evidence->counts_wrong++;
	if (!error_of(swap_words(value), right))
		evidence->counts_swapped++;
	else if (value >> 32 && !error_of((uint32_t)value, right))
		evidence->counts_low_word++;
	else if (least >> 32 && !error_of(value + (least >> 32 << 32), right))
		evidence->counts_wrapped++;
}

/* Whether a wrong value is the one that the read before should have had, which is another one. */
static void see_previous(struct evidence *evidence, const struct result_sweep *sweep,
			 unsigned int i, uint64_t value, const struct right *right)
{
	const struct probe_read *reads = sweep_reads(evidence->result, sweep);
	struct right previous;
	uint64_t ignored;

	if (!i || !value || !error_of(value, right) ||
	    !count_value(&evidence->facts, &reads[i - 1], &ignored) ||
	    !right_for(&evidence->facts, sweep, &reads[i - 1], &previous))
		return;
	/* Two reads of the same counter are one exit apart. */
	evidence->counts_previous += !error_of(value, &previous) &&
				     llabs((int64_t)(previous.bpf.lower - right->bpf.lower)) > 1;
}

/* Whether a vCPU had executed no more than it does to start. */
static bool is_fresh(const struct result_sweep *sweep)
{
	uint64_t sum = 0;

	for (int op = 0; op < PROBE_NR_OPS; op++)
		sum += sweep->before[op];
	return sum <= EVIDENCE_FRESH_EXITS;
}

static void track(struct evidence *evidence, const struct result_sweep *sweep,
		  const struct probe_read *read, uint64_t value, const struct right *right)
{
	unsigned int index = is_total(read->function) ?
				     TRACK_TOTAL :
				     exit_index(evidence->facts.isa, read->index);
	struct track *track =
		&evidence->vcpus[sweep->vcpu].leaf[leaf_is_vm_wide(read->function)][index];
	int64_t error = error_of(value, right);

	if (sweep->concurrent) {
		evidence->concurrent_wrong += error != 0;
		return;
	}
	if (!track->reads) {
		track->fresh = is_fresh(sweep);
		track->first_error = track->least_error = track->greatest_error = error;
		track->first_right = right->bpf.lower;
	} else if (value < track->last_value) {
		track->drops++;
	}
	if (error < track->least_error)
		track->least_error = error;
	if (error > track->greatest_error)
		track->greatest_error = error;
	track->last_error = error;
	track->last_right = right->bpf.lower;
	track->last_value = value;
	track->reads++;
	evidence->truth_differs += !error && right->truth.lower == right->truth.upper &&
				   distance(right->truth.lower, right->bpf);
}

static void collect_counts(struct evidence *evidence, bool words_only)
{
	const struct result *result = evidence->result;
	const struct facts *facts = &evidence->facts;

	for (unsigned int s = 0; s < result->nr_sweeps; s++) {
		const struct result_sweep *sweep = &result->sweeps[s];
		const struct probe_read *reads = sweep_reads(result, sweep);

		for (unsigned int i = 0; i < sweep->nr_reads; i++) {
			struct right right;
			uint64_t value;

			if (!count_value(facts, &reads[i], &value) ||
			    (sweep->concurrent && leaf_is_vm_wide(reads[i].function)) ||
			    !right_for(facts, sweep, &reads[i], &right))
				continue;
			if (words_only) {
				see_words(evidence, value, &right);
				see_previous(evidence, sweep, i, value, &right);
			} else {
				track(evidence, sweep, &reads[i], take(value, evidence->counts_as),
				      &right);
			}
		}
	}
}

bool evidence_sweep_error(const struct evidence *evidence, const struct result_sweep *sweep,
			  bool vm_wide, unsigned int index, int64_t *error, uint64_t *expected)
{
	const struct probe_read *reads = sweep_reads(evidence->result, sweep);

	for (unsigned int i = 0; i < sweep->nr_reads; i++) {
		struct right right;
		uint64_t value;

		if (reads[i].function != (vm_wide ? LEAF_EXITS : LEAF_VCPU_EXITS) ||
		    exit_index(evidence->facts.isa, reads[i].index) != index ||
		    !count_value(&evidence->facts, &reads[i], &value) ||
		    !right_for(&evidence->facts, sweep, &reads[i], &right))
			continue;
		*error = error_of(take(value, evidence->counts_as), &right);
		*expected = right.bpf.lower;
		return true;
	}
	return false;
}

/* From the first sweep on: what was there before belongs to another defect. */
static void collect_growth(struct evidence *evidence, bool vm_wide)
{
	const struct result *result = evidence->result;

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		for (unsigned int index = 0; index < EXIT_NR_INDICES; index++) {
			const struct track *track = &evidence->vcpus[v].leaf[vm_wide][index];
			struct growth *growth = &evidence->growth[index];
			bool once = track->reads == 1;

			if (result->vcpus[v].phase != PHASE_SINGLE || !track->reads)
				continue;
			growth->has = true;
			growth->right += track->last_right - (once ? 0 : track->first_right);
			growth->error += track->last_error - (once ? 0 : track->first_error);
		}
	}
	/* For asynchronous exits, eBPF's numbers around a sweep are only a range. */
	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		struct growth *growth = &evidence->growth[index];

		if (evidence->facts.asynchronous[index] &&
		    (uint64_t)llabs(growth->error) <= 3 + growth->right / 50)
			growth->error = 0;
		evidence->miscounted += growth->error != 0;
	}
}

/* ---- cycles ---- */

#define MORE_THAN_NOISE 1.02

static double cycles_of_ns(const struct result *result, double ns)
{
	double khz = result->host.tsc_khz ? result->host.tsc_khz : result->discovery.tsc_khz;

	return ns * khz / 1e6;
}

/* Whether so many cycles are plausible for eBPF's time. */
static bool is_plausible(double cycles, double bpf)
{
	return cycles <= bpf * MORE_THAN_NOISE && cycles >= bpf / 50;
}

/* Whether a value equals eBPF's except for multiples of 2^32, and equalled it below 2^32. */
static bool is_wrapped(const struct result *result, unsigned int i)
{
	const struct result_time *time = &result->times[i], *before = result_time_before(result, i);
	double bpf = cycles_of_ns(result, time->ns);
	double whole = (double)time->cycles + floor(bpf / 0x1p32) * 0x1p32;

	if (time->cycles >> 32 || whole <= time->cycles || time->cycles < bpf * 0.05 ||
	    whole < bpf * 0.95 || whole > bpf * MORE_THAN_NOISE)
		return false;
	return !before || is_wrapped(result, before - result->times) ||
	       before->cycles >= 0.9 * cycles_of_ns(result, before->ns);
}

static void see_cycle_words(struct evidence *evidence, unsigned int i)
{
	const struct result_time *time = &evidence->result->times[i];
	double bpf = cycles_of_ns(evidence->result, time->ns);

	if (is_wrapped(evidence->result, i)) {
		evidence->cycles_wrapped++;
		return;
	}
	if (is_plausible(time->cycles, bpf))
		return;
	evidence->cycles_wrong++;
	if (time->cycles && is_plausible(swap_words(time->cycles), bpf))
		evidence->cycles_swapped++;
	else if (time->cycles >> 32 && is_plausible((uint32_t)time->cycles, bpf))
		evidence->cycles_low_word++;
}

static bool has_time_after(const struct result *result, unsigned int i)
{
	const struct result_time *time = &result->times[i];

	while (++i < result->nr_times)
		if (result->times[i].vcpu == time->vcpu && result->times[i].index == time->index)
			return true;
	return false;
}

/* A window from one read to the next; since birth where there is one read alone. */
static void collect_window(struct evidence *evidence, unsigned int i)
{
	const struct result *result = evidence->result;
	const struct result_time *time = &result->times[i], *before = result_time_before(result, i);
	const struct result_time zero = { 0 };
	struct time_of *of = &evidence->times[result->vcpus[time->vcpu].phase][time->index];
	double cycles, bpf, timed;

	if (!before && has_time_after(result, i))
		return;
	if (!before)
		before = &zero;
	if (time->timed <= before->timed)
		return;
	timed = time->timed - before->timed;
	bpf = cycles_of_ns(result, time->ns - before->ns);
	cycles = (double)take(time->cycles, evidence->cycles_as) -
		 (double)take(before->cycles, evidence->cycles_as);
	of->drops |= cycles < 0;
	if (bpf > 0 && cycles / bpf > of->best_share)
		of->best_share = cycles / bpf;
	of->excesses += cycles > bpf * 1.001 + 10 * timed;
	if (!of->windows || cycles / timed < of->least_cycles)
		of->least_cycles = cycles / timed;
	if (!of->windows || bpf / timed < of->least_bpf)
		of->least_bpf = bpf / timed;
	of->windows++;
	of->cycles += cycles;
	of->bpf += bpf;
	of->timed += timed;
}

/* Otherwise the rest of a value does not show how it was truncated. */
static bool most_times_are_sound(const struct evidence *evidence)
{
	unsigned int sound = 0, reasons = 0;

	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		const struct time_of *of = &evidence->times[PHASE_SINGLE][index];

		reasons += of->windows > 0;
		sound += of->windows > 0 && of->best_share > 0.5;
	}
	return 2 * sound >= reasons;
}

/* ---- the whole ---- */

bool evidence_collect(struct evidence *evidence, const struct result *result,
		      const struct verdicts *verdicts)
{
	*evidence = (struct evidence){ .result = result, .verdicts = verdicts };
	facts_init(&evidence->facts, result);
	for (unsigned int i = 0; i < verdicts->nr_checks; i++)
		evidence->failed[verdicts->checks[i].id] = verdicts->checks[i].verdict ==
							   VERDICT_FAIL;
	evidence->vcpus = calloc(result->nr_vcpus ? result->nr_vcpus : 1, sizeof(*evidence->vcpus));
	evidence->times = calloc(NR_PHASES, sizeof(*evidence->times));
	if (!evidence->vcpus || !evidence->times)
		return false;

	collect_counts(evidence, true);
	if (2 * evidence->counts_swapped > evidence->counts_wrong)
		evidence->counts_as = READING_SWAPPED;
	else if (2 * evidence->counts_low_word > evidence->counts_wrong)
		evidence->counts_as = READING_LOW_WORD;
	collect_counts(evidence, false);
	/* What the vCPU's own leaves show has the fewest other causes. */
	collect_growth(evidence, false);
	if (!evidence->miscounted && !evidence->growth[TRACK_TOTAL].error) {
		for (unsigned int index = 0; index < EXIT_NR_INDICES; index++)
			evidence->growth[index] = (struct growth){ 0 };
		collect_growth(evidence, true);
	}

	for (unsigned int i = 0; i < result->nr_times; i++)
		see_cycle_words(evidence, i);
	if (2 * evidence->cycles_swapped > evidence->cycles_wrong)
		evidence->cycles_as = READING_SWAPPED;
	else if (2 * evidence->cycles_low_word > evidence->cycles_wrong)
		evidence->cycles_as = READING_LOW_WORD;
	for (unsigned int i = 0; i < result->nr_times; i++)
		collect_window(evidence, i);
	/* In KVM's account, an exit at which a counter wraps is charged too much. */
	if ((!evidence->failed[CHECK_TIME] && !evidence->failed[CHECK_MONO]) ||
	    (evidence->failed[CHECK_AUDIT] && !verdicts->audit.exceeded) ||
	    !most_times_are_sound(evidence))
		evidence->cycles_wrapped = 0;
	return true;
}

void evidence_destroy(struct evidence *evidence)
{
	free(evidence->vcpus);
	free(evidence->times);
}

struct reason_text reason_text(const struct evidence *evidence, unsigned int index)
{
	struct reason_text text = { "the total" };
	unsigned int number;
	const char *name;

	if (!exit_number(evidence->facts.isa, index, &number))
		return text;
	name = exit_name(evidence->facts.isa, number);
	snprintf(text.s, sizeof(text.s), "%s %s", text_exit(evidence->facts.isa, number).s,
		 name ? name : "");
	return text;
}

void evidence_conclude(struct evidence *evidence, enum diagnosis_id id, enum confidence confidence,
		       const char *shows, ...)
{
	struct diagnosis *diagnosis = &evidence->list[evidence->nr];
	va_list args;

	for (unsigned int i = 0; i < evidence->nr; i++)
		if (evidence->list[i].id == id)
			return;
	evidence->nr++;
	diagnosis->id = id;
	diagnosis->confidence = confidence;
	va_start(args, shows);
	vsnprintf(diagnosis->shows, sizeof(diagnosis->shows), shows, args);
	va_end(args);
	snprintf(diagnosis->where, sizeof(diagnosis->where), diagnosis_where(id),
		 evidence->facts.isa == EXIT_ISA_SVM ? "svm" : "vmx");
}
