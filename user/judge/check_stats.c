// SPDX-License-Identifier: GPL-2.0-only
/* What KVM's own statistics say, for the host. */
#include "judge/check_stats.h"

#include "util/text.h"

/* Exits of a vCPU that KVM's fast path may have handled, which the statistic left out before v6.1. */
static uint64_t fast_exits(const struct facts *facts, const struct ec_vcpu *bpf)
{
	uint64_t exits = 0;

	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++)
		if (facts_has_fast_path(facts->isa, index))
			exits += bpf->reason[index].count;
	return exits;
}

/* What the statistic of some vCPUs has to be held against: eBPF's sum over them. */
struct stat_sum {
	uint64_t exits, failed, refused, fast;
};

static struct stat_sum stat_sum(const struct facts *facts, unsigned int first)
{
	const struct result_vcpu *vcpu = &facts->result->vcpus[first];
	struct stat_sum sum = { 0 };

	for (unsigned int i = 0; i <= vcpu->stat_others; i++) {
		sum.exits += vcpu[i].bpf.count;
		sum.failed += vcpu[i].bpf.failed_entries;
		/* KVM's statistic counts the ways round its loop, entered or not. */
		sum.refused += vcpu[i].executed[PROBE_EMULATE];
		sum.fast += fast_exits(facts, &vcpu[i].bpf);
	}
	return sum;
}

/* How much of a vCPU's account, as the statistics have it, is not what eBPF has counted, and seen KVM charge. */
static void compare_account(struct facts *facts, struct check *check, unsigned int v,
			    struct tally *tally)
{
	const struct result *result = facts->result;
	const struct result_vcpu *vcpu = &result->vcpus[v];

	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++) {
		const uint64_t exits = vcpu->account.exits[i], cycles = vcpu->account.cycles[i];
		const struct ec_reason *bpf = &vcpu->bpf.reason[i];
		const bool same = exits == bpf->count,
			   charged = result->no_audit || cycles == bpf->kvm_cycles;

		tally->compared += 2;
		if (same && charged)
			continue;
		tally->differed += !same + !charged;
		/* All that an idle vCPU does meanwhile is to be in an exit: that of its last OUT. */
		facts->account->open += same && i == facts->op_index[PROBE_OUT] &&
					cycles > bpf->kvm_cycles;
		check_example(check,
			      "%s: KVM's statistics %s exits, %s cycles; eBPF %s, and %s at"
			      " the last entry",
			      check_place(facts, v, i, NULL).s, text_u64(exits).s,
			      text_u64(cycles).s, text_u64(bpf->count).s,
			      text_u64(bpf->kvm_cycles).s);
	}
}

/* Only of those that were accounted for from their first exit on. */
static void tally_accounts(struct facts *facts, struct check *check, struct tally *tally)
{
	const struct result *result = facts->result;

	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		if (result->leaves == LEAVES_PRESENT && result->vcpus[v].has_account)
			compare_account(facts, check, v, tally);
	facts->account->differed = tally->differed;
	if (!facts->lost)
		return;
	tally->undecided += tally->differed;
	tally->differed = 0;
}

void check_stats(struct facts *facts, struct check *check)
{
	const struct result *result = facts->result;
	struct tally tally = { 0 }, accounts = { 0 };
	uint64_t exits = 0, failed = 0, emulated = 0;
	unsigned int others;

	for (unsigned int v = 0; v < result->nr_vcpus; v += 1 + others) {
		const struct result_vcpu *vcpu = &result->vcpus[v];
		const struct stat_sum sum = stat_sum(facts, v);
		uint64_t bpf = sum.exits + sum.failed + sum.refused;

		others = vcpu->stat_others;
		if (!vcpu->has_stat) {
			tally.undecided++;
			continue;
		}
		tally.compared += 1 + others;
		exits += vcpu->stat_exits;
		failed += sum.failed;
		emulated += sum.refused;
		if (bpf == vcpu->stat_exits)
			continue;
		if (facts->lost && bpf < vcpu->stat_exits) {
			tally.undecided++;
			continue;
		}
		if (bpf > vcpu->stat_exits && bpf - vcpu->stat_exits <= sum.fast) {
			tally.undecided++;
			check_example(
				check,
				"%s: the statistic lacks %s exits, of at most %s by the fast path:"
				" some kernels leave these out",
				check_place(facts, v, EXIT_INDEX_OTHER, NULL).s,
				text_u64(bpf - vcpu->stat_exits).s, text_u64(sum.fast).s);
			continue;
		}
		tally.differed += 1 + others;
		check_example(check,
			      "%s: stat exits %s, eBPF %s and %s failed entries, %s refused ones",
			      check_place(facts, v, EXIT_INDEX_OTHER, NULL).s,
			      text_u64(vcpu->stat_exits).s, text_u64(sum.exits).s,
			      text_u64(sum.failed).s, text_u64(sum.refused).s);
	}
	tally_accounts(facts, check, &accounts);
	check_settle(check, &(struct tally){ .compared = tally.compared,
					     .undecided = tally.undecided + accounts.undecided,
					     .differed = tally.differed + accounts.differed });
	if (check->verdict == VERDICT_INCONCLUSIVE && facts->lost)
		check_example(check, "eBPF lost %s events", text_u64(facts->lost).s);
	check_detail(check,
		     "%s vCPUs, %s exits by KVM's own statistic, with %s failed and %s"
		     " refused entries (which KVM emulated); eBPF's count differs on %s"
		     " vCPUs; %s exits and cycles by number, %s different",
		     text_u64(tally.compared).s, text_u64(exits).s, text_u64(failed).s,
		     text_u64(emulated).s, text_u64(tally.differed).s,
		     text_u64(accounts.compared).s, text_u64(facts->account->differed).s);
	if (!tally.compared)
		check_detail(check, "KVM has no statistic \"exits\"");
}
