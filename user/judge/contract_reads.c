// SPDX-License-Identifier: GPL-2.0-only
#include "judge/contract_reads.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "judge/plain_cpuid.h"
#include "kvm/exits.h"
#include "kvm/kvm.h"

void contract_demand(struct contract *found, enum contract_line_id line, bool holds,
		     const char *format, ...)
{
	struct contract_line *to = &found->lines[line];
	va_list args;

	to->compared++;
	if (holds || to->differed++)
		return;
	va_start(args, format);
	vsnprintf(to->example, sizeof(to->example), format, args);
	va_end(args);
}

static bool is_poisoned(const struct cpuid_read *read)
{
	return read->in[CPUID_RAX] >> 32 || read->in[CPUID_RCX] >> 32;
}

bool contract_read_is_clean(const struct cpuid_read *read, uint32_t function, uint32_t index)
{
	return read->mode == CPUID_MODE_64 && read->in[CPUID_RAX] == function &&
	       read->in[CPUID_RCX] == index;
}

struct probe_read contract_low(const struct cpuid_read *read)
{
	return (struct probe_read){
		.function = read->in[CPUID_RAX],
		.index = read->in[CPUID_RCX],
		.eax = read->out[CPUID_RAX],
		.ebx = read->out[CPUID_RBX],
		.ecx = read->out[CPUID_RCX],
		.edx = read->out[CPUID_RDX],
	};
}

/* A read under examination. */
struct view {
	const struct facts *facts;
	const struct contract_read *read;
	const struct contract_vcpu *vcpu;
	struct probe_read low; /* the lower halves */
	bool has_leaves, has_entry;
	uint32_t cpuid_number;
};

static bool is_64_bit(enum cpuid_mode mode)
{
	return mode == CPUID_MODE_64 || mode == CPUID_MODE_64_USER || mode == CPUID_MODE_FAULTING ||
	       mode == CPUID_MODE_FAULTING_USER || mode == CPUID_MODE_EMULATED;
}

static bool upper_halves_hold(const struct cpuid_read *read)
{
	for (int i = 0; i < CPUID_NR_REGISTERS; i++)
		if (is_64_bit(read->mode) && read->out[i] >> 32)
			return false;
	return true;
}

static bool registers_are(const struct probe_read *read, uint32_t eax, uint32_t ebx, uint32_t ecx,
			  uint32_t edx)
{
	return read->eax == eax && read->ebx == ebx && read->ecx == ecx && read->edx == edx;
}

static bool discovery_holds(const struct view *view)
{
	const struct leaf_discovery *known = &view->facts->result->discovery;
	const struct probe_read *low = &view->low;
	struct leaf_discovery found;

	switch (low->index) {
	case 0:
		leaf_discovery_decode(low, low, &found);
		return found.present &&
		       (!known->present || found.abi_version == known->abi_version);
	case 1:
		return !known->present || registers_are(low, known->tsc_khz, known->isa,
							known->features, known->nr_counters);
	case 2:
		if (!known->present || known->abi_version >= LEAF_EPOCH_ABI_VERSION)
			return !low->ecx && !low->edx;
		break;
	}
	return registers_are(low, 0, 0, 0, 0);
}

static bool is_undefined(const struct view *view)
{
	return leaf_is_by_number(view->low.function) &&
	       exit_index(view->facts->isa, view->low.index) == EXIT_INDEX_OTHER;
}

/* How many CPUIDs had been executed, of those that the leaf counts. */
static uint64_t executed(const struct view *view)
{
	return view->read->read.cpuids +
	       (leaf_is_vm_wide(view->low.function) ? view->read->others : 0);
}

static bool leaf_holds(const struct view *view)
{
	const struct probe_read *low = &view->low;
	uint64_t value;

	if (low->function == LEAF_DISCOVERY)
		return discovery_holds(view);
	if (is_undefined(view))
		return registers_are(low, 0, 0, 0, LEAF_UNDEFINED);
	if (leaf_decode(low, &value) != LEAF_VALUE)
		return false;
	if (!leaf_is_count(low->function))
		return true;
	if (!leaf_is_by_number(low->function))
		return value >= executed(view);
	return low->index != view->cpuid_number || value == executed(view);
}

/* Whether the answer is that of the VMM's entry for another index. */
static bool is_answered_by_another(const struct view *view)
{
	const struct contract_result *contract = &view->facts->result->contract;

	for (unsigned int i = view->vcpu->first; i < view->vcpu->first + view->vcpu->nr; i++) {
		const struct contract_entry *entry = &contract->entries[i];

		if (entry->function == view->low.function &&
		    registers_are(&view->low, entry->registers[CPUID_RAX],
				  entry->registers[CPUID_RBX], entry->registers[CPUID_RCX],
				  entry->registers[CPUID_RDX]))
			return true;
	}
	return false;
}

static enum contract_line_id line_of(const struct view *view)
{
	const struct probe_read *low = &view->low;

	if (view->read->read.mode == CPUID_MODE_FAULTING_USER)
		return CONTRACT_LINE_MODES;
	if (!upper_halves_hold(&view->read->read))
		return CONTRACT_LINE_REGISTERS;
	if (!is_leaf(low->function))
		return CONTRACT_LINE_ORDINARY;
	if (view->has_entry || is_answered_by_another(view))
		return CONTRACT_LINE_ENTRIES;
	if (!view->has_leaves)
		return CONTRACT_LINE_VISIBILITY;
	if (view->read->read.mode != CPUID_MODE_64)
		return CONTRACT_LINE_MODES;
	if (is_poisoned(&view->read->read))
		return CONTRACT_LINE_REGISTERS;
	if (low->function == LEAF_DISCOVERY && low->index)
		return CONTRACT_LINE_DISCOVERY;
	if (low->function == LEAF_DISCOVERY)
		return CONTRACT_LINE_VISIBILITY;
	return leaf_is_vm_wide(low->function) ? CONTRACT_LINE_VCPUS : CONTRACT_LINE_REGISTERS;
}

static bool answer_holds(const struct view *view)
{
	const struct cpuid_read *read = &view->read->read;
	uint32_t expected[CPUID_NR_REGISTERS];

	if (read->faulted || read->mode == CPUID_MODE_FAULTING_USER)
		return read->faulted && read->mode == CPUID_MODE_FAULTING_USER;
	if (!upper_halves_hold(read))
		return false;
	if (view->has_leaves && is_leaf(view->low.function) && !view->has_entry)
		return leaf_holds(view);
	plain_cpuid(&view->facts->result->contract, view->vcpu, view->low.function, view->low.index,
		    expected);
	return registers_are(&view->low, expected[CPUID_RAX], expected[CPUID_RBX],
			     expected[CPUID_RCX], expected[CPUID_RDX]);
}

static struct view view_of(const struct facts *facts, const uint64_t *bits,
			   const struct contract_read *read)
{
	const struct contract_result *contract = &facts->result->contract;
	const struct contract_vcpu *vcpu = &contract->vcpus[read->vcpu];
	struct view view = {
		.facts = facts,
		.read = read,
		.vcpu = vcpu,
		.low = contract_low(&read->read),
		.has_leaves = bits[vcpu->vm] & KVM_X86_EXIT_LEAVES_ENABLE,
	};

	view.has_entry = contract_entry(contract, vcpu, view.low.function, view.low.index);
	exit_number(facts->isa, op_exit_index(facts->isa, PROBE_CPUID), &view.cpuid_number);
	return view;
}

/* Whether the vCPU got a right answer to the same, in 64-bit mode at CPL 0 with clean registers. */
static bool clean_holds(const struct view *view, const uint64_t *bits)
{
	const struct contract_result *contract = &view->facts->result->contract;

	for (unsigned int i = 0; i < contract->nr_reads; i++) {
		const struct contract_read *read = &contract->reads[i];
		struct view clean;

		if (read->vcpu != view->read->vcpu ||
		    !contract_read_is_clean(&read->read, view->low.function, view->low.index))
			continue;
		clean = view_of(view->facts, bits, read);
		return answer_holds(&clean);
	}
	return false;
}

/*
 * Whether a sum lacks all vCPUs from one on. The vCPUs after the first execute nothing more once
 * the next one has come.
 */
static void find_end(const struct view *view, struct contract *found)
{
	const struct contract_result *contract = &view->facts->result->contract;
	const struct contract_vcpu *first = view->vcpu, *end = contract->vcpus + contract->nr_vcpus;
	uint64_t value, sum = view->read->read.cpuids;

	if (view->low.function != LEAF_EXITS || leaf_decode(&view->low, &value) != LEAF_VALUE ||
	    view->low.index != view->cpuid_number ||
	    (first != contract->vcpus && first[-1].vm == first->vm))
		return;
	for (const struct contract_vcpu *vcpu = first + 1; vcpu < end && vcpu->vm == first->vm;
	     vcpu++) {
		if (value == sum) {
			found->sums_wrong++;
			if (!found->sums_end || vcpu->id < found->sums_end)
				found->sums_end = vcpu->id;
			return;
		}
		sum += vcpu->cpuids;
	}
}

/* No vCPU was out of the guest for longer than all of this took. */
static void judge_clock(const struct view *view, struct contract *found)
{
	const struct result *result = view->facts->result;
	const struct contract_result *contract = &result->contract;
	const struct contract_vm *vm = &contract->vms[view->vcpu->vm];
	const uint64_t passed = result->end.tsc - result->begin.tsc;
	uint64_t value, vcpus = vm->created > 1 ? vm->created : 1;

	if (leaf_is_count(view->low.function) || leaf_decode(&view->low, &value) != LEAF_VALUE)
		return;
	if (!leaf_is_vm_wide(view->low.function))
		vcpus = 1;
	contract_demand(found, CONTRACT_LINE_CLOCK, value <= passed * vcpus,
			"%s: leaf 0x%x has %llu cycles, and %llu passed", vm->name,
			view->low.function, (unsigned long long)value, (unsigned long long)passed);
}

static void judge_read(const struct view *view, const uint64_t *bits, struct contract *found)
{
	const struct cpuid_read *read = &view->read->read;
	const bool holds = answer_holds(view),
		   leaf = is_leaf(view->low.function) && view->has_leaves && !view->has_entry;
	const enum contract_line_id line = line_of(view);

	contract_demand(found, line, holds,
			"leaf 0x%llx, index 0x%llx, %s%s: rax %llx, rbx %llx, rcx %llx, rdx %llx",
			(unsigned long long)read->in[CPUID_RAX],
			(unsigned long long)read->in[CPUID_RCX], cpuid_mode_name(read->mode),
			read->faulted ? ": fault" : "", (unsigned long long)read->out[CPUID_RAX],
			(unsigned long long)read->out[CPUID_RBX],
			(unsigned long long)read->out[CPUID_RCX],
			(unsigned long long)read->out[CPUID_RDX]);
	if (leaf && holds && view->low.function != LEAF_DISCOVERY)
		judge_clock(view, found);
	if (!leaf || holds)
		return;
	found->upper_set += !upper_halves_hold(read);
	if (line == CONTRACT_LINE_VCPUS)
		find_end(view, found);
	if (!read->faulted && (uint32_t)read->in[CPUID_RDX] == view->low.edx)
		found->left_over++;
	else if ((read->mode != CPUID_MODE_64 || is_poisoned(read)) && !clean_holds(view, bits))
		return;
	else if (read->mode != CPUID_MODE_64 && !is_poisoned(read))
		found->mode_wrong[read->mode]++;
	else if (read->mode == CPUID_MODE_64 && is_poisoned(read))
		found->upper_wrong++;
}

void contract_judge_reads(const struct facts *facts, const uint64_t *bits, struct contract *found)
{
	const struct contract_result *contract = &facts->result->contract;

	for (unsigned int i = 0; i < contract->nr_reads; i++) {
		struct view view = view_of(facts, bits, &contract->reads[i]);

		judge_read(&view, bits, found);
	}
}
