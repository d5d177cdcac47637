/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SYNTHETIC_KVM_H
#define SYNTHETIC_KVM_H

/* The KVM and the eBPF program of synthetic.h, with one defect at a time. */

#include <string.h>

#include "kvm/exits.h"
#include "run/result.h"

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
	DEFECT_STALE,	       /* a vCPU begins with the counters of the one before it */
	DEFECT_LOST_UPDATE,    /* with several vCPUs, each 100th exit */
	DEFECT_FORGETS_VCPU,   /* VM-wide exits of HLT leave the last of several vCPUs out */
	DEFECT_FORGETS_CYCLES, /* likewise, cycles */
	DEFECT_STORM,	       /* of everything at once, each 40th exit is lost */
	DEFECT_SPLIT,	       /* the vCPU that is moved loses each 50th exit */
	DEFECT_ABI_VERSION,
	DEFECT_ISA,
	DEFECT_TSC_KHZ,
	DEFECT_TSC_UNSTABLE, /* the TSC is called unstable */
	DEFECT_NR_COUNTERS,
	DEFECT_RESERVED,     /* a reserved discovery index is not 0 */
	DEFECT_EPOCH,	     /* nor are the registers that the epoch leaves alone */
	DEFECT_MAX_LEAF,     /* the highest hypervisor leaf reaches the leaves */
	DEFECT_ORDINARY,     /* an undefined leaf answers zeros instead of the highest basic leaf */
	DEFECT_GIVEN,	     /* a leaf that the guest was given has other registers */
	DEFECT_CUT_OFF,	     /* cycles of a reason have 32 bits */
	DEFECT_FASTPATH,     /* every second HLT is not counted */
	DEFECT_FLAG,	     /* entries that failed count as undefined */
	DEFECT_SHARED_STATE, /* vCPUs that read at once get each other's answers */
	DEFECT_EXITS_CUT_OFF,	 /* exits of a reason have 32 bits, and there are more */
	DEFECT_MASKED_HIGH,	 /* cycles: EBX is 0 */
	DEFECT_LAST_ONLY,	 /* cycles: those of the last exit */
	DEFECT_STORED_ELSEWHERE, /* cycles: the total alone has them */
	DEFECT_STACK,		 /* exits: EBX is what was there before */
	DEFECT_SHARED_CLOCK,	 /* cycles: too many, with several vCPUs */
	DEFECT_PUBLISHED, /* host-wide and never reset, and as FASTPATH, and as HANDLER_ONLY */
	/* Of the ABI's promises, see synthetic_contract.h. */
	DEFECT_CAP_LATE,	/* the capability is accepted after the first vCPU */
	DEFECT_CAP_BIT,		/* an unknown bit is accepted */
	DEFECT_CAP_CHECK,	/* an unknown bit is reported */
	DEFECT_CAP_REFUSED,	/* a known bit is refused */
	DEFECT_VISIBLE,		/* bit 1 alone shows the leaves */
	DEFECT_UNACCOUNTED,	/* bit 1 alone accounts for nothing */
	DEFECT_ENTRY_LOSES,	/* the leaf is answered in spite of an entry */
	DEFECT_ENTRY_STORED,	/* the leaves are among the entries */
	DEFECT_UPPER_INPUT,	/* all of RAX counts */
	DEFECT_UPPER_KEPT,	/* the upper halves are left as they were */
	DEFECT_EDX_LEFT,	/* EDX is left as it was */
	DEFECT_SUPERVISOR_ONLY, /* CPL 3 has no leaves */
	DEFECT_NO_FAULT,	/* CPUID faulting does not concern the leaves */
	DEFECT_FIRST_EIGHT,	/* a sum is that of the first eight vCPUs */
	DEFECT_RESERVED_INDEX,	/* a reserved index is answered like one before it */
	DEFECT_EPOCH_ZERO,
	DEFECT_EPOCH_EQUAL,	/* one for all VMs */
	DEFECT_EPOCH_SHORT,	/* of 32 bits */
	DEFECT_EPOCH_CLOCK,	/* when the VM was created */
	DEFECT_EPOCH_VCPU,	/* one for each vCPU */
	DEFECT_OTHER_LEAF,	/* a leaf that is none of ours answers something else */
	DEFECT_OTHER_ENTRY,	/* another entry is changed */
	DEFECT_EXITS_TRUNCATED, /* exits have 32 bits, and begin close to that */
	DEFECT_EXITS_MASKED,	/* likewise, EBX of exits is 0 */
	DEFECT_NARROW_WINDOW,	/* RDMSR takes long between hardware and both clocks of the host */
	DEFECT_NARROW_VCPU,	/* likewise, all exits of one of several vCPUs */
	DEFECT_GUEST_TSC_SLOW,	/* less passes in the guest than the leaves have */
	DEFECT_WRAPPED,		/* exits of a reason begin again at 100 */
	DEFECT_CLEARED,		/* ... whenever they are read */
	DEFECT_SATURATED,	/* ... stay at 100 */
	DEFECT_MIRROR_SUM,	/* the leaves of a vCPU have the VM's values */
	DEFECT_MIRROR_OWN,	/* the other way round */
	DEFECT_ELSEWHERE,	/* CPUID has the cycles of OUT, and OUT those of CPUID */
	DEFECT_STARTS_EARLY,	/* the clock starts 5,000 cycles before the exit */
	DEFECT_SHORT,		/* exits of less than 10,000 cycles are not charged */
	DEFECT_SCALED_VCPU,	/* vCPUs but the first are charged a half */
	DEFECT_STAT,		/* KVM's own statistic has one exit more */
	DEFECT_BPF_LOSES,	/* eBPF misses each 100th exit, and says so */
	DEFECT_BPF_LOSES_SILENTLY,
	DEFECT_BPF_INCOMPLETE, /* eBPF does not compare VM-wide leaves */
};

#define SYNTHETIC_KHZ 2000000
#define SYNTHETIC_MAX_BASIC 0x10
#define SYNTHETIC_GIVEN 0x80000001
#define SYNTHETIC_BIAS 400		    /* cycles */
#define SYNTHETIC_UNCOVERED 900		    /* cycles between hardware and the accounting */
#define SYNTHETIC_IDLE (0x400000000 / 3)    /* cycles of the one long exit of several vCPUs */
#define SYNTHETIC_READ 3000		    /* cycles that the guest's read of a leaf takes */
#define SYNTHETIC_GUEST SYNTHETIC_UNCOVERED /* cycles that the guest runs between exits */

struct synthetic_vcpu {
	uint64_t executed[PROBE_NR_OPS];
	uint64_t count[EXIT_NR_INDICES], cycles[EXIT_NR_INDICES];
	uint64_t seen[EXIT_NR_INDICES];	 /* by eBPF: cycles as of the last exit */
	uint64_t ahead[EXIT_NR_INDICES]; /* of eBPF's count, as of the last difference */
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
	if (s->defect == DEFECT_STORM && to->phase == PHASE_STORM && vcpu->nr_events % 40 == 0)
		count = false;
	vcpu->count[counted] += count;
	if (s->defect == DEFECT_WRAPPED && vcpu->count[counted] == 100)
		vcpu->count[counted] = 0;
	if (s->defect == DEFECT_SATURATED && vcpu->count[counted] > 100)
		vcpu->count[counted] = 100;

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

/* An exit that was not counted once, of which the first are kept. */
static inline void synthetic_difference(struct synthetic *s, unsigned int v, unsigned int index)
{
	struct synthetic_vcpu *vcpu = &s->vcpu[v];
	struct ec_reason *reason = &s->result->vcpus[v].bpf.reason[index];
	uint64_t ahead = vcpu->ahead[index];

	if (vcpu->count[index] == reason->count + ahead)
		return;
	reason->audit.differed++;
	vcpu->ahead[index] = vcpu->count[index] - reason->count;
	if (s->result->nr_differences < EC_MAX_MISMATCHES)
		s->result->differences[s->result->nr_differences++] = (struct ec_difference){
			.slot = v,
			.index = index,
			.faults = EC_DIFFERED,
			.kvm = vcpu->count[index] - ahead,
			.ebpf = reason->count,
		};
}

/* The eBPF program's comparison of an exit that has ended with KVM's account. */
static inline void synthetic_audit(struct synthetic *s, unsigned int v, unsigned int index,
				   uint64_t ns, uint64_t added)
{
	struct ec_vcpu *bpf = &s->result->vcpus[v].bpf;
	struct ec_reason *reason = &bpf->reason[index];
	uint64_t window = ns * SYNTHETIC_KHZ / 1000000, error = (window >> EC_CLOCK_BITS) + 4;
	uint64_t lost = added + (window >> EC_CACHE_BITS), bias = window > lost ? window - lost : 0;
	unsigned int bucket = bias < 2 ? 0 : 63 - __builtin_clzll(bias);

	if (s->result->leaves != LEAVES_PRESENT)
		return;
	bpf->accounted = true;
	bpf->own[8]++;
	reason->audit.bias[bucket < EC_HIST_BUCKETS ? bucket : EC_HIST_BUCKETS - 1]++;
	reason->audit.exceeded += added > window + error;
	reason->audit.untimed += !added;
	synthetic_difference(s, v, index);
}

/* What a KVM with that defect charges for an exit of so many cycles. */
static inline unsigned int synthetic_charge(struct synthetic *s, unsigned int v, unsigned int index,
					    unsigned int cycles)
{
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
	case DEFECT_STARTS_EARLY:
		cycles += 5000;
		break;
	case DEFECT_SHORT:
		cycles = cycles < 10000 ? 1 : cycles;
		break;
	case DEFECT_SCALED_VCPU:
		cycles /= s->result->vcpus[v].id ? 2 : 1;
		break;
	case DEFECT_HANDLER_ONLY:
	case DEFECT_PUBLISHED:
		cycles = cycles < 10000 ? cycles : cycles - 10000;
		break;
	default:
		break;
	}
	return cycles;
}

/* Under which reason. */
static inline unsigned int synthetic_charged(const struct synthetic *s, unsigned int index)
{
	unsigned int cpuid = synthetic_index(s, PROBE_CPUID), out = synthetic_index(s, PROBE_OUT);

	return s->defect == DEFECT_ELSEWHERE && (index == cpuid || index == out) ?
		       cpuid + out - index :
		       index;
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
	cycles = synthetic_charge(s, v, index, cycles);
	s->vcpu[v].cycles[synthetic_charged(s, index)] += cycles;
	synthetic_audit(s, v, index, ns, s->vcpu[v].cycles[index] - s->vcpu[v].seen[index]);
	s->vcpu[v].seen[index] = s->vcpu[v].cycles[index];
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

/* Likewise, as a command that the guest measures. */
static inline void synthetic_command(struct synthetic *s, unsigned int v, enum probe_op op,
				     unsigned int count)
{
	const struct result_vcpu *vcpu = &s->result->vcpus[v];
	const unsigned int index = synthetic_index(s, op);
	const uint64_t before = s->vcpu[v].cycles[index];
	struct result_span *span;
	uint64_t an_exit = synthetic_cost(s, index) + SYNTHETIC_UNCOVERED;

	if ((s->defect == DEFECT_NARROW_WINDOW && op == PROBE_RDMSR) ||
	    (s->defect == DEFECT_NARROW_VCPU && vcpu->phase == PHASE_SMP && vcpu->id == 1))
		an_exit += 30000;
	if (s->defect == DEFECT_GUEST_TSC_SLOW)
		an_exit /= 2;
	synthetic_execute(s, v, op, count);
	if (s->result->leaves != LEAVES_PRESENT)
		return;
	span = result_add_span(s->result);
	span->vcpu = v;
	span->op = op;
	span->exits = count;
	span->elapsed = count * an_exit;
	span->steady = span->elapsed;
	span->until_read = span->elapsed + SYNTHETIC_READ;
	span->covered = s->vcpu[v].cycles[index] - before;
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
	const bool is_sum = read->function >= LEAF_CYCLES;
	const bool vm_wide = s->defect == DEFECT_MIRROR_SUM ||
			     (is_sum && s->defect != DEFECT_MIRROR_OWN);
	uint32_t function = is_sum ? read->function :
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
		read->eax = s->defect == DEFECT_ABI_VERSION ? LEAF_ABI_VERSION + 1 :
							      LEAF_ABI_VERSION;
		read->ebx = signature[0];
		read->ecx = signature[1];
		read->edx = signature[2];
	} else if (read->function == LEAF_DISCOVERY && read->index == 1) {
		read->eax = s->defect == DEFECT_TSC_KHZ ? SYNTHETIC_KHZ / 2 : SYNTHETIC_KHZ;
		read->ebx = s->defect == DEFECT_ISA ? 3 : s->result->host.isa;
		read->ecx = s->defect == DEFECT_TSC_UNSTABLE ? 0 : LEAF_FEATURE_STABLE_TSC;
		read->edx =
			exit_nr_defined(s->result->host.isa) - (s->defect == DEFECT_NR_COUNTERS);
	} else if (read->function == LEAF_DISCOVERY && read->index == 2) {
		read->eax = 0x1234;
		read->ebx = s->defect == DEFECT_EPOCH_SHORT ? 0 : 0x5678;
		read->edx = s->defect == DEFECT_EPOCH;
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
	if (s->defect == DEFECT_CLEARED && read->function == LEAF_VCPU_EXITS)
		s->vcpu[v].count[exit_index(s->result->host.isa, read->index)] = 0;
	synthetic_end(s, v, cpuid);
}

#endif
