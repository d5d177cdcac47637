// SPDX-License-Identifier: GPL-2.0-only
/* The ABI line by line: who has the leaves, and how they answer. */
#include "judge/check_contract.h"

#include <stdio.h>
#include <string.h>

#include "judge/contract_reads.h"
#include "judge/plain_cpuid.h"
#include "kvm/exits.h"
#include "kvm/kvm.h"
#include "util/text.h"

/* ---- the capability ---- */

static uint64_t supported(const struct result *result)
{
	if (result->host.exit_leaves == EXIT_LEAVES_OFF)
		return 0;
	if (result->discovery.present && result->discovery.abi_version < LEAF_EPOCH_ABI_VERSION)
		return KVM_X86_EXIT_LEAVES_ENABLE;
	return KVM_X86_EXIT_LEAVES_ENABLE | KVM_X86_EXIT_LEAVES_HOST;
}

static bool must_accept(const struct result *result, const struct contract_call *call)
{
	return call->request == CONTRACT_ENABLE && !call->has_vcpus && !call->flags && call->bits &&
	       !(call->bits & ~supported(result));
}

static void judge_calls(const struct result *result, struct contract *found)
{
	const struct contract_result *contract = &result->contract;

	for (unsigned int i = 0; i < contract->nr_calls; i++) {
		const struct contract_call *call = &contract->calls[i];
		const char *on = call->request == CONTRACT_ENABLE_VCPU ? "a vCPU" : "the VM";
		bool accept;

		if (call->request == CONTRACT_CHECK || call->request == CONTRACT_CHECK_SYSTEM) {
			contract_demand(found, CONTRACT_LINE_CAPABILITY,
					call->answer == (int)supported(result),
					"KVM_CHECK_EXTENSION returns %d, not %d", call->answer,
					(int)supported(result));
			continue;
		}
		accept = must_accept(result, call);
		contract_demand(found, CONTRACT_LINE_CAPABILITY, accept == !call->answer,
				"KVM_ENABLE_CAP of %s %s vCPUs, bits 0x%llx, flags 0x%x: %s", on,
				call->has_vcpus ? "with" : "without",
				(unsigned long long)call->bits, call->flags,
				accept ? "refused" : "accepted");
	}
}

/* What KVM has agreed to, rightly or not: bits of the capability. */
static uint64_t agreed(const struct result *result, unsigned int vm)
{
	const struct contract_result *contract = &result->contract;
	uint64_t bits = 0;

	if (result->host.exit_leaves == EXIT_LEAVES_ALL)
		bits = KVM_X86_EXIT_LEAVES_ENABLE;
	else if (result->host.exit_leaves == EXIT_LEAVES_HOST)
		bits = KVM_X86_EXIT_LEAVES_HOST;
	for (unsigned int i = 0; i < contract->nr_calls; i++) {
		const struct contract_call *call = &contract->calls[i];

		if (call->vm == vm && !call->answer &&
		    (call->request == CONTRACT_ENABLE || call->request == CONTRACT_ENABLE_VCPU))
			bits |= call->bits;
	}
	return bits;
}

static void judge_accounted(const struct result *result, struct contract *found)
{
	const struct contract_result *contract = &result->contract;

	for (unsigned int v = 0; v < contract->nr_vcpus; v++) {
		const struct contract_vcpu *vcpu = &contract->vcpus[v];
		bool accounts = agreed(result, vcpu->vm) &
				(KVM_X86_EXIT_LEAVES_ENABLE | KVM_X86_EXIT_LEAVES_HOST);

		if (vcpu->has_accounted)
			contract_demand(
				found, CONTRACT_LINE_ACCOUNTED,
				accounts ? vcpu->accounted >= vcpu->cpuids : !vcpu->accounted,
				"%s: KVM has %s exits, and the guest executed CPUID %s times",
				contract->vms[vcpu->vm].name, text_u64(vcpu->accounted).s,
				text_u64(vcpu->cpuids).s);
	}
}

/* ---- entries ---- */

static bool same_entries(const struct contract_result *contract, const struct contract_vcpu *a,
			 const struct contract_vcpu *b)
{
	for (unsigned int i = 0; i < a->nr && a->nr == b->nr; i++)
		if (memcmp(&contract->entries[a->first + i], &contract->entries[b->first + i],
			   sizeof(*contract->entries)))
			return false;
	return a->nr == b->nr;
}

/* The leaves are not among the entries, and nothing else changes there either. */
static void judge_entries(const struct result *result, struct contract *found)
{
	const struct contract_result *contract = &result->contract;
	const struct contract_vcpu *control = contract->vcpus;

	contract_demand(found, CONTRACT_LINE_ENTRIES, !contract->supported,
			"KVM_GET_SUPPORTED_CPUID has %u entries for the leaves",
			contract->supported);
	for (unsigned int v = 0; v < contract->nr_vcpus; v++) {
		const struct contract_vcpu *vcpu = &contract->vcpus[v];

		contract_demand(found, CONTRACT_LINE_ENTRIES, vcpu->entries == vcpu->given,
				"%s: KVM_GET_CPUID2 has %u entries for the leaves, the VMM set %u",
				contract->vms[vcpu->vm].name, vcpu->entries, vcpu->given);
		/* The VMM gave these two the same. */
		if (v && vcpu->vm != control->vm && vcpu->vm != vcpu[-1].vm &&
		    !contract->vms[vcpu->vm].has_apic)
			contract_demand(found, CONTRACT_LINE_ORDINARY,
					same_entries(contract, control, vcpu),
					"%s: its CPUID entries are not those of %s",
					contract->vms[vcpu->vm].name,
					contract->vms[control->vm].name);
	}
}

/* ---- a vCPU that is blocked in KVM ---- */

static bool value_of(const struct contract_read *read, uint64_t *value)
{
	const struct probe_read low = contract_low(&read->read);

	return leaf_decode(&low, value) == LEAF_VALUE;
}

/* What list_others() shows of the other vCPUs; their cycles are between these two. */
struct others {
	uint64_t halts;
	int64_t least, most;
};

static bool others_of(const struct contract_read *reads, struct others *others)
{
	uint64_t values[CONTRACT_OTHERS];

	for (int i = 0; i < CONTRACT_OTHERS; i++)
		if (!value_of(&reads[i], &values[i]))
			return false;
	*others = (struct others){
		.halts = values[0] - values[1],
		.least = values[3] - values[4],
		.most = values[3] - values[2],
	};
	return true;
}

/* Once it has exited by its only HLT, nothing is added to its cycles until it is woken. */
static void judge_blocked(const struct result *result, struct contract *found)
{
	const struct contract_result *contract = &result->contract;
	const struct contract_read *reads = contract->reads + contract->blocked - 1;
	struct others before, later;

	if (!contract->blocked || !others_of(reads, &before) ||
	    !others_of(reads + CONTRACT_OTHERS, &later) || before.halts != 1)
		return;
	found->has_open = later.least > before.most;
	contract_demand(found, CONTRACT_LINE_VCPUS, !found->has_open && later.most >= before.least,
			"a vCPU blocked in KVM has %lld cycles at most, and later %lld at least",
			(long long)before.most, (long long)later.least);
}

/* ---- the epoch ---- */

#define MAX_EPOCHS 64
#define EPOCH_PIECE 16 /* bits */

struct epochs {
	struct contract *found;
	struct {
		unsigned int vm;
		uint64_t epoch;
	} of[MAX_EPOCHS];
	unsigned int nr;
};

static void see_epoch(struct epochs *epochs, unsigned int vm, uint32_t low, uint32_t high)
{
	const uint64_t epoch = (uint64_t)high << 32 | low;
	bool again = false;

	for (unsigned int i = 0; i < epochs->nr; i++) {
		bool same_vm = epochs->of[i].vm == vm;

		again |= same_vm;
		contract_demand(epochs->found, CONTRACT_LINE_EPOCH,
				same_vm == (epochs->of[i].epoch == epoch),
				same_vm ? "one VM has the epochs 0x%llx and 0x%llx" :
					  "two VMs have the epochs 0x%llx and 0x%llx",
				(unsigned long long)epochs->of[i].epoch, (unsigned long long)epoch);
	}
	if (again || epochs->nr == MAX_EPOCHS)
		return;
	epochs->of[epochs->nr].vm = vm;
	epochs->of[epochs->nr++].epoch = epoch;
	contract_demand(epochs->found, CONTRACT_LINE_EPOCH, epoch, "a VM has the epoch 0");
}

static void judge_epochs(const struct result *result, const uint64_t *bits, struct contract *found)
{
	const struct contract_result *contract = &result->contract;
	struct epochs epochs = { .found = found };
	uint64_t differ = 0;
	bool parts_differ = true;

	if (!result->discovery.present || result->discovery.abi_version < LEAF_EPOCH_ABI_VERSION)
		return;
	for (unsigned int s = 0; s < result->nr_sweeps; s++) {
		const struct result_sweep *sweep = &result->sweeps[s];
		const struct probe_read *read = result->reads + sweep->first_read;

		for (unsigned int i = 0; i < sweep->nr_reads; i++, read++)
			if (read->function == LEAF_DISCOVERY && read->index == 2)
				see_epoch(&epochs, result->vcpus[sweep->vcpu].vm, read->eax,
					  read->ebx);
	}
	for (unsigned int i = 0; i < contract->nr_reads; i++) {
		const struct contract_read *read = &contract->reads[i];
		const struct contract_vcpu *vcpu = &contract->vcpus[read->vcpu];

		/* Numbers that no VM of the other phases has. */
		if (contract_read_is_clean(&read->read, LEAF_DISCOVERY, 2) &&
		    bits[vcpu->vm] & KVM_X86_EXIT_LEAVES_ENABLE &&
		    !contract_entry(contract, vcpu, LEAF_DISCOVERY, 2))
			see_epoch(&epochs, UINT32_MAX - vcpu->vm, read->read.out[CPUID_RAX],
				  read->read.out[CPUID_RBX]);
	}
	/* No piece of random numbers is the same in all, unlike that of a clock, a counter or an address. */
	for (unsigned int i = 1; i < epochs.nr; i++)
		differ |= epochs.of[i].epoch ^ epochs.of[0].epoch;
	for (unsigned int bit = 0; bit < 64; bit += EPOCH_PIECE)
		parts_differ &= !!(differ >> bit & ((1ull << EPOCH_PIECE) - 1));
	if (epochs.nr > 2)
		contract_demand(found, CONTRACT_LINE_EPOCH, parts_differ,
				"the epochs of all %u VMs differ in 0x%llx alone", epochs.nr,
				(unsigned long long)differ);
}

/* ---- the check ---- */

static void conclude(const struct result *result, struct check *check, const struct contract *found)
{
	const struct contract_result *contract = &result->contract;
	struct tally tally = { 0 };
	bool read_in[NR_CPUID_MODES] = { false };
	unsigned int modes = 0, most = 0;
	char wrong[128] = "";
	size_t n = 0;

	for (int line = 0; line < NR_CONTRACT_LINES; line++) {
		tally.compared += found->lines[line].compared;
		tally.differed += found->lines[line].differed;
		if (!found->lines[line].differed)
			continue;
		check_example(check, "%s: %s", contract_line_name(line),
			      found->lines[line].example);
		if (n < sizeof(wrong))
			n += snprintf(wrong + n, sizeof(wrong) - n, "%s%s", n ? ", " : " in ",
				      contract_line_name(line));
	}
	for (unsigned int vm = 0; vm < contract->nr_vms; vm++)
		if (contract->vms[vm].most > most)
			most = contract->vms[vm].most;
	for (unsigned int i = 0; i < contract->nr_reads; i++)
		read_in[contract->reads[i].read.mode] = true;
	for (int mode = 0; mode < NR_CPUID_MODES; mode++)
		modes += read_in[mode];
	check_settle(check, &tally);
	check_detail(check,
		     "%u requests for the capability, %u CPUIDs with all registers known, in %u"
		     " modes, a VM of %u of %u vCPUs: %s comparisons, %s different%s",
		     contract->nr_calls, contract->nr_reads, modes, found->vcpus, most,
		     text_u64(tally.compared).s, text_u64(tally.differed).s, wrong);
}

void check_contract(struct facts *facts, struct check *check)
{
	const struct result *result = facts->result;
	const struct contract_result *contract = &result->contract;
	uint64_t bits[CONTRACT_MAX_VMS];
	struct contract *found = facts->contract;

	memset(found, 0, sizeof(*found));
	if (!contract->ran || contract->nr_vms > CONTRACT_MAX_VMS) {
		check_detail(check, "%s", contract->skipped);
		return;
	}
	found->judged = true;
	for (unsigned int vm = 0; vm < contract->nr_vms; vm++) {
		bits[vm] = agreed(result, vm);
		if (contract->vms[vm].created > found->vcpus)
			found->vcpus = contract->vms[vm].created;
	}
	judge_calls(result, found);
	judge_accounted(result, found);
	judge_entries(result, found);
	judge_blocked(result, found);
	judge_epochs(result, bits, found);
	contract_judge_reads(facts, bits, found);
	conclude(result, check, found);
}
