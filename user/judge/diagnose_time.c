// SPDX-License-Identifier: GPL-2.0-only
/* Cycles: how they follow eBPF's, over the reasons. */
#include "judge/diagnose_time.h"

#include <math.h>
#include <stdlib.h>

#include "judge/check_time.h"
#include "util/stats.h"
#include "util/text.h"

#define MOST 0.75	  /* of eBPF's cycles */
#define NEARLY_ALL 0.9	  /* likewise */
#define HARDLY (1.0 / 16) /* of what is charged beyond eBPF's cycles */
#define TIME_MIN_EXITS 10 /* fewer exits give no meaningful mean */

/* The reasons of the single vCPUs that can be judged: those whose counts are right. */
struct shares {
	unsigned int reasons, zero, excess;
	unsigned int sound;	/* more than a third of eBPF's time, and not above it */
	unsigned int one_exit;	/* as many cycles as one exit takes */
	double least, greatest; /* best share of eBPF's time */
	double least_cycles, greatest_cycles, least_bpf, greatest_bpf; /* of an exit */
	unsigned int least_index, greatest_index;		       /* by share */
	double cycles, bpf, timed;				       /* sums */
};

static bool is_judged(const struct evidence *evidence, unsigned int index)
{
	return evidence->times[PHASE_SINGLE][index].timed >= TIME_MIN_EXITS &&
	       !evidence->facts.asynchronous[index] && !evidence->growth[index].error;
}

/* Whether a value that should be a sum is that of a single exit. */
static bool is_of_one_exit(const struct evidence *evidence, unsigned int index)
{
	const struct result *result = evidence->result;
	const struct time_of *of = &evidence->times[PHASE_SINGLE][index];

	for (unsigned int i = result->nr_times; i--;) {
		const struct result_time *time = &result->times[i];
		double one = of->bpf / of->timed;

		if (time->index == index && time->timed >= TIME_MIN_EXITS &&
		    result->vcpus[time->vcpu].phase == PHASE_SINGLE)
			return time->cycles > one / 2 && time->cycles < 2 * one &&
			       time->timed >= 2 * TIME_MIN_EXITS;
	}
	return false;
}

static struct shares find_shares(const struct evidence *evidence)
{
	struct shares shares = { 0 };

	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		const struct time_of *of = &evidence->times[PHASE_SINGLE][index];
		double share = of->best_share;

		if (!is_judged(evidence, index))
			continue;
		if (!shares.reasons || share < shares.least) {
			shares.least = share;
			shares.least_index = index;
		}
		if (!shares.reasons || share > shares.greatest) {
			shares.greatest = share;
			shares.greatest_index = index;
		}
		if (!shares.reasons || of->least_cycles < shares.least_cycles)
			shares.least_cycles = of->least_cycles;
		if (of->least_cycles > shares.greatest_cycles)
			shares.greatest_cycles = of->least_cycles;
		if (!shares.reasons || of->least_bpf < shares.least_bpf)
			shares.least_bpf = of->least_bpf;
		if (of->least_bpf > shares.greatest_bpf)
			shares.greatest_bpf = of->least_bpf;
		shares.reasons++;
		shares.zero += of->cycles == 0;
		shares.excess += of->excesses > 0;
		shares.sound += share > 1. / 3 && !of->excesses;
		shares.one_exit += is_of_one_exit(evidence, index);
		shares.cycles += of->cycles;
		shares.bpf += of->bpf;
		shares.timed += of->timed;
	}
	return shares;
}

/* The last total of cycles that a single vCPU read. */
static uint64_t last_total(const struct evidence *evidence)
{
	const struct result *result = evidence->result;

	for (unsigned int i = result->nr_reads; i--;)
		if (result->reads[i].function == LEAF_VCPU_TOTAL_CYCLES ||
		    result->reads[i].function == LEAF_TOTAL_CYCLES)
			return (uint64_t)result->reads[i].ebx << 32 | result->reads[i].ecx;
	return 0;
}

static void diagnose_zero(struct evidence *evidence, const struct shares *shares)
{
	uint64_t total = last_total(evidence);

	if (total) {
		evidence_conclude(
			evidence, DIAGNOSIS_NOT_STORED, CONFIDENCE_CERTAIN,
			"The total has %s cycles, but each of %u reasons has 0 after %s exits.",
			text_u64(total).s, shares->reasons, text_real(shares->timed).s);
		return;
	}
	evidence_conclude(evidence, DIAGNOSIS_NOT_TIMED, CONFIDENCE_LIKELY,
			  "All cycles are 0, of %u reasons and in total, after %s exits that took"
			  " %s by eBPF's clock.",
			  shares->reasons, text_real(shares->timed).s, text_real(shares->bpf).s);
	evidence_conclude(evidence, DIAGNOSIS_NOT_STORED, CONFIDENCE_LIKELY,
			  "All cycles are 0: from outside, time that is taken but not stored"
			  " looks like time that is not taken.");
}

/* If cycles are right on one vCPU at rest, and too many elsewhere. */
static void diagnose_other_phases(struct evidence *evidence)
{
	unsigned int excesses[NR_PHASES] = { 0 };

	for (int phase = 0; phase < NR_PHASES; phase++)
		for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++)
			excesses[phase] += evidence->times[phase][index].excesses;
	if (excesses[PHASE_SINGLE])
		return;
	if (excesses[PHASE_SMP])
		evidence_conclude(
			evidence, DIAGNOSIS_SHARED_STATE, CONFIDENCE_LIKELY,
			"Cycles of one vCPU alone are right; those of several at once exceed"
			" eBPF's clock in %u windows.",
			excesses[PHASE_SMP]);
	else if (excesses[PHASE_MIGRATE])
		evidence_conclude(
			evidence, DIAGNOSIS_PER_CPU_SPLIT, CONFIDENCE_LIKELY,
			"Cycles are right until the vCPU's thread moves to another CPU; then"
			" they exceed eBPF's clock in %u windows.",
			excesses[PHASE_MIGRATE]);
}

/*
 * Whether what is charged beyond eBPF's clock is the guest's time: then the guest's own clock has hardly
 * any cycles beyond the leaves. A constant can be as much as is between hardware and the accounting, but not
 * for each reason.
 */
static bool is_guest_time(const struct evidence *evidence)
{
	unsigned int all = 0, covered = 0;

	for (unsigned int i = 0; i < evidence->verdicts->nr_rows; i++) {
		const struct reason_row *row = &evidence->verdicts->rows[i];

		if (!row->has_uncovered || !row->has_leaf_cycles || row->bias >= 0)
			continue;
		all++;
		covered += fabs(row->uncovered) < HARDLY * -row->bias;
	}
	return 2 * covered >= all;
}

/* Most reasons have more cycles than eBPF's clock. */
static void diagnose_excess(struct evidence *evidence, const struct shares *shares)
{
	const double excess = (shares->cycles - shares->bpf) / shares->timed;

	if (is_guest_time(evidence))
		evidence_conclude(
			evidence, DIAGNOSIS_INCLUDES_GUEST, CONFIDENCE_LIKELY,
			"%u of %u reasons have more cycles than eBPF's clock, by %s an exit in"
			" the mean: time after the VM entry is included.",
			shares->excess, shares->reasons, text_real(excess).s);
	else if (evidence->verdicts->audit.untimed)
		evidence_conclude(
			evidence, DIAGNOSIS_CLOCK_STOPS_LATE, CONFIDENCE_LIKELY,
			"%u of %u reasons have more cycles than eBPF's clock, by %s an exit in"
			" the mean, and %s exits, the first ones, had none yet when the vCPU was"
			" entered.",
			shares->excess, shares->reasons, text_real(excess).s,
			text_u64(evidence->verdicts->audit.untimed).s);
	else
		evidence_conclude(
			evidence, DIAGNOSIS_CLOCK_STARTS_EARLY, CONFIDENCE_LIKELY,
			"%u of %u reasons have more cycles than eBPF's clock, by %s an exit in"
			" the mean; the guest's own time is not in them.",
			shares->excess, shares->reasons, text_real(excess).s);
}

/* What is right of long exits is not of shorter ones. */
struct short_exits {
	unsigned int wrong, longer; /* reasons; longer: than all wrong ones, and right */
	double longest;		    /* of the wrong ones */
	double usual, least;	    /* what an exit lacks: of most reasons; of the wrong ones */
};

/* What an exit lacks in the mean. */
static double lack_of(const struct time_of *of)
{
	return (of->bpf - of->cycles) / of->timed;
}

/* False: some longer ones are wrong, too. */
static bool find_short(const struct evidence *evidence, struct short_exits *found)
{
	const struct time_of *times = evidence->times[PHASE_SINGLE];
	double lacks[EXIT_NR_INDICES];
	unsigned int nr = 0;

	*found = (struct short_exits){ 0 };
	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++)
		if (is_judged(evidence, index))
			lacks[nr++] = lack_of(&times[index]);
	found->usual = stats_lower_quartile(lacks, nr);
	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		const struct time_of *of = &times[index];

		if (!is_judged(evidence, index) || of->best_share >= MOST ||
		    lack_of(of) < 2 * found->usual)
			continue;
		if (!found->wrong++ || lack_of(of) < found->least)
			found->least = lack_of(of);
		found->longest = fmax(found->longest, of->bpf / of->timed);
	}
	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		const struct time_of *of = &times[index];

		if (!is_judged(evidence, index) || of->bpf / of->timed <= found->longest)
			continue;
		if (of->best_share < NEARLY_ALL)
			return false;
		found->longer++;
	}
	return true;
}

/* Whether exits that take less than some are not charged, or with less, and all longer ones are. */
static bool diagnose_short(struct evidence *evidence)
{
	struct short_exits found;

	if (!find_short(evidence, &found) || !found.wrong || found.longer < 2)
		return false;
	evidence_conclude(evidence, DIAGNOSIS_SOME_UNTIMED, CONFIDENCE_LIKELY,
			  "%u reasons whose exits take up to %s cycles lack %s or more of each, %u"
			  " longer ones hardly any: short exits are charged too little.",
			  found.wrong, text_real(found.longest).s, text_real(found.least).s,
			  found.longer);
	return true;
}

bool time_is_scaled(const struct evidence *evidence, double *share)
{
	return time_long_share(evidence->result, share) >= TIME_MIN_LONG && *share >= MOST &&
	       *share < TIME_LONG_SHARE;
}

/* What is next to nothing of a short exit shows in those that take as long as 2^32 cycles. */
static bool diagnose_scale(struct evidence *evidence)
{
	double share;

	if (!time_is_scaled(evidence, &share))
		return false;
	evidence_conclude(evidence, DIAGNOSIS_UNIT, CONFIDENCE_LIKELY,
			  "Exits that take 2^32 cycles or more have %.4f of eBPF's cycles at most.",
			  share);
	return true;
}

/* If less is timed than an exit takes. */
static void diagnose_shortfall(struct evidence *evidence, const struct shares *shares)
{
	const struct reason_text least = reason_text(evidence, shares->least_index);

	if (shares->least < 0.5 && shares->greatest_cycles < 5 * shares->least_cycles &&
	    shares->greatest_bpf >
		    2 * shares->least_bpf * shares->greatest_cycles / shares->least_cycles)
		evidence_conclude(
			evidence, DIAGNOSIS_CLOCK_STOPS_EARLY, CONFIDENCE_CERTAIN,
			"%s to %s cycles an exit for all %u reasons, which take %s to %s by"
			" eBPF's clock: the handler's time is missing.",
			text_real(shares->least_cycles).s, text_real(shares->greatest_cycles).s,
			shares->reasons, text_real(shares->least_bpf).s,
			text_real(shares->greatest_bpf).s);
	else if (shares->zero)
		evidence_conclude(
			evidence, DIAGNOSIS_EARLY_RETURN, CONFIDENCE_LIKELY,
			"%u of %u reasons have 0 cycles, such as %s: some exits are counted but"
			" never timed.",
			shares->zero, shares->reasons, least.s);
	else if (!shares->excess && shares->least < MOST && diagnose_short(evidence))
		return;
	else if (!shares->excess && shares->least < MOST)
		evidence_conclude(
			evidence, DIAGNOSIS_HANDLER_ONLY, CONFIDENCE_LIKELY,
			"Cycles are %.1f %% (%s) to %.1f %% (%s) of eBPF's: time outside the"
			" exit handler, such as in user space, is missing.",
			shares->least * 100, least.s, shares->greatest * 100,
			reason_text(evidence, shares->greatest_index).s);
	else if (!evidence->nr)
		diagnose_other_phases(evidence);
}

bool time_is_general(const struct evidence *evidence)
{
	unsigned int reasons = 0, wrong = 0;

	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		if (!is_judged(evidence, index))
			continue;
		reasons++;
		wrong += evidence->times[PHASE_SINGLE][index].best_share < MOST;
	}
	return 3 * wrong >= reasons;
}

bool diagnose_step(struct evidence *evidence)
{
	const uint64_t step = time_step(evidence->result);

	if (!evidence->failed[CHECK_TIME] || evidence->cycles_as != READING_PLAIN || !step)
		return false;
	evidence_conclude(evidence, DIAGNOSIS_UNIT, CONFIDENCE_CERTAIN,
			  "All cycles are multiples of %s: they are rounded, or in other units.",
			  text_u64(step).s);
	return true;
}

void diagnose_time(struct evidence *evidence)
{
	const struct shares found = find_shares(evidence), *shares = &found;
	const double khz = evidence->result->host.tsc_khz;

	/* If most exits count elsewhere, so do their cycles. */
	if (!evidence->failed[CHECK_TIME] || evidence->cycles_as == READING_SWAPPED ||
	    evidence->cycles_wrapped || shares->reasons < 2 ||
	    shares->reasons < evidence->miscounted)
		return;
	if (shares->zero == shares->reasons)
		diagnose_zero(evidence, shares);
	else if (2 * shares->one_exit > shares->reasons)
		evidence_conclude(
			evidence, DIAGNOSIS_NOT_STORED, CONFIDENCE_CERTAIN,
			"However many exits there are, cycles stay at those of one exit, for %u"
			" of %u reasons: each exit overwrites the one before.",
			shares->one_exit, shares->reasons);
	else if (shares->zero && 2 * shares->sound >= shares->reasons)
		evidence_conclude(
			evidence, DIAGNOSIS_EARLY_RETURN,
			/* One alone may be what its handler does to the clock. */
			shares->zero > 1 ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
			"%u reasons have 0 cycles, such as %s, and %u others are right: some"
			" exits are counted but never timed.",
			shares->zero, reason_text(evidence, shares->least_index).s, shares->sound);
	else if (shares->least > 0 && shares->greatest < 1.5 * shares->least &&
		 (shares->greatest < 0.85 || shares->least > 1.05))
		evidence_conclude(
			evidence, DIAGNOSIS_UNIT, CONFIDENCE_CERTAIN,
			"All %u reasons have the same share of eBPF's cycles, %.3f to %.3f:"
			" up to %.3f for each ns, where the TSC has %.3f.",
			shares->reasons, shares->least, shares->greatest,
			shares->greatest * khz / 1e6, khz / 1e6);
	else if (diagnose_scale(evidence))
		return;
	else if (2 * shares->excess >= shares->reasons)
		diagnose_excess(evidence, shares);
	else
		diagnose_shortfall(evidence, shares);
}
