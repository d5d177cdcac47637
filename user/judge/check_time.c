// SPDX-License-Identifier: GPL-2.0-only
/* Cycles: against the eBPF program's own clock. */
#include "judge/check_time.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/stats.h"
#include "util/text.h"

/*
 * The error of converting eBPF's nanoseconds to TSC cycles: CLOCK_MONOTONIC is slewed by up to 500
 * ppm, and an exit's time is the difference of two truncated readings.
 */
#define TIME_SLEW_PPM 500
#define TIME_MAX_DEVIATION_PPM 10000 /* of the rate seen from the nominal one */
/* Windows that a reason must have for its bias to be judged, and by what. */
#define TIME_MIN_WINDOWS 3
#define TIME_BIAS_FACTOR 3
#define TIME_BIAS_CYCLES 2000
/* What a long exit leaves of the caches (and of an emulator's) makes the code between the clocks dearer. */
#define TIME_BIAS_SHARE 0.01
#define AUDIT_MIN_EXITS 100
#define AUDIT_TRIMMED 100 /* one of so many exits is left out */

/* Values of which it is no chance that all of them are multiples of a number. */
#define TIME_MIN_STEPS 64
/* Two readings of clocks are that much apart, at most; a suspend takes longer. */
#define TIME_SUSPENDED_NS 10000000
/* A window of which half the time, or a hundredth in several, is no bias of single exits. */
#define TIME_LONG_CYCLES 0x1p32

/* Resolution of CLOCK_MONOTONIC in ns, 0 if unknown. */
static double clock_resolution(const char *clocksource)
{
	static const struct {
		const char *name;
		double ns;
	} sources[] = {
		{ "tsc", 1 },	    { "tsc-early", 1 },
		{ "kvm-clock", 1 }, { "hyperv_clocksource_tsc_page", 100 },
		{ "hpet", 100 },    { "acpi_pm", 280 },
	};

	for (unsigned int i = 0; i < NR(sources); i++)
		if (!strcmp(sources[i].name, clocksource))
			return sources[i].ns;
	return 0;
}

/* The largest deviation of the TSC's rate by CLOCK_MONOTONIC from the nominal one. */
static double deviation_ppm(const struct result *result, double khz)
{
	double ns = result->end.ns - result->begin.ns, tsc = result->end.tsc - result->begin.tsc;
	const double rates[] = { ns > 0 ? tsc / ns * 1e6 : 0, result->slowest_khz,
				 result->fastest_khz };
	double greatest = 0;

	for (unsigned int i = 0; khz > 0 && i < NR(rates); i++) {
		double deviation = rates[i] > 0 ? (rates[i] / khz - 1) * 1e6 : 0;

		deviation = deviation < 0 ? -deviation : deviation;
		greatest = deviation > greatest ? deviation : greatest;
	}
	return greatest;
}

/* One reason in PHASE_SINGLE: over windows between two reads of its cycles. */
struct time_stat {
	unsigned int windows;
	double least_bias;
	double least_mean; /* of an exit, by eBPF */
	double best_share; /* leaf / eBPF, at most */
	double worst_excess;
};

static void time_window(struct time_stat *stat, double cycles, double bpf, double timed)
{
	double bias = (bpf - cycles) / timed, mean = bpf / timed;

	if (!stat->windows || bias < stat->least_bias)
		stat->least_bias = bias;
	if (!stat->windows || mean < stat->least_mean)
		stat->least_mean = mean;
	if (bpf > 0 && cycles / bpf > stat->best_share)
		stat->best_share = cycles / bpf;
	stat->windows++;
}

/*
 * The most cycles that lay between the two clocks in exits of a reason, by AUDIT, without the exit that has most:
 * what a defect takes from one long exit is no noise. On an emulated host that is busy, reading the TSC alone can
 * take milliseconds, in one exit after the other.
 */
static double noise(const struct result_vcpu *vcpu, unsigned int index)
{
	const struct ec_audit *audit = &vcpu->bpf.reason[index].audit;
	double cycles = 0, most = 0;

	for (unsigned int b = 0; b < EC_HIST_BUCKETS; b++) {
		if (audit->bias[b])
			most = 2. * (1ull << b);
		cycles += audit->bias[b] * 2. * (1ull << b);
	}
	return cycles - most;
}

/* leaf <= bpf, in every window of every vCPU; fills in the statistics. */
static void tally_time(struct facts *facts, struct check *check, const struct timing *timing,
		       struct time_stat *stats, struct tally *tally)
{
	const struct result *result = facts->result;

	for (unsigned int i = 0; i < result->nr_times; i++) {
		const struct result_time *time = &result->times[i];
		const struct result_time *previous = result_time_before(result, i);
		const struct result_time zero = { 0 };
		double cycles, bpf, timed, error;

		if (!previous)
			previous = &zero;
		if (time->timed <= previous->timed)
			continue;
		timed = time->timed - previous->timed;
		cycles = (double)time->cycles - (double)previous->cycles;
		bpf = (double)(time->ns - previous->ns) * timing->khz / 1e6;
		error = bpf * timing->ppm / 1e6 + timed * timing->resolution;
		tally->compared++;
		if (cycles > bpf + error) {
			tally->differed++;
			facts->time_failed[time->index] = true;
			check_example(check,
				      "%s: leaf %s cycles for %s exits, eBPF %s (+ error %s)",
				      check_place(facts, time->vcpu, time->index, NULL).s,
				      text_real(cycles).s, text_real(timed).s, text_real(bpf).s,
				      text_real(error).s);
		} else if (bpf > TIME_LONG_CYCLES &&
			   cycles + noise(&result->vcpus[time->vcpu], time->index) < bpf / 2) {
			tally->differed++;
			facts->time_failed[time->index] = true;
			check_example(check, "%s: leaf %s cycles for %s exits, eBPF %s",
				      check_place(facts, time->vcpu, time->index, NULL).s,
				      text_real(cycles).s, text_real(timed).s, text_real(bpf).s);
		}
		if (result->vcpus[time->vcpu].phase == PHASE_SINGLE)
			time_window(&stats[time->index], cycles, bpf, timed);
	}
}

/*
 * The mean bias of a reason by AUDIT, without the hundredth of its exits that has most: on an emulated host a few
 * are kept from running between the two clocks. Infinite if too few were compared.
 */
static double audited_bias(const struct result *result, unsigned int index)
{
	struct ec_audit sum = { 0 };
	uint64_t exits = 0, left, taken;
	double bias = 0;

	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		if (result->vcpus[v].phase == PHASE_SINGLE)
			ec_audit_add(&sum, &result->vcpus[v].bpf.reason[index].audit);
	for (unsigned int b = 0; b < EC_HIST_BUCKETS; b++)
		exits += sum.bias[b];
	if (exits < AUDIT_MIN_EXITS)
		return INFINITY;
	left = exits -= exits / AUDIT_TRIMMED;
	for (unsigned int b = 0; b < EC_HIST_BUCKETS; b++) {
		taken = sum.bias[b] < left ? sum.bias[b] : left;
		left -= taken;
		bias += (double)taken * 1.5 * (double)(1ull << b);
	}
	return bias / (double)exits;
}

/* The most that the bias of a reason may be. */
static double allowed_bias(const struct time_stat *stat, double limit, const struct timing *timing)
{
	return limit + stat->least_mean * (TIME_BIAS_SHARE + timing->deviation / 1e6);
}

/*
 * The bias is the code between the two windows of an exit: the same for every reason, so one small
 * constant to which noise only adds. The least of several windows tells an early stop from noise,
 * except for exits that noise itself causes, such as host interrupts.
 */
static void tally_bias(struct facts *facts, struct check *check, const struct timing *timing,
		       const struct time_stat *stats, struct tally *tally, double *least,
		       double *greatest, double *limit)
{
	double cheapest = 0, biases[EXIT_NR_INDICES];
	unsigned int nr = 0;

	*least = *greatest = 0;
	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		const struct time_stat *stat = &stats[index];

		if (stat->windows < TIME_MIN_WINDOWS)
			continue;
		if (!nr || stat->least_mean < cheapest)
			cheapest = stat->least_mean;
		if (!nr || stat->least_bias < *least)
			*least = stat->least_bias;
		if (facts->caused[index] && stat->least_bias > *greatest)
			*greatest = stat->least_bias;
		biases[nr++] = stat->least_bias;
	}
	/* Not the least, which on a busy host is that of a moment without other work. */
	*limit = TIME_BIAS_CYCLES;
	if (nr)
		*limit += TIME_BIAS_FACTOR * fmax(stats_lower_quartile(biases, nr), 0);
	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		const struct time_stat *stat = &stats[index];
		const bool enough = stat->windows >= TIME_MIN_WINDOWS;
		const char *what = NULL;

		if (!stat->windows)
			continue;
		tally->compared += enough;
		if (stat->best_share <= 0)
			what = "no cycles";
		else if (!enough)
			continue;
		else if (stat->best_share < 0.05)
			what = "hardly any cycles";
		else if (stat->least_mean >= 4 * cheapest && stat->best_share < 0.5)
			what = "less than half of the time";
		else if (facts->caused[index] &&
			 stat->least_bias > allowed_bias(stat, *limit, timing) &&
			 audited_bias(facts->result, index) > allowed_bias(stat, *limit, timing))
			what = "a bias beyond the common one";
		if (!what)
			continue;
		tally->differed++;
		facts->time_failed[index] = true;
		check_example(check,
			      "%s: %s: leaf at most %.1f %% of eBPF's, bias at least %s an exit",
			      check_place(facts, 0, index, NULL).s, what, stat->best_share * 100,
			      text_real(stat->least_bias).s);
	}
}

unsigned int time_long_share(const struct result *result, double *share)
{
	const struct result_time zero = { 0 };
	unsigned int nr = 0;

	*share = 0;
	for (unsigned int i = 0; i < result->nr_times; i++) {
		const struct result_time *time = &result->times[i];
		const struct result_time *before = result_time_before(result, i) ?: &zero;
		double bpf = (double)(time->ns - before->ns) * result->host.tsc_khz / 1e6, charged;

		if (time->timed <= before->timed || bpf < TIME_LONG_CYCLES)
			continue;
		nr++;
		charged = (double)time->cycles - (double)before->cycles;
		charged += noise(&result->vcpus[time->vcpu], time->index);
		*share = fmax(*share, charged / bpf);
	}
	return nr;
}

uint64_t time_step(const struct result *result)
{
	unsigned int nr = 0;
	uint64_t step = 0;

	for (unsigned int i = 0; i < result->nr_times; i++) {
		nr += result->times[i].cycles != 0;
		step = greatest_divisor(step, result->times[i].cycles);
	}
	return result->tsc_step && nr >= TIME_MIN_STEPS && step > result->tsc_step ? step : 0;
}

/* Cycles that are rounded cannot all be what passed. */
static void tally_step(const struct result *result, struct check *check, struct tally *tally)
{
	const uint64_t step = time_step(result);

	tally->compared++;
	if (!step)
		return;
	tally->differed++;
	check_example(check, "all cycles are multiples of %s, those of the host's TSC of %s",
		      text_u64(step).s, text_u64(result->tsc_step).s);
}

/* Those that take longest show a scale that is slightly wrong. */
static void tally_long(const struct result *result, struct check *check,
		       const struct timing *timing, struct tally *tally)
{
	double share;
	unsigned int nr = time_long_share(result, &share);

	if (nr < TIME_MIN_LONG)
		return;
	tally->compared++;
	if (share >= TIME_LONG_SHARE - timing->ppm / 1e6)
		return;
	tally->differed++;
	check_example(check,
		      "%u times that reasons took 2^32 cycles or more: leaf at most %.2f %% of"
		      " eBPF's",
		      nr, share * 100);
}

bool timing_begin(const struct result *result, struct check *check, struct timing *timing)
{
	const double resolution = clock_resolution(result->host.clocksource);

	if (!(result->discovery.features & LEAF_FEATURE_STABLE_TSC)) {
		check_detail(check,
			     "the host's TSC is not stable: cycles of different CPUs cannot be"
			     " compared");
		return false;
	}
	if (resolution <= 0) {
		check_detail(check, "the resolution of clock source %s is unknown",
			     result->host.clocksource);
		return false;
	}
	if (*result->next_clocksource) {
		check_detail(check, "the clock source was changed from %s to %s meanwhile",
			     result->host.clocksource, result->next_clocksource);
		return false;
	}
	if (result->end.suspends != result->begin.suspends ||
	    result->end.suspended_ns > result->begin.suspended_ns + TIME_SUSPENDED_NS) {
		check_detail(check, "the host was suspended meanwhile");
		return false;
	}
	timing->khz = result->host.tsc_khz ? result->host.tsc_khz : result->discovery.tsc_khz;
	timing->deviation = deviation_ppm(result, timing->khz);
	if (timing->deviation > TIME_MAX_DEVIATION_PPM) {
		check_detail(check,
			     "by clock source %2$s the TSC's rate was up to %1$.1f %% off nominal",
			     timing->deviation / 1e4, result->host.clocksource);
		return false;
	}
	timing->ppm = TIME_SLEW_PPM + timing->deviation;
	timing->resolution = resolution * timing->khz / 1e6;
	return true;
}

bool timing_audits(const struct result *result, struct check *check, struct timing *timing)
{
	if (!timing_begin(result, check, timing))
		return false;
	if (timing->deviation * 1e-6 <= 0.5 / (1 << EC_CLOCK_BITS))
		return true;
	check_detail(check, "the clocks were up to %.2f %% apart", timing->deviation / 1e4);
	return false;
}

/* With lost events, eBPF's time of an exit may be too short or too long: no mismatch is certain. */
static void excuse_losses(struct facts *facts, struct check *check, struct tally *tally)
{
	const struct result *result = facts->result;
	uint64_t lost = facts->lost;

	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		lost += result->vcpus[v].bpf.lost_entries;
	if (!lost)
		return;
	memset(facts->time_failed, 0, sizeof(facts->time_failed));
	tally->undecided = lost;
	tally->differed = 0;
	check->nr_examples = 0;
	check_example(check, "eBPF lost %s events: its times are incomplete", text_u64(lost).s);
}

void check_time(struct facts *facts, struct check *check)
{
	const struct result *result = facts->result;
	struct timing timing = { 0 };
	struct time_stat *stats;
	struct tally tally = { 0 }, biases = { 0 };
	double least, greatest, limit;
	unsigned int failed = 0;

	check->verdict = VERDICT_INCONCLUSIVE;
	if (!timing_begin(result, check, &timing))
		return;
	stats = calloc(EXIT_NR_INDICES, sizeof(*stats));
	if (!stats) {
		check_detail(check, "out of memory");
		return;
	}
	facts->time_judged = true;
	tally_time(facts, check, &timing, stats, &tally);
	tally_bias(facts, check, &timing, stats, &biases, &least, &greatest, &limit);
	tally_long(result, check, &timing, &biases);
	tally_step(result, check, &biases);
	tally.differed += biases.differed;
	excuse_losses(facts, check, &tally);
	for (unsigned int index = 0; index < EXIT_NR_INDICES; index++)
		failed += facts->time_failed[index];
	check_settle(check, &tally);
	check_detail(
		check,
		"leaf <= eBPF within %.0f ppm and %.0f ns an exit in %s windows, %u reasons fail;"
		" smallest bias of %s reasons %s to %s cycles an exit (limit: %s and 1 %% of an exit)",
		timing.ppm, clock_resolution(result->host.clocksource), text_u64(tally.compared).s,
		failed, text_u64(biases.compared).s, text_real(least).s, text_real(greatest).s,
		text_real(limit).s);
	free(stats);
}
