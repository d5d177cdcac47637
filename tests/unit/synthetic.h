/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SYNTHETIC_H
#define SYNTHETIC_H

/*
 * A machine made up for tests: counts exits as a patched KVM and the eBPF program would, and
 * collects a struct result as a validation does. One defect at a time can be put into its KVM.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/verdicts.h"
#include "synthetic_contract.h"
#include "synthetic_kvm.h"
#include "util/array.h"

struct synthetic_list {
	struct probe_read reads[2048];
	unsigned int nr;
};

static inline void synthetic_add(struct synthetic_list *list, uint32_t function, uint32_t index)
{
	list->reads[list->nr++] = (struct probe_read){ .function = function, .index = index };
}

static inline void synthetic_list(struct synthetic *s, struct synthetic_list *list,
				  enum sweep_kind kind)
{
	unsigned int cpuid = 0, number;

	list->nr = 0;
	exit_number(s->result->host.isa, synthetic_index(s, PROBE_CPUID), &cpuid);
	for (int end = 0; kind != SWEEP_SOME && end < 2; end++) {
		synthetic_add(list, LEAF_TOTAL_EXITS, 0);
		synthetic_add(list, LEAF_VCPU_TOTAL_EXITS, 0);
		for (int leaf = 0; kind == SWEEP_FULL && leaf < 2; leaf++) {
			uint32_t function = leaf ? LEAF_VCPU_CYCLES : LEAF_CYCLES;

			synthetic_add(list, function, cpuid);
			synthetic_add(list, leaf ? LEAF_VCPU_TOTAL_CYCLES : LEAF_TOTAL_CYCLES, 0);
			synthetic_add(list, function, cpuid);
		}
		for (unsigned int i = 0; !end && exit_number(s->result->host.isa, i, &number);
		     i++) {
			synthetic_add(list, LEAF_EXITS, number);
			synthetic_add(list, LEAF_VCPU_EXITS, number);
			if (kind != SWEEP_FULL)
				continue;
			synthetic_add(list, LEAF_CYCLES, number);
			synthetic_add(list, LEAF_VCPU_CYCLES, number);
		}
	}
}

static inline void synthetic_sweep(struct synthetic *s, unsigned int v, enum sweep_kind kind,
				   int workload, struct synthetic_list *list)
{
	struct result *result = s->result;
	struct result_sweep *sweep = result_add_sweep(result);
	struct synthetic_vcpu *vcpu = &s->vcpu[v];

	sweep->vcpu = v;
	sweep->workload = workload;
	sweep->kind = kind;
	memcpy(sweep->before, vcpu->executed, sizeof(sweep->before));
	for (unsigned int i = 0; i < result->nr_vcpus; i++)
		for (int op = 0; op < PROBE_NR_OPS; op++)
			if (i != v && result->vcpus[i].vm == result->vcpus[v].vm)
				sweep->others[op] += s->vcpu[i].executed[op];
	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++)
		sweep->bpf_before[i] = result->vcpus[v].bpf.reason[i].count;
	for (unsigned int i = 0; i < list->nr; i++)
		synthetic_read(s, v, &list->reads[i]);
	synthetic_execute(s, v, PROBE_OUT, 1);
	memcpy(sweep->after, vcpu->executed, sizeof(sweep->after));
	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++)
		sweep->bpf_after[i] = result->vcpus[v].bpf.reason[i].count;
	sweep->first_read = result->nr_reads;
	sweep->nr_reads = list->nr;
	result_add_reads(result, list->reads, list->nr);
	for (unsigned int i = 0; i < list->nr; i++) {
		unsigned int index = exit_index(result->host.isa, list->reads[i].index);
		const struct ec_reason *reason = &result->vcpus[v].bpf.reason[index];

		if (list->reads[i].function == LEAF_VCPU_CYCLES && index != EXIT_INDEX_OTHER &&
		    reason->leaf_timed)
			*result_add_time(result) = (struct result_time){
				.vcpu = v,
				.index = index,
				.cycles = reason->leaf_cycles,
				.ns = reason->leaf_ns,
				.timed = reason->leaf_timed,
			};
	}
}

static inline void synthetic_sweep_all(struct synthetic *s, unsigned int v, enum sweep_kind kind,
				       int workload)
{
	static struct synthetic_list list;

	synthetic_list(s, &list, s->result->leaves == LEAVES_PRESENT ? kind : SWEEP_SOME);
	synthetic_sweep(s, v, kind, workload, &list);
}

/* The initial counters of a vCPU; first is the first vCPU of its VM. */
static inline void synthetic_inherit(struct synthetic *s, unsigned int v, unsigned int first)
{
	for (unsigned int index = 0; index < EXIT_NR_INDICES; index++) {
		if (s->defect == DEFECT_STALE && v)
			s->vcpu[v].count[index] = s->vcpu[v - 1].count[index];
		for (unsigned int f = 0; s->defect == DEFECT_NOT_RESET && v == first && f < v; f++)
			s->vcpu[v].count[index] += s->result->vcpus[f].bpf.reason[index].count;
	}
}

static inline unsigned int synthetic_vm(struct synthetic *s, enum result_phase phase,
					unsigned int vm, unsigned int nr_vcpus)
{
	unsigned int first = s->result->nr_vcpus;

	for (unsigned int i = 0; i < nr_vcpus; i++) {
		struct result_vcpu *vcpu = result_add_vcpu(s->result);

		synthetic_inherit(s, first + i, first);
		if (s->defect == DEFECT_EXITS_CUT_OFF) {
			unsigned int index = synthetic_index(s, PROBE_RDMSR);
			uint64_t before = (1ull << 32) - 200;

			s->vcpu[first + i].executed[PROBE_RDMSR] = before;
			s->vcpu[first + i].count[index] = before;
			vcpu->bpf.reason[index].count = vcpu->bpf.count = before;
			vcpu->stat_exits = before;
		}
		vcpu->phase = phase;
		vcpu->vm = vm;
		vcpu->id = i;
		vcpu->slot = first + i;
		vcpu->has_stat = true;
	}
	s->result->phase[phase].ran = true;
	return first;
}

static const enum probe_op synthetic_ops[] = { PROBE_CPUID,	PROBE_RDMSR,	    PROBE_HYPERCALL,
					       PROBE_HLT,	PROBE_MOV_CR8,	    PROBE_OUT,
					       PROBE_MMIO_READ, PROBE_INVALID_STATE };

#define SYNTHETIC_NR_OPS (NR(synthetic_ops))

static inline void synthetic_single(struct synthetic *s)
{
	static const uint32_t undefined[] = { 0xa7, 0x3ff, 0x404, 0x7fffffff, 0x80000000, 12345 };
	static struct synthetic_list list;
	unsigned int v = synthetic_vm(s, PHASE_SINGLE, 1, 1);

	list.nr = 0;
	for (uint32_t index = 0; index < 4; index++)
		synthetic_add(&list, LEAF_DISCOVERY, index);
	synthetic_add(&list, 0, 0);
	synthetic_add(&list, 0x40000000, 0);
	synthetic_add(&list, SYNTHETIC_MAX_BASIC, 0);
	if (s->result->leaves == LEAVES_PRESENT) {
		synthetic_add(&list, LEAF_FIRST - 1, 0);
		synthetic_add(&list, SYNTHETIC_GIVEN, 0);
	}
	s->result->given[s->result->nr_given++] =
		(struct probe_read){ .function = SYNTHETIC_GIVEN, .ecx = 0x5678 };
	synthetic_sweep(s, v, SWEEP_SOME, -1, &list);
	leaf_discovery_decode(&list.reads[0], &list.reads[1], &s->result->discovery);
	if (s->result->leaves != LEAVES_PRESENT) {
		list.nr = 0;
		for (uint32_t leaf = LEAF_FIRST - 1; leaf <= LEAF_LAST; leaf++)
			synthetic_add(&list, leaf, 0);
		synthetic_sweep(s, v, SWEEP_SOME, -1, &list);
	}
	synthetic_sweep_all(s, v, SWEEP_FULL, -1);
	for (unsigned int i = 0; i < SYNTHETIC_NR_OPS; i++) {
		struct result_workload *workload = result_add_workload(s->result);
		unsigned int number = 0;

		exit_number(s->result->host.isa, synthetic_index(s, synthetic_ops[i]), &number);
		for (unsigned int w = 0; w < nr_workloads; w++)
			if (workloads[w].op == synthetic_ops[i])
				workload->workload = &workloads[w];
		workload->count = 4 * 97;
		workload->before = s->result->nr_sweeps - 1;
		for (unsigned int batch = 0; batch < 4; batch++) {
			synthetic_command(s, v, synthetic_ops[i], 97);
			list.nr = 0;
			if (s->result->leaves == LEAVES_PRESENT)
				synthetic_add(&list, LEAF_VCPU_CYCLES, number);
			synthetic_sweep(s, v, SWEEP_SOME, i, &list);
		}
		synthetic_sweep_all(s, v, SWEEP_COUNTS, i);
		s->result->workloads[i].after = s->result->nr_sweeps - 1;
	}
	list.nr = 0;
	for (unsigned int i = 0; i < NR(undefined); i++) {
		synthetic_add(&list, LEAF_EXITS, undefined[i]);
		synthetic_add(&list, LEAF_CYCLES, undefined[i]);
		synthetic_add(&list, LEAF_VCPU_EXITS, undefined[i]);
		synthetic_add(&list, LEAF_VCPU_CYCLES, undefined[i]);
	}
	if (s->result->leaves == LEAVES_PRESENT)
		synthetic_sweep(s, v, SWEEP_SOME, -1, &list);
	if (s->defect == DEFECT_GOES_DOWN)
		s->vcpu[v].count[synthetic_index(s, PROBE_MOV_CR8)] /= 2;
	synthetic_sweep_all(s, v, SWEEP_FULL, -1);
}

static inline void synthetic_load(struct synthetic *s, unsigned int v)
{
	for (unsigned int i = 0; i < SYNTHETIC_NR_OPS; i++)
		synthetic_command(s, v, synthetic_ops[i], 53);
}

/* The vCPU's last exit lasts longer. */
static inline void synthetic_idle(struct synthetic *s, unsigned int v)
{
	unsigned int out = synthetic_index(s, PROBE_OUT);

	s->vcpu[v].cycles[out] += SYNTHETIC_IDLE;
	s->vcpu[v].seen[out] += SYNTHETIC_IDLE;
	s->result->vcpus[v].bpf.reason[out].ns += SYNTHETIC_IDLE * 1000000ull / SYNTHETIC_KHZ;
}

static inline void synthetic_rest(struct synthetic *s)
{
	unsigned int first, second, v;

	first = synthetic_vm(s, PHASE_SMP, 2, 4);
	for (v = first; v < first + 4; v++)
		synthetic_load(s, v);
	for (v = first; v < first + 4; v++)
		synthetic_idle(s, v);
	for (v = first; v < first + 4; v++)
		synthetic_sweep_all(s, v, SWEEP_FULL, -1);

	first = synthetic_vm(s, PHASE_ISOLATION, 3, 1);
	synthetic_sweep_all(s, first, SWEEP_FULL, -1);
	second = synthetic_vm(s, PHASE_ISOLATION, 4, 1);
	synthetic_load(s, second);
	synthetic_sweep_all(s, first, SWEEP_FULL, -1);
	synthetic_sweep_all(s, second, SWEEP_FULL, -1);
	second = synthetic_vm(s, PHASE_ISOLATION, 5, 1);
	synthetic_sweep_all(s, second, SWEEP_FULL, -1);

	v = synthetic_vm(s, PHASE_MIGRATE, 6, 1);
	s->result->phase[PHASE_MIGRATE].moves = 100;
	s->result->phase[PHASE_MIGRATE].cpus = 2;
	synthetic_load(s, v);
	synthetic_sweep_all(s, v, SWEEP_FULL, -1);
}

/* Two VMs, of two vCPUs and of one. */
static inline void synthetic_storm(struct synthetic *s)
{
	struct result_storm *storm = &s->result->storm;
	const unsigned int first = synthetic_vm(s, PHASE_STORM, 7, 2);

	synthetic_vm(s, PHASE_STORM, 8, 1);
	for (unsigned int v = first; v < first + 3; v++) {
		synthetic_load(s, v);
		for (unsigned int i = 0; i < SYNTHETIC_NR_OPS; i++)
			s->result->vcpus[v].planned[synthetic_ops[i]] = 53;
	}
	for (unsigned int v = first; v < first + 3; v++) {
		synthetic_sweep_all(s, v, SWEEP_FULL, -1);
		memcpy(s->result->vcpus[v].executed, s->vcpu[v].executed,
		       sizeof(s->vcpu[v].executed));
	}
	storm->steps = 100;
	storm->vms = 2;
	storm->seconds = 0.5;
	storm->done[STORM_PROGRAM] = 40;
	storm->done[STORM_SIGNAL] = 20;
	storm->done[STORM_MOVE] = s->result->phase[PHASE_STORM].moves = 8;
	s->result->phase[PHASE_STORM].cpus = 2;
	strcpy(storm->no_cpus, "only with --storm");
}

/* A whole run; result_destroy() frees it. */
static inline struct result *synthetic_run(enum exit_isa isa, enum leaves_state leaves,
					   enum defect defect)
{
	struct synthetic s = { .result = result_create(), .defect = defect };
	struct result *result = s.result;

	result->host = (struct host){
		.isa = isa,
		.exit_leaves = leaves == LEAVES_PRESENT ? EXIT_LEAVES_OPTIN : EXIT_LEAVES_ABSENT,
		.cpu = "Synthetic CPU",
		.kernel = "6.12.0",
		.clocksource = "tsc",
		.invariant_tsc = true,
		.nr_cpus = 2,
	};
	result->started = 1700000000;
	result->seconds = 1.9;
	result->seed = 42;
	result->opt_in = true;
	result->tracer_path = "tp_btf";
	result->leaves = leaves;
	result->host.tsc_khz = SYNTHETIC_KHZ;
	result->has_missed = true;
	result->begin = (struct result_clock){ .tsc = 1000, .ns = 1000 };
	result->end = (struct result_clock){
		.tsc = 1000 + 2000000000ull / 1000000 * SYNTHETIC_KHZ,
		.ns = 1000 + 2000000000ull,
	};
	synthetic_single(&s);
	synthetic_rest(&s);
	synthetic_storm(&s);
	synthetic_contract(&s);
	synthetic_width(&s);
	for (unsigned int v = 0; defect == DEFECT_SHARED_STATE && v < result->nr_vcpus; v++)
		if (result->vcpus[v].phase == PHASE_SMP)
			result->vcpus[v].bpf.differed[LEAF_EXITS - LEAF_FIRST] += 7;
	if (defect == DEFECT_STAT)
		result->vcpus[0].stat_exits++;
	return result;
}

#endif
