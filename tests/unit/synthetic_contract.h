/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SYNTHETIC_CONTRACT_H
#define SYNTHETIC_CONTRACT_H

/* The VMs of phase_contract(), on the KVM of synthetic.h. */

#include <errno.h>

#include "kvm/kvm.h"
#include "synthetic_kvm.h"
#include "util/array.h"

#define CONTRACT_HIGHEST 0x10
#define CONTRACT_VALUE 0x12345678
#define CONTRACT_POISON 0xabcdull << 32
#define CONTRACT_LEFT 0x5a5a5a5a
#define CONTRACT_VCPUS 12

/* A vCPU of a synthetic VM: what CPUID has to know. */
struct contract_kvm {
	struct synthetic *s;
	unsigned int vm, number; /* number: in the VM */
	bool has_leaves;
	uint64_t cpuids, others, first_eight;
};

static inline void contract_request_as(struct synthetic *s, unsigned int vm,
				       enum contract_request request, bool has_vcpus,
				       uint32_t flags, uint64_t bits, int answer)
{
	*contract_add_call(&s->result->contract) = (struct contract_call){
		.vm = vm,
		.request = request,
		.has_vcpus = has_vcpus,
		.flags = flags,
		.bits = bits,
		.answer = answer,
	};
}

static inline void contract_vm_as(struct synthetic *s, const char *name)
{
	contract_add_vm(&s->result->contract)->name = name;
}

static inline void contract_entry_as(struct synthetic *s, uint32_t function, uint32_t value)
{
	struct contract_result *contract = &s->result->contract;

	*contract_add_entry(contract) = (struct contract_entry){
		.function = function,
		.any_index = true,
		.registers = { value, value, value, value },
	};
	contract->vcpus[contract->nr_vcpus - 1].nr++;
}

/* What the highest basic leaf has, which answers for leaves out of range. */
static inline uint32_t contract_highest_has(const struct synthetic *s, unsigned int vm)
{
	return CONTRACT_VALUE + (vm && s->defect == DEFECT_OTHER_ENTRY);
}

static inline void contract_vcpu_as(struct synthetic *s, unsigned int vm, unsigned int id,
				    uint64_t accounted)
{
	struct contract_result *contract = &s->result->contract;

	*contract_add_vcpu(contract) = (struct contract_vcpu){
		.vm = vm,
		.id = id,
		.first = contract->nr_entries,
		.entries = s->defect == DEFECT_ENTRY_STORED ? 9 : 0,
		.cpuids = 10 + id,
		.has_accounted = true,
		.accounted = accounted,
	};
	contract_entry_as(s, 0, CONTRACT_HIGHEST);
	contract_entry_as(s, CONTRACT_HIGHEST, contract_highest_has(s, vm));
}

static inline uint64_t contract_epoch(const struct contract_kvm *kvm)
{
	uint64_t epoch = (kvm->vm + 1) * 0x9e3779b97f4a7c15;

	switch (kvm->s->defect) {
	case DEFECT_EPOCH_ZERO:
		return 0;
	case DEFECT_EPOCH_EQUAL:
		return 0x1111111111111111;
	case DEFECT_EPOCH_SHORT:
		return (uint32_t)epoch;
	case DEFECT_EPOCH_CLOCK:
		return 0x123400000000 + (kvm->vm << 30);
	case DEFECT_EPOCH_VCPU:
		return epoch + kvm->number;
	default:
		return epoch;
	}
}

static inline void contract_discovery(const struct contract_kvm *kvm, uint32_t index, uint64_t *out)
{
	struct probe_read read = { .function = LEAF_DISCOVERY, .index = index };

	if (kvm->s->defect == DEFECT_RESERVED_INDEX && index > 2)
		read.index = 1;
	synthetic_discovery(kvm->s, &read);
	if (read.index == 2) {
		read.eax = contract_epoch(kvm);
		read.ebx = contract_epoch(kvm) >> 32;
	}
	out[CPUID_RAX] = read.eax;
	out[CPUID_RBX] = read.ebx;
	out[CPUID_RCX] = read.ecx;
	out[CPUID_RDX] = read.edx;
}

/* What a leaf answers. */
static inline void contract_leaf(const struct contract_kvm *kvm, uint32_t function, uint32_t index,
				 uint64_t *out)
{
	uint64_t value = kvm->cpuids;

	if (function == LEAF_DISCOVERY) {
		contract_discovery(kvm, index, out);
		return;
	}
	if (leaf_is_by_number(function) &&
	    exit_index(kvm->s->result->host.isa, index) == EXIT_INDEX_OTHER) {
		out[CPUID_RDX] = LEAF_UNDEFINED;
		return;
	}
	if (leaf_is_vm_wide(function))
		value += kvm->s->defect == DEFECT_FIRST_EIGHT ? kvm->first_eight : kvm->others;
	out[leaf_is_count(function) ? CPUID_RAX : CPUID_RCX] = value;
}

static inline void contract_cpuid(const struct contract_kvm *kvm, struct cpuid_read *read)
{
	const enum defect defect = kvm->s->defect;
	uint32_t function = read->in[CPUID_RAX], index = read->in[CPUID_RCX];
	bool user = read->mode == CPUID_MODE_64_USER || read->mode == CPUID_MODE_FAULTING_USER;
	bool leaf = is_leaf(function) && kvm->has_leaves &&
		    !(user && defect == DEFECT_SUPERVISOR_ONLY) &&
		    !(read->in[CPUID_RAX] >> 32 && defect == DEFECT_UPPER_INPUT);
	bool entry = function == LEAF_EXITS && kvm->number == 1 && kvm->vm == 2;

	if (read->mode == CPUID_MODE_FAULTING_USER && !(leaf && defect == DEFECT_NO_FAULT)) {
		read->faulted = true;
		return;
	}
	if (leaf && (!entry || defect == DEFECT_ENTRY_LOSES)) {
		contract_leaf(kvm, function, index, read->out);
		if (defect == DEFECT_EDX_LEFT && function != LEAF_DISCOVERY)
			read->out[CPUID_RDX] = (uint32_t)read->in[CPUID_RDX];
		for (int i = 0; i < CPUID_NR_REGISTERS; i++)
			if (defect == DEFECT_UPPER_KEPT)
				read->out[i] |= read->in[i] >> 32 << 32;
		return;
	}
	for (int i = 0; i < CPUID_NR_REGISTERS; i++) {
		if (entry)
			read->out[i] = CONTRACT_VALUE;
		else if (!function)
			read->out[i] = CONTRACT_HIGHEST;
		else
			read->out[i] = contract_highest_has(kvm->s, kvm->vm);
	}
	if (defect == DEFECT_OTHER_LEAF && function == LEAF_FIRST - 1)
		memset(read->out, 0, sizeof(read->out));
}

static inline void contract_read_as(struct contract_kvm *kvm, unsigned int vcpu,
				    enum cpuid_mode mode, uint64_t function, uint64_t index)
{
	struct contract_read *read = contract_add_read(&kvm->s->result->contract);

	read->vcpu = vcpu;
	read->others = kvm->others;
	read->read = (struct cpuid_read){
		.mode = mode,
		.in = { function, CONTRACT_LEFT | (function >> 32 << 32), index,
			CONTRACT_LEFT | (function >> 32 << 32) },
		.cpuids = ++kvm->cpuids,
	};
	contract_cpuid(kvm, &read->read);
}

/* Reads everything on the vCPU that was added last. */
static inline void contract_reads_as(struct contract_kvm *kvm, unsigned int vcpu)
{
	static const enum cpuid_mode modes[] = { CPUID_MODE_64, CPUID_MODE_64_USER, CPUID_MODE_REAL,
						 CPUID_MODE_FAULTING, CPUID_MODE_FAULTING_USER };
	unsigned int number = 0;

	exit_number(kvm->s->result->host.isa, synthetic_index(kvm->s, PROBE_CPUID), &number);
	for (unsigned int m = 0; m < NR(modes); m++) {
		for (uint32_t leaf = LEAF_FIRST; leaf <= LEAF_LAST; leaf++) {
			uint32_t index = leaf == LEAF_DISCOVERY ? 0 : number;

			contract_read_as(kvm, vcpu, modes[m], leaf, index);
			contract_read_as(kvm, vcpu, modes[m], CONTRACT_POISON | leaf,
					 CONTRACT_POISON | index);
		}
		contract_read_as(kvm, vcpu, modes[m], LEAF_EXITS, 0x7fffffff);
	}
	for (uint32_t index = 1; index < 5; index++)
		contract_read_as(kvm, vcpu, CPUID_MODE_64, LEAF_DISCOVERY, index);
	contract_read_as(kvm, vcpu, CPUID_MODE_64, 0, 0);
	contract_read_as(kvm, vcpu, CPUID_MODE_64, LEAF_FIRST - 1, 0);
}

/* A VM of one vCPU. */
static inline void contract_small_vm(struct synthetic *s, const char *name, bool has_leaves,
				     bool accounted)
{
	struct contract_result *contract = &s->result->contract;
	struct contract_kvm kvm = { .s = s, .vm = contract->nr_vms, .has_leaves = has_leaves };

	contract_vm_as(s, name);
	contract_vcpu_as(s, kvm.vm, 0, accounted ? 1000 : 0);
	contract_reads_as(&kvm, contract->nr_vcpus - 1);
	contract->vcpus[contract->nr_vcpus - 1].cpuids = kvm.cpuids;
}

/* A VM of several: the second has an entry of its own, and the first reads when all have worked. */
static inline void contract_large_vm(struct synthetic *s)
{
	struct contract_result *contract = &s->result->contract;
	struct contract_kvm kvm = { .s = s, .vm = contract->nr_vms, .has_leaves = true };
	unsigned int first = contract->nr_vcpus;

	contract_vm_as(s, "the large one");
	contract->vms[kvm.vm].created = contract->vms[kvm.vm].most = CONTRACT_VCPUS;
	for (unsigned int id = 0; id < CONTRACT_VCPUS; id++) {
		contract_vcpu_as(s, kvm.vm, id, 1000);
		if (id == 1) {
			contract_entry_as(s, LEAF_EXITS, CONTRACT_VALUE);
			contract->vcpus[first + 1].given = 1;
			contract->vcpus[first + 1].entries += 1;
		}
		if (!id)
			continue;
		kvm.others += 10 + id;
		if (id < 8)
			kvm.first_eight += 10 + id;
	}
	contract_reads_as(&kvm, first);
	contract->vcpus[first].cpuids = kvm.cpuids;
	/* The second one, before its last CPUIDs. */
	kvm.number = 1;
	kvm.others += kvm.cpuids - 11;
	kvm.first_eight += kvm.cpuids - 11;
	kvm.cpuids = 11;
	contract_reads_as(&kvm, first + 1);
	contract->vcpus[first + 1].cpuids = 11;
}

/* The VMs of phase_width(): before the width and beyond it, one vCPU or two begin close to it. */
static inline void synthetic_width(struct synthetic *s)
{
	unsigned int number = 0;

	exit_number(s->result->host.isa, synthetic_index(s, PROBE_CPUID), &number);
	for (unsigned int i = 0; i < 3 * 2 * 2 * LEAF_NR; i++) {
		const uint32_t leaf = LEAF_FIRST + i % LEAF_NR;
		const unsigned int started = 1 + i / LEAF_NR % 2;
		const bool crossed = i / LEAF_NR / 2 % 2, count = leaf_is_count(leaf);
		const uint64_t start = (1ull << (16 + i / LEAF_NR / 4 * 16)) - 97;
		const unsigned int vcpus = leaf_is_vm_wide(leaf) ? 2 : 1;
		struct result_width *width;
		uint64_t value = 0;

		if (leaf == LEAF_DISCOVERY || s->result->leaves != LEAVES_PRESENT)
			continue;
		width = result_add_width(s->result);
		for (unsigned int v = 0; v < vcpus; v++) {
			uint64_t begun = v < started ? start : 0, done = crossed ? 211 : 9;

			width->begun += begun;
			width->executed += done;
			value += count && s->defect == DEFECT_EXITS_TRUNCATED ?
					 (uint32_t)(begun + done) :
					 begun + done;
		}
		width->start = start;
		width->read = (struct probe_read){
			.function = leaf,
			.index = number,
			.ebx = count && s->defect == DEFECT_EXITS_MASKED ? 0 : value >> 32,
		};
		*(count ? &width->read.eax : &width->read.ecx) = value;
	}
}

static inline void synthetic_contract(struct synthetic *s)
{
	const bool late = s->defect == DEFECT_CAP_LATE, bit = s->defect == DEFECT_CAP_BIT;
	struct contract_result *contract = &s->result->contract;

	if (s->result->leaves != LEAVES_PRESENT) {
		snprintf(contract->skipped, sizeof(contract->skipped), "no capability");
		return;
	}
	contract_request_as(s, 0, CONTRACT_CHECK, false, 0, 0,
			    s->defect == DEFECT_CAP_CHECK ? 7 : 3);
	contract_request_as(s, 0, CONTRACT_ENABLE, false, 0, 0, -EINVAL);
	contract_request_as(s, 0, CONTRACT_ENABLE, false, 0, 5, bit ? 0 : -EINVAL);
	contract_request_as(s, 0, CONTRACT_ENABLE, false, 1, 1, -EINVAL);
	contract_request_as(s, 0, CONTRACT_ENABLE, true, 0, 1, late ? 0 : -EINVAL);
	contract_request_as(s, 0, CONTRACT_ENABLE_VCPU, true, 0, 1, -EINVAL);
	contract_request_as(s, 1, CONTRACT_ENABLE, false, 0, 2,
			    s->defect == DEFECT_CAP_REFUSED ? -EPERM : 0);
	contract_request_as(s, 2, CONTRACT_ENABLE, false, 0, 1, 0);
	contract_request_as(s, 3, CONTRACT_ENABLE, false, 0, 3, 0);
	contract_small_vm(s, "control", late || bit, late || bit);
	contract_small_vm(s, "host", s->defect == DEFECT_VISIBLE,
			  s->defect != DEFECT_UNACCOUNTED && s->defect != DEFECT_CAP_REFUSED);
	contract_large_vm(s);
	contract_small_vm(s, "both", true, true);
	contract->ran = true;
}

#endif
