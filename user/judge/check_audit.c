// SPDX-License-Identifier: GPL-2.0-only
/* Every exit: against KVM's own account of it, in place. */
#include "judge/check_audit.h"

#include <stdio.h>
#include <stdlib.h>

#include "judge/audit.h"
#include "judge/check_time.h"
#include "kvm/exits.h"
#include "kvm/workload.h"
#include "util/text.h"

/* Whether its exits follow one another, handled by KVM alone: what that needs stays in the caches. */
static bool is_loop(const struct workload *workload)
{
	return !workload->slow && !workload->nested && !op_leaves_kvm(workload->op);
}

/* The exits of each workload by themselves, as a reason has others, too; and all that came with them. */
static void judge_workloads(const struct result *result, bool cycles, struct audit *audit)
{
	for (unsigned int i = 0; i < result->nr_workloads; i++) {
		const struct result_workload *entry = &result->workloads[i];
		struct audit_group group = {
			.cpu = -1,
			.workload = entry->workload->name,
			.is_loop = is_loop(entry->workload),
			.index = entry->index,
			.circumstance = -1,
		};

		audit_group(audit, &entry->audit, &group, cycles);
		group.is_loop = false;
		group.index = -1;
		audit_group(audit, &entry->all, &group, cycles);
	}
}

/* One of the exits that are wrong. */
static void example(const struct facts *facts, struct check *check,
		    const struct ec_difference *difference)
{
	const struct result_vcpu *vcpu = result_slot_vcpu(facts->result, difference->slot);

	check_example(check, "VM %u vCPU %u, %s", vcpu ? vcpu->vm : 0, vcpu ? vcpu->id : 0,
		      audit_difference_text(facts->isa, difference).s);
}

/* Whether something was seen that a KVM that is right cannot have caused. */
static void settle(struct facts *facts, struct check *check, const struct audit *audit, bool cycles)
{
	struct tally tally = {
		.compared = audit->compared,
		.differed = audit->nr_faults,
		.undecided = audit->ended - audit->compared,
	};
	double share;
	const struct audit_fault *common = audit_common(audit, &share);

	/* The VMs asked for it, and have the leaves. */
	if (audit->unaccounted) {
		tally.differed += audit->unaccounted;
		check_example(check, "%s exits of vCPUs that KVM does not account for",
			      text_u64(audit->unaccounted).s);
	}
	if (common)
		check_example(check, "%s", audit_fault_text(audit, common).s);
	if (facts->result->nr_differences)
		example(facts, check, &facts->result->differences[0]);
	for (unsigned int i = 0; i < audit->nr_faults; i++) {
		const struct audit_fault *fault = &audit->faults[i];

		if (fault != common)
			check_example(check, "%s", audit_fault_text(audit, fault).s);
		if (fault->group.index >= 0 && (fault->untimed || fault->exceeded || fault->beyond))
			facts->time_failed[fault->group.index] = true;
	}
	if (facts->lost) {
		/* An event that eBPF has not seen changes counts and times. */
		tally.undecided += facts->lost;
		tally.differed = 0;
		check->nr_examples = 0;
		check_example(check, "eBPF lost %s events", text_u64(facts->lost).s);
	}
	if (!cycles)
		tally.undecided++;
	check_settle(check, &tally);
}

void check_audit(struct facts *facts, struct check *check)
{
	const struct result *result = facts->result;
	const struct ec_vcpu **vcpus;
	struct check why = { .id = CHECK_AUDIT };
	struct audit *audit = facts->audit;
	struct timing timing;
	bool cycles;

	if (result->no_audit) {
		if (result->refused)
			check->verdict = VERDICT_INCONCLUSIVE;
		check_detail(check, "%s", result->no_audit);
		return;
	}
	vcpus = calloc(result->nr_vcpus + 1, sizeof(*vcpus));
	if (!vcpus) {
		check->verdict = VERDICT_INCONCLUSIVE;
		check_detail(check, "out of memory");
		return;
	}
	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		vcpus[v] = &result->vcpus[v].bpf;
	cycles = timing_audits(result, &why, &timing);
	audit_sum(facts->isa, vcpus, result->nr_vcpus, audit);
	audit_cpus(result->cpus, result->nr_cpus, cycles, audit);
	audit_groups(vcpus, result->nr_vcpus, cycles, audit);
	judge_workloads(result, cycles, audit);
	settle(facts, check, audit, cycles);
	if (cycles)
		check_detail(
			check,
			"%s of %s exits compared with KVM's own account as each ended, %s"
			" counts different, %s without cycles, %s with too many; 99.9 %% lack"
			" fewer than %s cycles (limit: %s for half of any group, %s of a loop)",
			text_u64(audit->compared).s, text_u64(audit->ended).s,
			text_u64(audit->differed).s, text_u64(audit->untimed).s,
			text_u64(audit->exceeded).s, text_u64(audit_bias_below(audit, 0.999)).s,
			text_u64(1ull << audit->usual).s, text_u64(1ull << audit->in_loops).s);
	else
		check_detail(check,
			     "%s of %s exits compared with KVM's own account as each ended, %s"
			     " counts different; cycles were not: %s",
			     text_u64(audit->compared).s, text_u64(audit->ended).s,
			     text_u64(audit->differed).s, why.detail);
	free(vcpus);
}
