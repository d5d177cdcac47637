// SPDX-License-Identifier: GPL-2.0-only
#include "judge/audit_shared.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kvm/exits.h"
#include "util/text.h"

/* A property that explains as much as a wider one must explain so much more to be preferred. */
#define MARGIN 0.02
/* Exits on either side, below which the bias tells no more than noise does. */
#define MIN_EXITS 8

struct search {
	const struct result *result;
	const struct audit *audit;
	struct audit_shared *best;
	struct ec_audit all;
	unsigned int bucket; /* of the best property, for AUDIT_SIGN_BIAS */
};

static void add_vcpu(struct ec_audit *sum, const struct ec_vcpu *vcpu)
{
	for (unsigned int index = 0; index < EXIT_NR_INDICES; index++)
		ec_audit_add(sum, &vcpu->reason[index].audit);
}

static double exits_from(const struct ec_audit *audit, unsigned int first)
{
	double sum = 0;

	for (unsigned int b = first; b < EC_HIST_BUCKETS; b++)
		sum += audit->bias[b];
	return sum;
}

/* Exits with the sign; bucket: from which on a bias is one. */
static double wrong_of(const struct ec_audit *audit, enum audit_sign sign, unsigned int bucket)
{
	double nr = exits_from(audit, 0), wrong = audit->differed;

	if (sign == AUDIT_SIGN_CHARGE)
		wrong = (double)audit->untimed + audit->exceeded;
	else if (sign == AUDIT_SIGN_BIAS)
		wrong = exits_from(audit, bucket);
	return wrong < nr ? wrong : nr;
}

/* The correlation of having the property with being wrong. */
static double correlation(double with, double wrong_with, double all, double wrong)
{
	double without = all - with, wrong_without = wrong - wrong_with;
	double spread = with * without * wrong * (all - wrong);

	if (spread <= 0)
		return 0;
	return (wrong_with * (without - wrong_without) - wrong_without * (with - wrong_with)) /
	       sqrt(spread);
}

/* Holds one property against the best so far. */
static bool consider(struct search *search, const struct ec_audit *of)
{
	struct audit_shared *best = search->best;
	const double nr = exits_from(of, 0), all = exits_from(&search->all, 0);
	unsigned int first = 0, last = 0, bucket = 0;
	double share = 0;

	if (best->sign == AUDIT_SIGN_BIAS) {
		/* Where the two differ most; a few stray exits are no group. */
		if (nr < MIN_EXITS || all - nr < MIN_EXITS)
			return false;
		first = 1;
		last = EC_HIST_BUCKETS - 1;
	}
	for (unsigned int b = first; b <= last; b++) {
		double of_bucket = correlation(nr, wrong_of(of, best->sign, b), all,
					       wrong_of(&search->all, best->sign, b));

		if (of_bucket > share) {
			share = of_bucket;
			bucket = b;
		}
	}
	if (share <= best->share + (best->share > 0 ? MARGIN : 0)) {
		/* Another name of the same exits is no rival. */
		if (nr < (double)best->nr || nr > (double)best->nr)
			best->next = fmax(best->next, share);
		return false;
	}
	best->next = best->share;
	best->share = share;
	best->exits = *of;
	best->nr = (uint64_t)nr;
	best->wrong = (uint64_t)wrong_of(of, best->sign, bucket);
	best->circumstance = -1;
	best->is_reason = best->is_several = best->is_cpu = false;
	search->bucket = bucket;
	return true;
}

static void consider_circumstances(struct search *search)
{
	const struct result *result = search->result;

	for (int circumstance = 0; circumstance < EC_NR_CIRCUMSTANCES; circumstance++) {
		const struct audit_group group = { .cpu = -1,
						   .index = -1,
						   .circumstance = circumstance };
		struct ec_audit of = { 0 };

		for (unsigned int v = 0; v < result->nr_vcpus; v++)
			ec_audit_add(&of, &result->vcpus[v].bpf.audit[circumstance]);
		if (!consider(search, &of))
			continue;
		search->best->circumstance = circumstance;
		snprintf(search->best->what, sizeof(search->best->what), "%s",
			 audit_place(search->audit, &group).s);
	}
}

static void consider_cpus(struct search *search)
{
	for (unsigned int cpu = 0; cpu < search->result->nr_cpus; cpu++) {
		if (consider(search, &search->result->cpus[cpu])) {
			search->best->is_cpu = true;
			snprintf(search->best->what, sizeof(search->best->what),
				 "exits that ended on CPU %u", cpu);
		}
	}
}

/* vCPUs by their number in the VM: all from one on, or one. */
static void consider_numbers(struct search *search)
{
	const struct result *result = search->result;
	unsigned int last = 0;

	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		last = result->vcpus[v].id > last ? result->vcpus[v].id : last;
	for (unsigned int id = 1; id <= last; id++) {
		struct ec_audit from = { 0 }, one = { 0 };

		for (unsigned int v = 0; v < result->nr_vcpus; v++) {
			if (result->vcpus[v].id >= id)
				add_vcpu(&from, &result->vcpus[v].bpf);
			if (result->vcpus[v].id == id)
				add_vcpu(&one, &result->vcpus[v].bpf);
		}
		if (consider(search, &from))
			snprintf(search->best->what, sizeof(search->best->what),
				 id > 1 ? "exits of vCPUs from number %u on" :
					  "exits of vCPUs but the first of their VM",
				 id);
		if (consider(search, &one))
			snprintf(search->best->what, sizeof(search->best->what),
				 "exits of vCPU %u of a VM", id);
	}
}

static void consider_vms(struct search *search)
{
	const struct result *result = search->result;
	struct ec_audit later = { 0 };

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		struct ec_audit of = { 0 };
		unsigned int vm = result->vcpus[v].vm;

		if (vm != result->vcpus[0].vm)
			add_vcpu(&later, &result->vcpus[v].bpf);
		if (v && result->vcpus[v - 1].vm == vm)
			continue;
		for (unsigned int u = v; u < result->nr_vcpus && result->vcpus[u].vm == vm; u++)
			add_vcpu(&of, &result->vcpus[u].bpf);
		if (!consider(search, &of))
			continue;
		search->best->is_several = result_vm_vcpus(result, v) > 1;
		snprintf(search->best->what, sizeof(search->best->what), "exits of VM %u", vm);
	}
	if (consider(search, &later))
		snprintf(search->best->what, sizeof(search->best->what),
			 "exits of VMs but the first");
}

static void consider_vcpus(struct search *search)
{
	const struct result *result = search->result;

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		struct ec_audit of = { 0 };

		add_vcpu(&of, &result->vcpus[v].bpf);
		if (consider(search, &of))
			snprintf(search->best->what, sizeof(search->best->what),
				 "exits of VM %u vCPU %u", result->vcpus[v].vm,
				 result->vcpus[v].id);
	}
}

static void consider_reason(struct search *search, const struct ec_audit *of,
			    const struct audit_group *group)
{
	if (!consider(search, of))
		return;
	search->best->is_reason = true;
	snprintf(search->best->what, sizeof(search->best->what), "%s",
		 audit_place(search->audit, group).s);
}

static void consider_reasons(struct search *search)
{
	const struct result *result = search->result;

	for (int index = 0; index < EXIT_NR_INDICES; index++) {
		const struct audit_group group = { .cpu = -1, .index = index, .circumstance = -1 };
		struct ec_audit of = { 0 };

		for (unsigned int v = 0; v < result->nr_vcpus; v++)
			ec_audit_add(&of, &result->vcpus[v].bpf.reason[index].audit);
		consider_reason(search, &of, &group);
	}
}

/* A reason's exits of one vCPU: the workloads of the first one, for example, and not what a storm does. */
static void consider_reasons_of_vcpus(struct search *search)
{
	const struct result *result = search->result;

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		struct audit_group group = { .cpu = -1,
					     .vcpu = &result->vcpus[v].bpf,
					     .circumstance = -1 };

		for (group.index = 0; group.index < EXIT_NR_INDICES; group.index++)
			consider_reason(search, &group.vcpu->reason[group.index].audit, &group);
	}
}

bool audit_find_shared(const struct result *result, const struct audit *audit,
		       struct audit_shared *shared)
{
	struct search search = { .result = result, .audit = audit, .best = shared };

	memset(shared, 0, sizeof(*shared));
	shared->circumstance = -1;
	/* The surest sign: what lies beyond the bias may be the host's noise. */
	shared->sign = audit->differed			? AUDIT_SIGN_COUNT :
		       audit->untimed + audit->exceeded ? AUDIT_SIGN_CHARGE :
							  AUDIT_SIGN_BIAS;
	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		add_vcpu(&search.all, &result->vcpus[v].bpf);
	/* The properties that say most come first. */
	consider_circumstances(&search);
	consider_cpus(&search);
	consider_numbers(&search);
	consider_vms(&search);
	consider_vcpus(&search);
	consider_reasons(&search);
	consider_reasons_of_vcpus(&search);
	return shared->share > 0;
}
