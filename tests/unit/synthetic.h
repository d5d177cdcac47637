/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SYNTHETIC_H
#define SYNTHETIC_H

/*
 * A machine made up for tests: counts exits as a patched KVM and the eBPF
 * program would, and collects a struct result as validate.c does. One defect
 * at a time can be put into its KVM.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/verdicts.h"
#include "kvm/exits.h"
#include "run/result.h"
#include "util/array.h"

enum defect {
	DEFECT_NONE,
	DEFECT_OFF_BY_ONE,	   /* exits: one too many, from the start */
	DEFECT_DOUBLE_COUNT,	   /* each RDMSR twice */
	DEFECT_MISSED,		   /* no HYPERCALL is counted */
	DEFECT_WRONG_REASON,	   /* HLT is counted as VMMCALL */
	DEFECT_HI_LO_SWAPPED,	   /* exits: EAX and EBX */
	DEFECT_CYCLES_SWAPPED,	   /* cycles: EBX and ECX */
	DEFECT_NOT_TIMED,	   /* cycles stay 0 */
	DEFECT_EARLY_RETURN,	   /* cycles of OUT stay 0 */
	DEFECT_EARLY_RETURN_CHEAP, /* cycles of MOV CR8 stay 0 */
	DEFECT_STOPS_EARLY,	   /* cycles: the same few for each exit */
	DEFECT_UNIT_NS,
	DEFECT_INCLUDES_GUEST, /* cycles: the guest's own run time, too */
	DEFECT_HANDLER_ONLY,   /* cycles: not those of user space */
	DEFECT_UNDEF_ZERO,     /* undefined numbers: all four 0 */
	DEFECT_UNDEF_CLAMPED,  /* undefined numbers: those of CPUID */
	DEFECT_UNDEF_ALL_ONES, /* undefined numbers: EAX is not 0 */
	DEFECT_DEFINED_UNDEF,  /* defined numbers that never happened: undefined */
	DEFECT_GARBAGE,	       /* exits: ECX is left as it was */
	DEFECT_TOTAL_EXITS,    /* the total misses MSR */
	DEFECT_TOTAL_CYCLES,   /* likewise */
	DEFECT_GOES_DOWN,      /* exits of CR8 are halved at last */
	DEFECT_HOST_WIDE,      /* VM-wide exits are the host's */
	DEFECT_NOT_RESET,      /* a VM begins with what all before it had */
	DEFECT_STALE,	       /* a vCPU begins with what the one before it had */
	DEFECT_LOST_UPDATE,    /* with several vCPUs, each 100th exit */
	DEFECT_FORGETS_VCPU,   /* VM-wide exits of HLT leave the last of several vCPUs out */
	DEFECT_FORGETS_CYCLES, /* likewise, cycles */
	DEFECT_SPLIT,	       /* the vCPU that is moved loses each 50th exit */
	DEFECT_ABI_VERSION,
	DEFECT_ISA,
	DEFECT_TSC_KHZ,
	DEFECT_NR_COUNTERS,
	DEFECT_RESERVED, /* a reserved discovery index is not 0 */
	DEFECT_MAX_LEAF, /* the highest hypervisor leaf reaches the leaves */
	DEFECT_ORDINARY, /* a leaf that nobody defines is zeros where the highest basic one is due */
	DEFECT_GIVEN,	 /* a leaf that the guest was given has other registers */
	DEFECT_CUT_OFF,	 /* cycles of a reason have 32 bits */
	DEFECT_FASTPATH,	 /* every second HLT is not counted */
	DEFECT_FLAG,		 /* entries that failed count as undefined */
	DEFECT_SHARED_STATE,	 /* vCPUs that read at once get each other's answers */
	DEFECT_EXITS_CUT_OFF,	 /* exits of a reason have 32 bits, and there are more */
	DEFECT_MASKED_HIGH,	 /* cycles: EBX is 0 */
	DEFECT_LAST_ONLY,	 /* cycles: those of the last exit */
	DEFECT_STORED_ELSEWHERE, /* cycles: the total alone has them */
	DEFECT_STACK,		 /* exits: EBX is what was there before */
	DEFECT_SHARED_CLOCK,	 /* cycles: too many, with several vCPUs */
	DEFECT_PUBLISHED, /* host-wide and never reset, and as FASTPATH, and as HANDLER_ONLY */
	DEFECT_STAT,	  /* KVM's own statistic has one exit more */
	DEFECT_BPF_LOSES, /* eBPF misses each 100th exit, and says so */
	DEFECT_BPF_LOSES_SILENTLY,
	DEFECT_BPF_INCOMPLETE, /* eBPF does not compare VM-wide leaves */
};

#define SYNTHETIC_KHZ 2000000
#define SYNTHETIC_MAX_BASIC 0x10
#define SYNTHETIC_GIVEN 0x80000001
#define SYNTHETIC_BIAS 400		 /* cycles */
#define SYNTHETIC_IDLE (0x400000000 / 3) /* cycles of the one long exit of several vCPUs */
#define SYNTHETIC_GUEST 1500		 /* cycles that the guest runs between exits */

struct synthetic_vcpu {
	uint64_t executed[PROBE_NR_OPS];
	uint64_t count[EXIT_NR_INDICES], cycles[EXIT_NR_INDICES];
	uint64_t nr_events;
};

struct synthetic {
	struct result *result;
	enum defect defect;
	struct synthetic_vcpu vcpu[16];
};

static inline unsigned int synthetic_index(const struct synthetic *s, enum probe_op op)
{
	return op_exit_index(s->result->host.isa, op);
}

/* An exit of a vCPU, until the next VM entry. */
static inline void synthetic_begin(struct synthetic *s, unsigned int v, unsigned int index)
{
	struct synthetic_vcpu *vcpu = &s->vcpu[v];
	struct result_vcpu *to = &s->result->vcpus[v];
	unsigned int counted = index;
	bool count = true;

	vcpu->nr_events++;
	to->stat_exits++;
	if (s->defect == DEFECT_DOUBLE_COUNT && index == synthetic_index(s, PROBE_RDMSR))
		vcpu->count[index]++;
	if (s->defect == DEFECT_MISSED && index == synthetic_index(s, PROBE_HYPERCALL))
		count = false;
	if (s->defect == DEFECT_WRONG_REASON && index == synthetic_index(s, PROBE_HLT))
		counted = synthetic_index(s, PROBE_HYPERCALL);
	if ((s->defect == DEFECT_FASTPATH || s->defect == DEFECT_PUBLISHED) &&
	    index == synthetic_index(s, PROBE_HLT) && vcpu->executed[PROBE_HLT] % 2)
		count = false;
	if (s->defect == DEFECT_FLAG && index == synthetic_index(s, PROBE_INVALID_STATE))
		counted = EXIT_INDEX_OTHER;
	if (s->defect == DEFECT_LOST_UPDATE && to->phase == PHASE_SMP && vcpu->nr_events % 100 == 0)
		count = false;
	if (s->defect == DEFECT_SPLIT && to->phase == PHASE_MIGRATE && vcpu->nr_events % 50 == 0)
		count = false;
	vcpu->count[counted] += count;

	if ((s->defect == DEFECT_BPF_LOSES || s->defect == DEFECT_BPF_LOSES_SILENTLY) &&
	    vcpu->nr_events % 100 == 0) {
		s->result->missed += s->defect == DEFECT_BPF_LOSES;
		return;
	}
	to->bpf.count++;
	to->bpf.reason[index].count++;
}

/* Cycles of an exit: more for those that user space handles. */
static inline unsigned int synthetic_cost(const struct synthetic *s, unsigned int index)
{
	bool dear = index == synthetic_index(s, PROBE_OUT) ||
		    index == synthetic_index(s, PROBE_HLT);

	return 2000 + index * 10 + (dear ? 30000 : 0);
}

static inline void synthetic_end(struct synthetic *s, unsigned int v, unsigned int index)
{
	struct ec_reason *reason = &s->result->vcpus[v].bpf.reason[index];
	unsigned int cycles = synthetic_cost(s, index);
	uint64_t ns = (uint64_t)(cycles + SYNTHETIC_BIAS) * 1000000 / SYNTHETIC_KHZ;

	reason->timed++;
	reason->ns += ns;
	reason->min_ns = reason->max_ns = ns;
	reason->hist[63 - __builtin_clzll(ns)]++;
	s->result->vcpus[v].bpf.entries++;
	switch (s->defect) {
	case DEFECT_NOT_TIMED:
		cycles = 0;
		break;
	case DEFECT_EARLY_RETURN:
		if (index == synthetic_index(s, PROBE_OUT))
			cycles = 0;
		break;
	case DEFECT_EARLY_RETURN_CHEAP:
		if (index == synthetic_index(s, PROBE_MOV_CR8))
			cycles = 0;
		break;
	case DEFECT_STOPS_EARLY:
		cycles = 90;
		break;
	case DEFECT_UNIT_NS:
		cycles /= SYNTHETIC_KHZ / 1000000;
		break;
	case DEFECT_INCLUDES_GUEST:
		cycles += SYNTHETIC_GUEST;
		break;
	case DEFECT_SHARED_CLOCK:
		cycles *= s->result->vcpus[v].phase == PHASE_SMP ? 2 : 1;
		break;
	case DEFECT_LAST_ONLY:
		s->vcpu[v].cycles[index] = 0;
		break;
	case DEFECT_HANDLER_ONLY:
	case DEFECT_PUBLISHED:
		cycles = cycles < 10000 ? cycles : cycles - 10000;
		break;
	default:
		break;
	}
	s->vcpu[v].cycles[index] += cycles;
}

static inline void synthetic_execute(struct synthetic *s, unsigned int v, enum probe_op op,
				     unsigned int count)
{
	unsigned int index = synthetic_index(s, op);

	while (count--) {
		s->vcpu[v].executed[op]++;
		synthetic_begin(s, v, index);
		synthetic_end(s, v, index);
	}
}

/* What a leaf holds, over the vCPUs from first to last. */
static inline uint64_t synthetic_sum(const struct synthetic *s, unsigned int first,
				     unsigned int last, bool cycles, bool total, unsigned int index)
{
	uint64_t sum = 0;

	for (unsigned int v = first; v <= last; v++) {
		for (unsigned int i = 0; i < EXIT_NR_INDICES; i++) {
			bool skip = (s->defect == DEFECT_TOTAL_EXITS && !cycles) ||
				    (s->defect == DEFECT_TOTAL_CYCLES && cycles);

			if (!total && i != index)
				continue;
			if (total && skip && i == synthetic_index(s, PROBE_RDMSR))
				continue;
			if (!cycles)
				sum += s->defect == DEFECT_EXITS_CUT_OFF ?
					       (uint32_t)s->vcpu[v].count[i] :
					       s->vcpu[v].count[i];
			else if (s->defect == DEFECT_CUT_OFF)
				sum += (uint32_t)s->vcpu[v].cycles[i];
			else if (s->defect == DEFECT_STORED_ELSEWHERE && !total)
				continue;
			else
				sum += s->vcpu[v].cycles[i];
		}
	}
	return sum;
}

static inline void synthetic_registers(struct synthetic *s, unsigned int v, struct probe_read *read)
{
	const struct result *result = s->result;
	unsigned int index = exit_index(result->host.isa, read->index), first = v, last = v;
	unsigned int hlt = synthetic_index(s, PROBE_HLT);
	bool vm_wide = read->function >= LEAF_CYCLES;
	uint32_t function = vm_wide ? read->function :
				      read->function + LEAF_TOTAL_EXITS - LEAF_VCPU_TOTAL_EXITS;
	bool total = function == LEAF_TOTAL_EXITS || function == LEAF_TOTAL_CYCLES;
	bool cycles = function == LEAF_CYCLES || function == LEAF_TOTAL_CYCLES;
	uint64_t value;

	if (!total && index == EXIT_INDEX_OTHER) {
		read->edx = s->defect == DEFECT_UNDEF_ZERO ? 0 : LEAF_UNDEFINED;
		read->eax = s->defect == DEFECT_UNDEF_ALL_ONES ? LEAF_UNDEFINED : 0;
		if (s->defect == DEFECT_UNDEF_CLAMPED) {
			read->edx = 0;
			read->eax = s->vcpu[v].count[synthetic_index(s, PROBE_CPUID)];
		}
		return;
	}
	if (s->defect == DEFECT_PUBLISHED ||
	    (s->defect == DEFECT_HOST_WIDE && vm_wide && !cycles)) {
		first = 0;
		last = result->nr_vcpus - 1;
	}
	while (vm_wide && first && result->vcpus[first - 1].vm == result->vcpus[v].vm)
		first--;
	while (vm_wide && last + 1 < result->nr_vcpus &&
	       result->vcpus[last + 1].vm == result->vcpus[v].vm)
		last++;
	value = synthetic_sum(s, first, last, cycles, total, index);
	if (last > first && (total || index == hlt) &&
	    s->defect == (cycles ? DEFECT_FORGETS_CYCLES : DEFECT_FORGETS_VCPU))
		value -= synthetic_sum(s, last, last, cycles, false, hlt);
	if (!cycles && s->defect == DEFECT_OFF_BY_ONE)
		value++;
	if (s->defect == DEFECT_DEFINED_UNDEF && !value && !total) {
		read->edx = LEAF_UNDEFINED;
		return;
	}
	read->ebx = value >> 32;
	*(cycles ? &read->ecx : &read->eax) = value;
	if ((!cycles && s->defect == DEFECT_HI_LO_SWAPPED) ||
	    (cycles && s->defect == DEFECT_CYCLES_SWAPPED)) {
		read->ebx = value;
		*(cycles ? &read->ecx : &read->eax) = value >> 32;
	}
	if (cycles && s->defect == DEFECT_MASKED_HIGH)
		read->ebx = 0;
	if (!cycles && s->defect == DEFECT_STACK)
		read->ebx = 0xffff8880;
	if (!cycles && s->defect == DEFECT_GARBAGE)
		read->ecx = read->index;
}

static inline void synthetic_discovery(const struct synthetic *s, struct probe_read *read)
{
	uint32_t signature[3];

	memcpy(signature, LEAF_SIGNATURE, sizeof(signature));
	if (read->function == LEAF_DISCOVERY && read->index == 0) {
		read->eax = s->defect == DEFECT_ABI_VERSION ? 2 : LEAF_ABI_VERSION;
		read->ebx = signature[0];
		read->ecx = signature[1];
		read->edx = signature[2];
	} else if (read->function == LEAF_DISCOVERY && read->index == 1) {
		read->eax = s->defect == DEFECT_TSC_KHZ ? SYNTHETIC_KHZ / 2 : SYNTHETIC_KHZ;
		read->ebx = s->defect == DEFECT_ISA ? 3 : s->result->host.isa;
		read->ecx = LEAF_FEATURE_STABLE_TSC;
		read->edx =
			exit_nr_defined(s->result->host.isa) - (s->defect == DEFECT_NR_COUNTERS);
	} else if (read->function == LEAF_DISCOVERY) {
		read->edx = s->defect == DEFECT_RESERVED;
	} else if (read->function == 0) {
		read->eax = SYNTHETIC_MAX_BASIC;
	} else if (read->function == SYNTHETIC_MAX_BASIC) {
		read->ebx = 0x1234;
	} else if (read->function == LEAF_FIRST - 1) {
		read->ebx = s->defect == DEFECT_ORDINARY ? 0 : 0x1234;
	} else if (read->function == SYNTHETIC_GIVEN) {
		read->ecx = s->defect == DEFECT_GIVEN ? 0 : 0x5678;
	} else {
		read->eax = s->defect == DEFECT_MAX_LEAF ? LEAF_TOTAL_EXITS : 0x40000001;
	}
}

/* The eBPF program's comparison in place. */
static inline void synthetic_compare(struct synthetic *s, unsigned int v,
				     const struct probe_read *read)
{
	struct result *result = s->result;
	struct ec_vcpu *bpf = &result->vcpus[v].bpf;
	unsigned int index = exit_index(result->host.isa, read->index), own = index;
	bool total = read->function == LEAF_TOTAL_EXITS || read->function == LEAF_VCPU_TOTAL_EXITS;
	uint64_t value, expected = 0;
	enum leaf_state state = leaf_decode(read, &value);

	if (read->function == LEAF_VCPU_CYCLES && index != EXIT_INDEX_OTHER) {
		struct ec_reason *reason = &bpf->reason[own];

		reason->leaf_cycles = (uint64_t)read->ebx << 32 | read->ecx;
		reason->leaf_ns = reason->ns;
		reason->leaf_timed = reason->timed;
	}
	if (!total && read->function != LEAF_EXITS && read->function != LEAF_VCPU_EXITS)
		return;
	if (s->defect == DEFECT_BPF_INCOMPLETE && read->function >= LEAF_CYCLES)
		return;
	for (unsigned int i = 0; i < result->nr_vcpus; i++)
		if (i == v ||
		    (read->function >= LEAF_CYCLES && result->vcpus[i].vm == result->vcpus[v].vm))
			expected += total ? result->vcpus[i].bpf.count :
					    result->vcpus[i].bpf.reason[index].count;
	bpf->compared[read->function - LEAF_FIRST]++;
	if (!total && index == EXIT_INDEX_OTHER) {
		bpf->differed[read->function - LEAF_FIRST] += state != LEAF_NUMBER_UNDEFINED;
		return;
	}
	if (state == LEAF_VALUE && value == expected)
		return;
	bpf->differed[read->function - LEAF_FIRST]++;
	result->stats.mismatches++;
	if (result->nr_mismatches == EC_MAX_MISMATCHES)
		return;
	result->mismatches[result->nr_mismatches++] = (struct ec_mismatch){
		.slot = v,
		.function = read->function,
		.index = read->index,
		.leaf = (uint64_t)read->ebx << 32 | read->eax,
		.lower = expected,
		.upper = expected,
	};
}

static inline void synthetic_read(struct synthetic *s, unsigned int v, struct probe_read *read)
{
	unsigned int cpuid = synthetic_index(s, PROBE_CPUID);

	read->cpuids = ++s->vcpu[v].executed[PROBE_CPUID];
	synthetic_begin(s, v, cpuid);
	if (s->result->leaves != LEAVES_PRESENT) {
		/* as an AMD-vendor guest has it: zeros */
	} else if (read->function >= LEAF_FIRST && read->function <= LEAF_LAST &&
		   read->function != LEAF_DISCOVERY) {
		synthetic_registers(s, v, read);
		synthetic_compare(s, v, read);
	} else {
		synthetic_discovery(s, read);
	}
	synthetic_end(s, v, cpuid);
}

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

/* What a vCPU's counters begin with; first is the first one of its VM. */
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
			synthetic_execute(s, v, synthetic_ops[i], 97);
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
		synthetic_execute(s, v, synthetic_ops[i], 53);
}

/* The vCPU's last exit lasts longer. */
static inline void synthetic_idle(struct synthetic *s, unsigned int v)
{
	unsigned int out = synthetic_index(s, PROBE_OUT);

	s->vcpu[v].cycles[out] += SYNTHETIC_IDLE;
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
		.nr_cpus = 2,
	};
	result->started = 1700000000;
	result->seconds = 1.9;
	result->seed = 42;
	result->opt_in = true;
	result->tracer_path = "tp_btf";
	result->leaves = leaves;
	result->tsc_khz = SYNTHETIC_KHZ;
	result->has_missed = true;
	result->begin = (struct result_clock){ .tsc = 1000, .ns = 1000 };
	result->end = (struct result_clock){
		.tsc = 1000 + 2000000000ull / 1000000 * SYNTHETIC_KHZ,
		.ns = 1000 + 2000000000ull,
	};
	synthetic_single(&s);
	synthetic_rest(&s);
	for (unsigned int v = 0; defect == DEFECT_SHARED_STATE && v < result->nr_vcpus; v++)
		if (result->vcpus[v].phase == PHASE_SMP)
			result->vcpus[v].bpf.differed[LEAF_EXITS - LEAF_FIRST] += 7;
	if (defect == DEFECT_STAT)
		result->vcpus[0].stat_exits++;
	return result;
}

#endif
