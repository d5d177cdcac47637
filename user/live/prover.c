// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "live/prover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REST_US 10000	/* what does not move for so long is at rest */
#define MAX_POLLS 16	/* until the tracer has noticed a vCPU that went */
#define TRIES 3		/* to find what differs at rest */
#define ACCOUNT_LISTS 4 /* of the vCPUs that run already; without KVM's account, two */

static int no_memory(struct error *err)
{
	return error_set(err, STATUS_CANNOT_RUN, "out of memory");
}

static struct prover_vcpu *find(const struct prover *prover, uint64_t key, unsigned int vcpu_id)
{
	for (unsigned int i = 0; i < prover->nr_known; i++)
		if (prover->known[i].key == key && prover->known[i].vcpu_id == vcpu_id)
			return &prover->known[i];
	return NULL;
}

/* The vCPU of a list: made if it is new; NULL: no memory. */
static struct prover_vcpu *find_listed(struct prover *prover, const struct ec_listed *listed)
{
	struct prover_vcpu *vcpu = find(prover, listed->key, listed->vcpu_id);
	unsigned int nr = prover->nr_known;

	if (vcpu && vcpu->kvm == listed->kvm)
		return vcpu;
	if (!vcpu) {
		vcpu = realloc(prover->known, (nr + 1) * sizeof(*vcpu));
		if (!vcpu)
			return NULL;
		prover->known = vcpu;
		vcpu = &prover->known[prover->nr_known++];
	}
	if (vcpu != &prover->known[nr])
		free(vcpu->leads);
	*vcpu = (struct prover_vcpu){
		.key = listed->key,
		.kvm = listed->kvm,
		.vcpu_id = listed->vcpu_id,
		.lead_is_exact = true,
	};
	return vcpu;
}

static uint64_t counted(const struct ec_listed *listed)
{
	return listed->counted + listed->failed_entries;
}

/*
 * Of each reason: by how much KVM's account is ahead, by the list in which it is most. A list has the counts after
 * the account, and a vCPU that runs may have had exits in between.
 */
static bool keep_leads(struct prover_vcpu *vcpu, const struct ec_listed *listed)
{
	const bool first = !vcpu->leads;

	vcpu->leads = vcpu->leads ?: calloc(EXIT_NR_INDICES, sizeof(*vcpu->leads));
	for (unsigned int i = 0; i < EXIT_NR_INDICES && vcpu->leads; i++) {
		const uint64_t lead = listed->exits_by_number[i] - listed->counted_by_index[i];

		if (first || (int64_t)(lead - vcpu->leads[i]) > 0)
			vcpu->leads[i] = lead;
	}
	return vcpu->leads;
}

/* Lists several times: what moved before the last one may have been amid an exit. */
static int find_leads(struct prover *prover, struct error *err)
{
	const int lists = prover->account ? ACCOUNT_LISTS : 2;
	struct ec_listed *list;
	unsigned int nr;

	for (int again = 0; again < lists; again++) {
		int status = vcpus_read(prover->vcpus, &list, &nr, err);

		if (status)
			return status;
		for (unsigned int i = 0; i < nr; i++) {
			struct prover_vcpu *vcpu;

			if (list[i].gone)
				continue;
			vcpu = find_listed(prover, &list[i]);
			if (!vcpu || (prover->account && !keep_leads(vcpu, &list[i])))
				return no_memory(err);
			vcpu->lead = list[i].exits - counted(&list[i]);
			vcpu->lead_is_exact = again && vcpu->exits == list[i].exits &&
					      vcpu->counted == counted(&list[i]);
			vcpu->exits = list[i].exits;
			vcpu->counted = counted(&list[i]);
		}
		if (again < lists - 1)
			usleep(REST_US);
	}
	return 0;
}

int prover_open(struct prover *prover, enum exit_isa isa, struct tracer *tracer, pid_t process,
		bool account, struct error *err)
{
	struct error why;
	int status;

	*prover = (struct prover){ .tracer = tracer, .account = account };
	status = vcpus_open(&prover->vcpus, isa, tracer, account, process, &why);
	if (!status)
		return find_leads(prover, err);
	prover->vcpus = NULL;
	if (account) {
		*err = why;
		return status;
	}
	snprintf(prover->not_compared, sizeof(prover->not_compared), "%.159s", why.text);
	return 0;
}

void prover_close(struct prover *prover)
{
	vcpus_close(prover->vcpus);
	for (unsigned int i = 0; i < prover->nr_known; i++)
		free(prover->known[i].leads);
	free(prover->known);
	free(prover->checked);
	*prover = (struct prover){ 0 };
}

/* KVM's account of a vCPU, if it has one, against what the eBPF program has counted. */
static void compare_account(struct proof_stat *account, const struct ec_listed *listed,
			    const uint64_t *leads, const uint64_t *counted, unsigned int slack)
{
	uint64_t kvm[EXIT_NR_INDICES];

	if (!listed->accounted)
		return;
	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++)
		kvm[i] = listed->exits_by_number[i] - (leads ? leads[i] : 0);
	proof_add_account(account, kvm, counted, slack);
}

/* The same of one that is gone. */
static void compare_gone(struct prover *prover, const struct ec_vcpu *vcpu,
			 const struct prover_vcpu *known)
{
	uint64_t counted[EXIT_NR_INDICES];

	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++)
		counted[i] = vcpu->reason[i].count;
	for (struct ec_listed *last = prover->deaths; last < prover->deaths + prover->nr_deaths;
	     last++) {
		if (last->key != vcpu->key || last->vcpu_id != vcpu->vcpu_id)
			continue;
		compare_account(&prover->gone_account, last, known ? known->leads : NULL, counted,
				known && !known->lead_is_exact);
		last->key = 0;
		return;
	}
}

/* One that is gone: the tracer has KVM's statistic at its end. */
static void check_gone(struct prover *prover, const struct ec_vcpu *vcpu)
{
	struct prover_vcpu *known = find(prover, vcpu->key, vcpu->vcpu_id);
	uint64_t lead = known ? known->lead : 0;

	if (vcpu->last_stat && (known || !vcpu->joined_late))
		proof_add_stat(&prover->gone, vcpu->last_stat - lead,
			       vcpu->count + vcpu->failed_entries, known && !known->lead_is_exact);
	if (prover->account && (known || !vcpu->joined_late))
		compare_gone(prover, vcpu, known);
	/* Its address may be another one's soon. */
	if (known)
		free(known->leads);
	if (known)
		*known = prover->known[--prover->nr_known];
}

int prover_poll(struct prover *prover, struct error *err)
{
	unsigned int nr = tracer_nr_vcpus(prover->tracer);

	if (!prover->vcpus)
		return 0;
	vcpus_poll(prover->vcpus, &prover->deaths, &prover->nr_deaths);
	if (nr > prover->nr_checked) {
		bool *checked = realloc(prover->checked, nr);

		if (!checked)
			return no_memory(err);
		memset(checked + prover->nr_checked, 0, nr - prover->nr_checked);
		prover->checked = checked;
		prover->nr_checked = nr;
	}
	for (unsigned int i = 0; i < nr; i++) {
		const struct ec_vcpu *vcpu;

		if (prover->checked[i] || !tracer_is_gone(prover->tracer, i))
			continue;
		prover->checked[i] = true;
		vcpu = tracer_vcpu(prover->tracer, i);
		if (vcpu)
			check_gone(prover, vcpu);
	}
	/* What the tracer does not know is of another process, for example. */
	for (unsigned int i = 0; i < prover->nr_deaths; i++)
		if (prover->deaths[i].gone++ == MAX_POLLS)
			prover->deaths[i].key = 0;
	return 0;
}

/* Compares those that exist. */
static int check_listed(struct prover *prover, struct proof *proof, struct error *err)
{
	struct ec_listed *list;
	unsigned int nr;
	int status = vcpus_read(prover->vcpus, &list, &nr, err);

	for (unsigned int i = 0; i < nr && !status; i++) {
		struct prover_vcpu *vcpu = list[i].gone ? NULL : find_listed(prover, &list[i]);
		uint64_t count = counted(&list[i]);
		bool moves;

		if (list[i].gone)
			continue;
		if (!vcpu)
			return no_memory(err);
		moves = vcpu->exits != list[i].exits || vcpu->counted != count;
		vcpu->exits = list[i].exits;
		vcpu->counted = count;
		proof_add_stat(&proof->stat, vcpu->exits - vcpu->lead, count,
			       moves + !vcpu->lead_is_exact);
		if (prover->account)
			compare_account(&proof->account, &list[i], vcpu->leads,
					(const uint64_t *)list[i].counted_by_index,
					2 * moves + !vcpu->lead_is_exact);
	}
	return status;
}

int prover_take(struct prover *prover, struct proof *proof, struct error *err)
{
	int status = 0;

	memset(proof, 0, sizeof(*proof));
	snprintf(proof->stat.not_compared, sizeof(proof->stat.not_compared), "%s",
		 prover->not_compared);
	for (int try = 0; prover->vcpus && try < TRIES && !status; try++) {
		if (try)
			usleep(REST_US);
		tracer_poll(prover->tracer);
		status = prover_poll(prover, err);
		proof->stat = prover->gone;
		proof->account = prover->gone_account;
		status = status ? status : check_listed(prover, proof, err);
		if (!proof->stat.differ && !proof->stat.under_way && !proof->account.differ &&
		    !proof->account.under_way)
			break;
	}
	proof->stat.is_earlier = true;
	proof->stat.emulates = proof_kvm_emulates();
	return status;
}

int prover_add_losses(const struct prover *prover, const struct usage *usage, struct proof *proof,
		      struct error *err)
{
	unsigned int nr_former = 0;
	uint64_t lost_entries = 0;
	const struct ec_vcpu *former = tracer_former(prover->tracer, &nr_former);

	proof->late_unknown = !tracer_knows_late(prover->tracer);
	proof_add_vcpus(proof, usage);
	/* They are one there. */
	if (former)
		proof->vcpus += nr_former - 1;
	for (unsigned int i = 0; i < tracer_nr_vcpus(prover->tracer); i++) {
		const struct ec_vcpu *vcpu = tracer_vcpu(prover->tracer, i);

		lost_entries += vcpu ? vcpu->lost_entries : 0;
	}
	lost_entries += former ? former->lost_entries : 0;
	return losses_sum(&proof->lost, prover->tracer, lost_entries, err);
}
