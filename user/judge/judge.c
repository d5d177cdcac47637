// SPDX-License-Identifier: GPL-2.0-only
#include "judge/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

/*
 * Exits that the host's own doings cause at any time (interrupts, page faults
 * of the second level, preemption ...): what the guest executed is a lower
 * bound of these.
 */
static const unsigned int asynchronous_svm[] = {
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

void judge_init(struct judge *judge, const struct result *result, struct verdicts *verdicts)
{
	bool svm = result->host.isa == EXIT_ISA_SVM;
	const unsigned int *list = svm ? asynchronous_svm : asynchronous_vmx;
	size_t nr = svm ? sizeof(asynchronous_svm) : sizeof(asynchronous_vmx);

	*judge = (struct judge){
		.result = result,
		.verdicts = verdicts,
		.isa = result->host.isa,
		.lost = result->stats.no_slot + result->stats.no_map + result->missed,
	};
	for (unsigned int v = 0; v < result->nr_vcpus; v++)
		judge->lost += result->vcpus[v].bpf.joined_late;
	for (size_t i = 0; i < nr / sizeof(*list); i++)
		judge->asynchronous[exit_index(judge->isa, list[i])] = true;
	for (int op = 0; op < PROBE_NR_OPS; op++) {
		const struct workload *workload = workload_of(op);

		judge->op_index[op] = op_exit_index(judge->isa, op);
		if (judge->op_index[op] == EXIT_INDEX_OTHER)
			continue;
		judge->op_truth[op] = workload->truth;
		judge->caused[judge->op_index[op]] = true;
	}
	for (unsigned int index = 0; index < EXIT_NR_INDICES; index++)
		judge->expected[index] = judge->caused[index] || judge->asynchronous[index];
}

/* ---- writing a check down ---- */

void check_detail(struct check *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(check->detail, sizeof(check->detail), format, args);
	va_end(args);
}

void check_example(struct check *check, const char *format, ...)
{
	va_list args;

	if (check->nr_examples == CHECK_MAX_EXAMPLES)
		return;
	va_start(args, format);
	vsnprintf(check->examples[check->nr_examples++], sizeof(check->examples[0]), format, args);
	va_end(args);
}

void check_settle(struct check *check, const struct tally *tally)
{
	if (tally->differed)
		check->verdict = VERDICT_FAIL;
	else if (tally->undecided)
		check->verdict = VERDICT_INCONCLUSIVE;
	else
		check->verdict = tally->compared ? VERDICT_PASS : VERDICT_SKIP;
}

struct place check_place(const struct judge *judge, unsigned int vcpu, unsigned int index,
			 const struct result_sweep *sweep)
{
	const struct result *result = judge->result;
	struct place place;
	unsigned int number;
	const char *name = NULL, *after = NULL;
	int n;

	n = snprintf(place.s, sizeof(place.s), "VM %u vCPU %u", result->vcpus[vcpu].vm,
		     result->vcpus[vcpu].id);
	if (exit_number(judge->isa, index, &number)) {
		name = exit_name(judge->isa, number);
		n += snprintf(place.s + n, sizeof(place.s) - n, ", %s %s",
			      text_exit(judge->isa, number).s, name ? name : "");
	}
	if (sweep && sweep->workload >= 0)
		after = result->workloads[sweep->workload].workload->name;
	if (after && n < (int)sizeof(place.s))
		snprintf(place.s + n, sizeof(place.s) - n, ", after %s", after);
	return place;
}

/* ---- reads ---- */

const struct probe_read *sweep_reads(const struct result *result, const struct result_sweep *sweep)
{
	return result->reads + sweep->first_read;
}

const struct probe_read *sweep_find(const struct judge *judge, const struct result_sweep *sweep,
				    uint32_t function, unsigned int index, uint64_t *value)
{
	const struct probe_read *reads = sweep_reads(judge->result, sweep);

	for (unsigned int i = 0; i < sweep->nr_reads; i++)
		if (reads[i].function == function &&
		    exit_index(judge->isa, reads[i].index) == index &&
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

struct bounds judge_truth(const struct judge *judge, const uint64_t *executed, unsigned int index)
{
	struct bounds bounds = { 0, 0 };
	bool unbounded = judge->asynchronous[index];

	for (int op = 0; op < PROBE_NR_OPS; op++) {
		if (judge->op_index[op] != index || !executed[op])
			continue;
		if (judge->op_truth[op] != TRUTH_AT_MOST)
			bounds.lower += executed[op];
		bounds.upper += executed[op];
		unbounded |= judge->op_truth[op] == TRUTH_AT_LEAST;
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

struct bounds judge_bpf(const struct judge *judge, const struct result_sweep *sweep,
			const struct probe_read *read, unsigned int index)
{
	struct bounds bounds = { sweep->bpf_before[index], sweep->bpf_after[index] };
	uint64_t later = 0;

	for (int op = 0; op < PROBE_NR_OPS; op++) {
		uint64_t at = op == PROBE_CPUID ? read->cpuids : sweep->before[op];

		if (judge->op_index[op] != index || judge->op_truth[op] == TRUTH_AT_MOST)
			continue;
		bounds.lower += at - sweep->before[op];
		later += sweep->after[op] - at;
	}
	bounds.upper -= later < bounds.upper ? later : bounds.upper;
	return bounds;
}
