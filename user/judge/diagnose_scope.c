// SPDX-License-Identifier: GPL-2.0-only
/* Scope: whether a leaf shows the exits of a vCPU, a VM, a CPU or the host, and since when. */
#include "judge/diagnose_scope.h"

#include <stdlib.h>

#include "util/text.h"

/* Whether the VM-wide leaf lacks exactly what one of the VM's vCPUs has. */
static bool lacks_a_vcpu(const struct evidence *evidence, unsigned int v, unsigned int index)
{
	const struct result *result = evidence->result;
	int64_t error = evidence->vcpus[v].leaf[1][index].last_error;

	for (unsigned int u = 0; u < result->nr_vcpus; u++)
		if (result->vcpus[u].vm == result->vcpus[v].vm &&
		    llabs(error + (int64_t)evidence->vcpus[u].leaf[0][index].last_value) <= 1)
			return true;
	return false;
}

/* Errors of a phase's vCPUs, in their last sweeps. */
struct phase_errors {
	unsigned int below, above; /* leaves by number, VM-wide and per vCPU */
	unsigned int vm_wide_below, vm_wide_above;
	unsigned int vcpu_forgotten; /* of those below: by all that one vCPU has */
	unsigned int drops;
	int64_t missing; /* exits, by the leaves that lack most */
	uint64_t right;
};

static struct phase_errors phase_errors(const struct evidence *evidence, enum result_phase phase)
{
	const struct result *result = evidence->result;
	struct phase_errors errors = { 0 };

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		if (result->vcpus[v].phase != phase)
			continue;
		for (unsigned int i = 0; i < 2 * EXIT_INDEX_OTHER; i++) {
			bool vm_wide = i % 2;
			const struct track *track = &evidence->vcpus[v].leaf[vm_wide][i / 2];

			errors.drops += track->drops;
			errors.below += track->last_error < 0;
			errors.above += track->last_error > 0;
			errors.vm_wide_below += vm_wide && track->last_error < 0;
			errors.vm_wide_above += vm_wide && track->last_error > 0;
			errors.vcpu_forgotten += vm_wide && track->last_error < 0 &&
						 lacks_a_vcpu(evidence, v, i / 2);
			if (track->last_error < 0 && -track->last_error > errors.missing) {
				errors.missing = -track->last_error;
				errors.right = track->last_right;
			}
		}
	}
	return errors;
}

/* ---- host-wide ---- */

static int first_vcpu(const struct result *result, enum result_phase phase)
{
	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		if (result->vcpus[v].phase == phase)
			return v;
	return -1;
}

/* Exits by which the leaves of the idle VM grew between its first two full sweeps. */
static int64_t idle_growth(const struct evidence *evidence, bool vm_wide, unsigned int *reasons)
{
	const struct result *result = evidence->result;
	const struct result_sweep *first = NULL, *second = NULL;
	int idle = first_vcpu(result, PHASE_ISOLATION);
	int64_t grown = 0, own = 0;
	unsigned int own_reasons = 0;

	*reasons = 0;
	for (unsigned int s = 0; s < result->nr_sweeps && !second; s++) {
		const struct result_sweep *sweep = &result->sweeps[s];

		if (idle < 0 || sweep->vcpu != (unsigned int)idle || sweep->kind != SWEEP_FULL)
			continue;
		if (first)
			second = sweep;
		else
			first = sweep;
	}
	for (unsigned int index = 0; second && index < EXIT_INDEX_OTHER; index++) {
		int64_t before, after;
		uint64_t had, has;

		/* Its own exits may be miscounted, too: only reasons without own exits tell. */
		if (evidence->facts.asynchronous[index] ||
		    !evidence_sweep_error(evidence, first, vm_wide, index, &before, &had) ||
		    !evidence_sweep_error(evidence, second, vm_wide, index, &after, &has))
			continue;
		own += has - had;
		own_reasons += has != had;
		if (had != has || after <= before)
			continue;
		grown += after - before;
		++*reasons;
	}
	/* And they may count as others, each as one. */
	if (evidence->miscounted && grown <= own + own / 4 && *reasons <= own_reasons)
		return 0;
	return grown;
}

static bool diagnose_host_wide(struct evidence *evidence)
{
	const struct result *result = evidence->result;
	unsigned int own_reasons, reasons;
	int64_t own = idle_growth(evidence, false, &own_reasons);
	int64_t vm_wide = idle_growth(evidence, true, &reasons);
	int idle = first_vcpu(result, PHASE_ISOLATION);

	if (own > vm_wide) {
		vm_wide = own;
		reasons = own_reasons;
	}
	/* More than all others have made comes from elsewhere. */
	if (!vm_wide || (uint64_t)vm_wide > 2 * evidence->verdicts->exits)
		return false;
	evidence_conclude(
		evidence, DIAGNOSIS_HOST_WIDE, reasons > 1 ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
		"While VM %u was idle and another worked, %s of its leaves grew by %s exits"
		" of %u reasons that it did not make.",
		result->vcpus[idle].vm, own ? "all" : "the VM-wide ones", text_u64(vm_wide).s,
		reasons);
	return true;
}

/* ---- stale, not-reset ---- */

/* Exits of a reason that a vCPU's own leaf had before the vCPU made any. */
static int64_t begins_with(const struct evidence *evidence, unsigned int v, unsigned int index)
{
	const struct track *track = &evidence->vcpus[v].leaf[0][index];

	if (!track->reads)
		track = &evidence->vcpus[v].leaf[1][index];
	return track->fresh && track->first_error > 0 ? track->first_error : 0;
}

static bool is_near(int64_t a, int64_t b)
{
	return llabs(a - b) <= 3 + llabs(b) / 50;
}

/* Whether a vCPU began with the exits of a former one (-1: of all former ones). */
static bool is_heir(const struct evidence *evidence, unsigned int v, int former)
{
	const struct result *result = evidence->result;
	unsigned int same = 0, different = 0;

	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
		int64_t begins = begins_with(evidence, v, index), left = 0;

		if (former >= 0)
			left = result->vcpus[former].bpf.reason[index].count +
			       begins_with(evidence, former, index);
		for (unsigned int f = 0; former < 0 && f < v; f++)
			if (result->vcpus[f].vm != result->vcpus[v].vm)
				left += result->vcpus[f].bpf.reason[index].count;
		if (!begins && !left)
			continue;
		if (is_near(begins, left))
			same++;
		else
			different++;
	}
	return same > 3 * different;
}

static void diagnose_not_reset(struct evidence *evidence)
{
	const struct result *result = evidence->result;
	unsigned int all = 0, one = 0, neither = 0, example = 0, reasons = 0;
	int64_t exits = 0;

	for (unsigned int v = 1; v < result->nr_vcpus; v++) {
		bool heir = false;
		unsigned int nr = 0;
		int64_t sum = 0, own = 0;

		for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++) {
			int64_t begins = begins_with(evidence, v, index);

			own += evidence->vcpus[v].leaf[0][index].first_right;

			sum += begins;
			nr += begins > 0;
		}
		/* The vCPU's own may be miscounted, too. */
		if (sum <= EVIDENCE_FRESH_EXITS + (int64_t)nr ||
		    (evidence->miscounted && sum <= own + own / 4) ||
		    result->vcpus[v].vm == result->vcpus[0].vm)
			continue;
		if (sum > exits) {
			exits = sum;
			reasons = nr;
			example = v;
		}
		if (is_heir(evidence, v, -1)) {
			all++;
			continue;
		}
		for (unsigned int f = 0; f < v && !heir; f++)
			heir = result->vcpus[f].vm != result->vcpus[v].vm &&
			       is_heir(evidence, v, f);
		one += heir;
		neither += !heir;
	}
	if (!exits)
		return;
	if (all > one + neither)
		evidence_conclude(
			evidence, DIAGNOSIS_NOT_RESET, CONFIDENCE_CERTAIN,
			"The new VM %u already had %s exits of %u reasons: those of all VMs"
			" before it.",
			result->vcpus[example].vm, text_u64(exits).s, reasons);
	else
		evidence_conclude(evidence, DIAGNOSIS_STALE,
				  one + neither > 1 ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
				  "The new VM %u already had %s exits of %u reasons%s.",
				  result->vcpus[example].vm, text_u64(exits).s, reasons,
				  one ? ": those of a former VM's vCPU" : "");
}

/* ---- several vCPUs, several CPUs ---- */

static bool diagnose_split(struct evidence *evidence)
{
	const struct phase_errors moved = phase_errors(evidence, PHASE_MIGRATE);
	const struct phase_errors single = phase_errors(evidence, PHASE_SINGLE);
	unsigned int moves = evidence->result->phase[PHASE_MIGRATE].moves;
	unsigned int drops = 0;

	for (int phase = 0; phase < NR_PHASES; phase++)
		drops += phase_errors(evidence, phase).drops;
	if (drops && evidence->failed[CHECK_MONO] && (moved.drops || moved.below))
		evidence_conclude(
			evidence, DIAGNOSIS_PER_CPU_SPLIT, CONFIDENCE_CERTAIN,
			"Counts went down %u times, and up again: they depend on the CPU that"
			" the vCPU runs on; the vCPU that was moved %u times lacks %s of %s"
			" exits.",
			drops, moves, text_u64(moved.missing).s, text_u64(moved.right).s);
	else if (moved.below && !moved.above && !single.below && !single.above &&
		 !phase_errors(evidence, PHASE_ISOLATION).below)
		evidence_conclude(
			evidence, DIAGNOSIS_PER_CPU_SPLIT, CONFIDENCE_LIKELY,
			"A vCPU that stays on its CPU has all its exits; the one that was moved"
			" %u times between CPUs lacks %s of %s.",
			moves, text_u64(moved.missing).s, text_u64(moved.right).s);
	else
		return false;
	return true;
}

static void diagnose_several_vcpus(struct evidence *evidence)
{
	const struct phase_errors single = phase_errors(evidence, PHASE_SINGLE);
	const struct phase_errors smp = phase_errors(evidence, PHASE_SMP);
	const struct result *result = evidence->result;
	uint64_t compared[NR_PHASES] = { 0 }, differed[NR_PHASES] = { 0 };

	if (single.below || single.above || evidence->counts_as != READING_PLAIN)
		return;
	differed[PHASE_SMP] = evidence->concurrent_wrong;
	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		const struct result_vcpu *vcpu = &result->vcpus[v];

		for (unsigned int leaf = 0; leaf < LEAF_NR; leaf++) {
			if (!leaf_is_count(LEAF_FIRST + leaf))
				continue;
			compared[vcpu->phase] += vcpu->bpf.compared[leaf];
			differed[vcpu->phase] += vcpu->bpf.differed[leaf];
		}
	}
	if (smp.below && smp.below == smp.vcpu_forgotten)
		evidence_conclude(
			evidence, DIAGNOSIS_WRONG_TOTAL, CONFIDENCE_CERTAIN,
			"Each vCPU's own leaves are right, but %u VM-wide ones lack everything"
			" of one vCPU.",
			smp.below);
	else if (smp.below && !smp.vm_wide_above && evidence->failed[CHECK_SMP] &&
		 !evidence->verdicts->contract.sums_wrong)
		evidence_conclude(
			evidence, DIAGNOSIS_LOST_UPDATE,
			phase_errors(evidence, PHASE_MIGRATE).below ? CONFIDENCE_POSSIBLE :
								      CONFIDENCE_LIKELY,
			"One vCPU alone has all its exits; with several at once up to %s of %s"
			" exits of a reason are missing, in %u leaves.",
			text_u64(smp.missing).s, text_u64(smp.right).s, smp.below);
	else if (!smp.below && !smp.above && differed[PHASE_SMP] && !differed[PHASE_SINGLE])
		evidence_conclude(evidence, DIAGNOSIS_SHARED_STATE, CONFIDENCE_LIKELY,
				  "Several vCPUs that read at once got %s wrong answers in %s; what"
				  " they read one after another is right.",
				  text_u64(differed[PHASE_SMP]).s, text_u64(compared[PHASE_SMP]).s);
}

void diagnose_scope(struct evidence *evidence)
{
	bool host_wide, split;

	split = diagnose_split(evidence);
	host_wide = evidence->failed[CHECK_ISOLATION] && diagnose_host_wide(evidence);
	if (!split && !host_wide)
		diagnose_not_reset(evidence);
	if (!split)
		diagnose_several_vcpus(evidence);
}
