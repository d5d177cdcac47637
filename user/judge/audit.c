// SPDX-License-Identifier: GPL-2.0-only
#include "judge/audit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kvm/exits.h"
#include "util/text.h"

/*
 * The bias is some code between two clocks with interrupts off, and so is what eBPF measures of itself.
 * They differ by what is in the caches; and an interrupt that cannot be masked, or an emulator's other
 * work, makes a few longer.
 */
#define LOOP_BUCKETS 1	/* where nothing else is in the caches */
#define USUAL_BUCKETS 3 /* from the median of eBPF's own windows up: eight times as long */
#define HIGHEST_BUCKETS 4
#define LEAST_BUCKET 6	 /* a clock of low resolution measures nothing shorter */
#define OTHERS_BUCKETS 3 /* other programs on the tracepoints may lie between, too */
#define HOST_BUCKETS 2	 /* the host's interrupts and switches leave other things in the caches */
#define MAX_SHARE 0.05	 /* of a group's exits that may lie beyond the highest ... */
#define MAX_NR 4	 /* ... and so many more */
#define NOISE_FACTOR 3	 /* and so many times what lies there of eBPF's own windows */
#define MIN_GROUP 8	 /* exits, whose median says something */
#define DISTURBED_BUCKET (EC_LONG_BITS - 1) /* cycles that make half of a long exit, or more */

static uint64_t sum_from(const uint64_t *buckets, unsigned int first)
{
	uint64_t sum = 0;

	for (unsigned int b = first; b < EC_HIST_BUCKETS; b++)
		sum += buckets[b];
	return sum;
}

static double share_from(const uint64_t *buckets, unsigned int first)
{
	uint64_t all = sum_from(buckets, 0);

	return all ? (double)sum_from(buckets, first) / all : 0;
}

/* The bucket that holds the sample in the middle; 0 if there are none. */
static unsigned int median(const uint64_t *buckets)
{
	uint64_t half = (sum_from(buckets, 0) + 1) / 2, below = 0;
	unsigned int b = 0;

	for (; b + 1 < EC_HIST_BUCKETS; b++) {
		below += buckets[b];
		if (below >= half)
			break;
	}
	return half ? b : 0;
}

/* The larger of the two, as far as other programs on the tracepoints may account for it. */
static unsigned int with_others(unsigned int own, unsigned int bias)
{
	if (bias <= own)
		return own;
	return bias < own + OTHERS_BUCKETS ? bias : own + OTHERS_BUCKETS;
}

void audit_sum(enum exit_isa isa, const struct ec_vcpu *const *vcpus, unsigned int nr,
	       struct audit *audit)
{
	uint64_t own[EC_HIST_BUCKETS] = { 0 };
	unsigned int bucket, bias;

	memset(audit, 0, sizeof(*audit));
	audit->isa = isa;
	for (unsigned int v = 0; v < nr; v++) {
		for (unsigned int index = 0; index < EXIT_NR_INDICES; index++) {
			const struct ec_reason *reason = &vcpus[v]->reason[index];

			audit->ended += reason->timed;
			if (!vcpus[v]->accounted)
				audit->unaccounted += reason->timed;
			for (unsigned int b = 0; b < EC_HIST_BUCKETS; b++)
				audit->bias[b] += reason->audit.bias[b];
			audit->differed += reason->audit.differed;
			audit->untimed += reason->audit.untimed;
			audit->exceeded += reason->audit.exceeded;
		}
		for (unsigned int b = 0; b < EC_HIST_BUCKETS; b++)
			own[b] += vcpus[v]->own[b];
	}
	audit->compared = sum_from(audit->bias, 0);
	bucket = median(own);
	bucket = bucket < LEAST_BUCKET ? LEAST_BUCKET : bucket;
	bias = median(audit->bias);
	/* Shorter than eBPF's own windows, but for other programs: then a loop's is that of most exits. */
	audit->in_loops = with_others(bucket, bias + 1) + LOOP_BUCKETS;
	bucket = with_others(bucket, bias);
	audit->usual = bucket + USUAL_BUCKETS;
	audit->highest = bucket + HIGHEST_BUCKETS;
	if (audit->highest >= EC_HIST_BUCKETS)
		audit->highest = EC_HIST_BUCKETS - 1;
	audit->beyond = sum_from(audit->bias, audit->usual);
	audit->noise = share_from(own, audit->highest);
	audit->disturbed = share_from(own, DISTURBED_BUCKET);
}

/*
 * What disturbs the bias makes an exit long: of long exits many are disturbed, and of few most. How many of these
 * vCPUs' exits may be long for that alone, by what disturbs eBPF's own windows: on all vCPUs, or on this one.
 */
static double disturbed_exits(const struct audit *audit, const struct ec_vcpu *vcpu)
{
	double exits = audit->compared, share = audit->disturbed;
	uint64_t own[EC_HIST_BUCKETS];

	if (vcpu) {
		exits = 0;
		for (unsigned int index = 0; index < EXIT_NR_INDICES; index++)
			exits += vcpu->reason[index].timed;
		for (unsigned int b = 0; b < EC_HIST_BUCKETS; b++)
			own[b] = vcpu->own[b];
		share = fmax(share, share_from(own, DISTURBED_BUCKET));
	}
	return NOISE_FACTOR * share * exits;
}

bool audit_group(struct audit *audit, const struct ec_audit *of, const struct audit_group *group,
		 bool cycles)
{
	struct audit_fault fault = {
		.group = *group,
		.differed = of->differed,
		.untimed = cycles ? of->untimed : 0,
		.exceeded = cycles ? of->exceeded : 0,
	};
	/* The host's interrupts are what makes many an exit long, and switches threads. */
	const bool is_hosts = exit_is_hosts(audit->isa, group->index) ||
			      group->circumstance == EC_LONG ||
			      group->circumstance == EC_SWITCHED || group->circumstance == EC_MOVED;
	unsigned int more = is_hosts ? HOST_BUCKETS : 0,
		     usual = (group->is_loop ? audit->in_loops : audit->usual) + more;
	uint64_t bias[EC_HIST_BUCKETS], beyond;
	bool is_few, is_usual;
	double allowed;

	for (unsigned int b = 0; b < EC_HIST_BUCKETS; b++)
		bias[b] = of->bias[b];
	fault.exits = sum_from(bias, 0);
	fault.limit = 1ull << usual;
	beyond = sum_from(bias, audit->highest + more);
	allowed = MAX_NR + (MAX_SHARE + NOISE_FACTOR * audit->noise) * fault.exits;
	is_few = group->circumstance == EC_LONG || beyond <= allowed;
	is_usual = fault.exits < MIN_GROUP || median(bias) < usual ||
		   (group->circumstance == EC_LONG &&
		    sum_from(bias, usual) <= disturbed_exits(audit, group->vcpu));
	if (cycles && !(is_few && is_usual))
		fault.beyond = sum_from(bias, usual);
	if (!fault.differed && !fault.untimed && !fault.exceeded && !fault.beyond)
		return true;
	if (audit->nr_faults < AUDIT_MAX_FAULTS)
		audit->faults[audit->nr_faults++] = fault;
	return false;
}

static const struct audit_group all = { .cpu = -1, .index = -1, .circumstance = -1 };

/* The exits of one reason, or of one circumstance, of all vCPUs together. */
static void judge_together(const struct ec_vcpu *const *vcpus, unsigned int nr, bool cycles,
			   const struct audit_group *group, struct audit *audit)
{
	struct ec_audit sum = { 0 };

	for (unsigned int v = 0; v < nr; v++)
		ec_audit_add(&sum, group->index >= 0 ? &vcpus[v]->reason[group->index].audit :
						       &vcpus[v]->audit[group->circumstance]);
	audit_group(audit, &sum, group, cycles);
}

/* All exits of a vCPU. */
static void judge_vcpu(const struct ec_vcpu *vcpu, bool cycles, struct audit *audit)
{
	struct audit_group group = all;
	struct ec_audit sum = { 0 };

	group.vcpu = vcpu;
	for (unsigned int index = 0; index < EXIT_NR_INDICES; index++)
		ec_audit_add(&sum, &vcpu->reason[index].audit);
	audit_group(audit, &sum, &group, cycles);
}

/* Those of one circumstance, and of one reason. */
static void judge_parts(const struct ec_vcpu *vcpu, bool cycles, struct audit *audit)
{
	struct audit_group group = all;

	group.vcpu = vcpu;
	for (group.circumstance = 0; group.circumstance < EC_NR_CIRCUMSTANCES; group.circumstance++)
		audit_group(audit, &vcpu->audit[group.circumstance], &group, cycles);
	group.circumstance = -1;
	for (group.index = 0; group.index < EXIT_NR_INDICES; group.index++)
		audit_group(audit, &vcpu->reason[group.index].audit, &group, cycles);
}

void audit_groups(const struct ec_vcpu *const *vcpus, unsigned int nr, bool cycles,
		  struct audit *audit)
{
	struct audit_group group = all;

	for (group.circumstance = 0; group.circumstance < EC_NR_CIRCUMSTANCES; group.circumstance++)
		judge_together(vcpus, nr, cycles, &group, audit);
	for (unsigned int v = 0; v < nr; v++)
		judge_vcpu(vcpus[v], cycles, audit);
	group = all;
	for (group.index = 0; group.index < EXIT_NR_INDICES; group.index++)
		judge_together(vcpus, nr, cycles, &group, audit);
	for (unsigned int v = 0; v < nr; v++)
		judge_parts(vcpus[v], cycles, audit);
}

void audit_cpus(const struct ec_audit *cpus, unsigned int nr, bool cycles, struct audit *audit)
{
	struct audit_group group = all;

	for (group.cpu = 0; group.cpu < (int)nr; group.cpu++)
		audit_group(audit, &cpus[group.cpu], &group, cycles);
}

uint64_t audit_bias_below(const struct audit *audit, double share)
{
	uint64_t below = 0;

	for (unsigned int b = 0; b < EC_HIST_BUCKETS; b++) {
		below += audit->bias[b];
		if (below >= share * audit->compared)
			return 2ull << b;
	}
	return 2ull << (EC_HIST_BUCKETS - 1);
}

static const char *const circumstances[EC_NR_CIRCUMSTANCES] = {
	[EC_NESTED] = "exits of L2",
	[EC_SWITCHED] = "exits in which the thread was switched out",
	[EC_MOVED] = "exits after which another CPU went on",
	[EC_USER_SPACE] = "exits to user space",
	[EC_LONG] = "exits of 262 µs and more",
	[EC_FIRST] = "first exits of their vCPU",
};

struct audit_place audit_place(const struct audit *audit, const struct audit_group *group)
{
	struct audit_place place;
	unsigned int number;
	int n = 0;

	place.s[0] = '\0';
	if (group->cpu >= 0)
		n = snprintf(place.s, sizeof(place.s), "exits that ended on CPU %d", group->cpu);
	if (group->vcpu)
		n = snprintf(place.s, sizeof(place.s), "VM %u vCPU %u", group->vcpu->vm,
			     group->vcpu->vcpu_id);
	if (group->circumstance >= 0)
		n += snprintf(place.s + n, sizeof(place.s) - n, "%s%s", n ? ", " : "",
			      circumstances[group->circumstance]);
	if (group->index >= 0 && exit_number(audit->isa, group->index, &number))
		n += snprintf(place.s + n, sizeof(place.s) - n, "%s%s %s", n ? ", " : "",
			      text_exit(audit->isa, number).s, exit_name(audit->isa, number) ?: "");
	else if (group->index >= 0)
		n += snprintf(place.s + n, sizeof(place.s) - n, "%sundefined numbers",
			      n ? ", " : "");
	if (group->workload)
		snprintf(place.s + n, sizeof(place.s) - n, "%s by %s", n ? "" : "all exits",
			 group->workload);
	return place;
}

struct audit_text audit_fault_text(const struct audit *audit, const struct audit_fault *fault)
{
	const struct audit_place place = audit_place(audit, &fault->group);
	const char *colon = *place.s ? ": " : "";
	const struct text exits = text_u64(fault->exits);
	struct audit_text text;

	if (fault->differed)
		snprintf(text.s, sizeof(text.s), "%s%sof %s exits, KVM miscounted %s", place.s,
			 colon, exits.s, text_u64(fault->differed).s);
	else if (fault->untimed)
		snprintf(text.s, sizeof(text.s), "%s%sof %s exits, %s were charged no cycles",
			 place.s, colon, exits.s, text_u64(fault->untimed).s);
	else if (fault->exceeded)
		snprintf(text.s, sizeof(text.s),
			 "%s%sof %s exits, %s were charged more than they took", place.s, colon,
			 exits.s, text_u64(fault->exceeded).s);
	else
		snprintf(text.s, sizeof(text.s), "%s%sof %s exits, %s lack %s cycles or more",
			 place.s, colon, exits.s, text_u64(fault->beyond).s,
			 text_u64(fault->limit).s);
	return text;
}

struct audit_text audit_difference_text(enum exit_isa isa, const struct ec_difference *difference)
{
	const struct audit of = { .isa = isa };
	const struct audit_group group = { .cpu = -1,
					   .index = difference->index,
					   .circumstance = -1 };
	const struct audit_place place = audit_place(&of, &group);
	struct audit_text text;
	size_t n = snprintf(text.s, sizeof(text.s), "%s, exit %s of the vCPU, on CPU %u", place.s,
			    text_u64(difference->at_exit).s, difference->cpu);

	for (int i = 0; i < EC_NR_CIRCUMSTANCES; i++)
		if (difference->circumstances & 1u << i)
			n += snprintf(text.s + n, sizeof(text.s) - n, ", of the %s",
				      circumstances[i]);
	if (difference->faults & EC_DIFFERED)
		snprintf(text.s + n, sizeof(text.s) - n, ": KVM counts %s, eBPF %s",
			 text_u64(difference->kvm).s, text_u64(difference->ebpf).s);
	else
		snprintf(text.s + n, sizeof(text.s) - n, ": charged %s of %s cycles",
			 text_u64(difference->added).s, text_u64(difference->window).s);
	return text;
}

/*
 * Exits that are wrong, by the surest sign that any has: what lies beyond the bias may be the host's noise, of
 * which a large run has more than a defect causes.
 */
static double wrong(const struct audit *audit, uint64_t differed, uint64_t mischarged,
		    uint64_t beyond)
{
	if (audit->differed)
		return differed;
	return audit->untimed + audit->exceeded ? mischarged : beyond;
}

const struct audit_fault *audit_common(const struct audit *audit, double *share)
{
	const double all =
		wrong(audit, audit->differed, audit->untimed + audit->exceeded, audit->beyond);
	const struct audit_fault *best = NULL;

	*share = 0;
	for (unsigned int i = 0; i < audit->nr_faults; i++) {
		const struct audit_fault *fault = &audit->faults[i];
		double of = wrong(audit, fault->differed, fault->untimed + fault->exceeded,
				  fault->beyond);
		double held = of < all ? of / all : 1;
		double score = of / fault->exits * held;

		if (best && score <= *share)
			continue;
		best = fault;
		*share = score < 1 ? score : 1;
	}
	return best;
}
