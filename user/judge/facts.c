// SPDX-License-Identifier: GPL-2.0-only
#include "judge/facts.h"

#include <stdio.h>
#include <string.h>

#include "util/array.h"
#include "util/text.h"

/*
 * Asynchronous exits, which the host causes at any time (interrupts, nested page faults,
 * preemption): what the guest executed is a lower bound.
 */
static const unsigned int asynchronous_svm[] = {
	0x41,	      /* #DB: a step over what an NMI waits for */
	0x4e,	      /* #PF, without nested paging */
	0x52,	      /* #MC */
	0x60,	      /* INTR */
	0x61,	      /* NMI */
	0x62,	      /* SMI */
	0x63,	      /* INIT */
	0x64,	      /* VINTR */
	0x74,	      /* IRET: the NMI window */
	0xa5,	      /* bus lock */
	0x400,	      /* nested page fault */
	0x401, 0x402, /* AVIC */
};

static const unsigned int asynchronous_vmx[] = {
	0,		/* exception or NMI */
	1,		/* external interrupt */
	3,  4,	5,  6,	/* INIT, SIPI, SMI */
	7,  8,		/* interrupt and NMI window */
	41,		/* machine check during entry */
	43, 44, 45, 56, /* APIC virtualisation */
	48, 49,		/* EPT violation, misconfiguration */
	52,		/* preemption timer */
	62,		/* page-modification log full */
	74, 75,		/* bus lock, notify */
};

void facts_init(struct facts *facts, const struct result *result)
{
	bool svm = result->host.isa == EXIT_ISA_SVM;
	const unsigned int *list = svm ? asynchronous_svm : asynchronous_vmx;
	size_t nr = svm ? sizeof(asynchronous_svm) : sizeof(asynchronous_vmx);

	*facts = (struct facts){
		.result = result,
		.isa = result->host.isa,
		.lost = result->stats.no_slot + result->stats.no_map + result->missed,
	};
	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		facts->lost += result->vcpus[v].bpf.joined_late;
	for (size_t i = 0; i < nr / sizeof(*list); i++)
		facts->asynchronous[exit_index(facts->isa, list[i])] = true;
	for (int op = 0; op < PROBE_NR_OPS; op++) {
		const struct workload *workload = workload_of(op);

		facts->op_index[op] = op_exit_index(facts->isa, op);
		if (facts->op_index[op] == EXIT_INDEX_OTHER)
			continue;
		facts->op_truth[op] = workload->truth;
		facts->caused[facts->op_index[op]] = true;
	}
	for (unsigned int index = 0; index < EXIT_NR_INDICES; index++)
		facts->expected[index] = facts->caused[index] || facts->asynchronous[index];
}

bool facts_has_fast_path(enum exit_isa isa, unsigned int index)
{
	static const unsigned int vmx[] = { 12, 13, 32, 52, 85 }; /* HLT, INVD, WRMSR, timer */
	static const unsigned int svm[] = { 0x76, 0x78, 0x7c };	  /* INVD, HLT, MSR */
	bool is_svm = isa == EXIT_ISA_SVM;
	unsigned int nr = is_svm ? NR(svm) : NR(vmx);

	for (unsigned int i = 0; i < nr; i++)
		if (exit_index(isa, is_svm ? svm[i] : vmx[i]) == index)
			return true;
	return false;
}

/* ---- reads ---- */

const struct probe_read *sweep_reads(const struct result *result, const struct result_sweep *sweep)
{
	return result->reads + sweep->first_read;
}

const struct probe_read *sweep_find(const struct facts *facts, const struct result_sweep *sweep,
				    uint32_t function, unsigned int index, uint64_t *value)
{
	const struct probe_read *reads = sweep_reads(facts->result, sweep);

	for (unsigned int i = 0; i < sweep->nr_reads; i++)
		if (reads[i].function == function &&
		    exit_index(facts->isa, reads[i].index) == index &&
		    leaf_decode(&reads[i], value) == LEAF_VALUE)
			return &reads[i];
	return NULL;
}

const struct result_sweep *sweep_last_full(const struct result *result, unsigned int vcpu)
{
	for (unsigned int s = result->nr_sweeps; s--;)
		if (result->sweeps[s].vcpu == vcpu && result->sweeps[s].kind == SWEEP_FULL)
			return &result->sweeps[s];
	return NULL;
}

/* ---- the truth ---- */

struct bounds facts_truth(const struct facts *facts, const uint64_t *executed, unsigned int index)
{
	struct bounds bounds = { 0, 0 };
	bool unbounded = facts->asynchronous[index];

	for (int op = 0; op < PROBE_NR_OPS; op++) {
		if (facts->op_index[op] != index || !executed[op])
			continue;
		if (facts->op_truth[op] != TRUTH_AT_MOST)
			bounds.lower += executed[op];
		bounds.upper += executed[op];
		unbounded |= facts->op_truth[op] == TRUTH_AT_LEAST;
	}
	if (unbounded)
		bounds.upper = UINT64_MAX;
	return bounds;
}

bool bounds_have(uint64_t value, struct bounds bounds)
{
	return value >= bounds.lower && value <= bounds.upper;
}

struct bounds_text bounds_text(struct bounds bounds)
{
	struct bounds_text text;

	if (bounds.lower == bounds.upper)
		snprintf(text.s, sizeof(text.s), "%s", text_u64(bounds.lower).s);
	else if (bounds.upper == UINT64_MAX)
		snprintf(text.s, sizeof(text.s), "at least %s", text_u64(bounds.lower).s);
	else
		snprintf(text.s, sizeof(text.s), "%s to %s", text_u64(bounds.lower).s,
			 text_u64(bounds.upper).s);
	return text;
}

void sweep_executed(const struct result_sweep *sweep, const struct probe_read *read, bool whole_vm,
		    uint64_t *executed)
{
	memcpy(executed, sweep->before, sizeof(sweep->before));
	executed[PROBE_CPUID] = read->cpuids;
	for (int op = 0; whole_vm && op < PROBE_NR_OPS; op++)
		executed[op] += sweep->others[op];
}

struct bounds facts_bpf(const struct facts *facts, const struct result_sweep *sweep,
			const struct probe_read *read, unsigned int index)
{
	struct bounds bounds = { sweep->bpf_before[index], sweep->bpf_after[index] };
	uint64_t later = 0;

	for (int op = 0; op < PROBE_NR_OPS; op++) {
		uint64_t at = op == PROBE_CPUID ? read->cpuids : sweep->before[op];

		if (facts->op_index[op] != index || facts->op_truth[op] == TRUTH_AT_MOST)
			continue;
		bounds.lower += at - sweep->before[op];
		later += sweep->after[op] - at;
	}
	bounds.upper -= later < bounds.upper ? later : bounds.upper;
	return bounds;
}
