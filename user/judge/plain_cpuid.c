// SPDX-License-Identifier: GPL-2.0-only
#include "judge/plain_cpuid.h"

#include <string.h>

/* A leaf whose index does not matter: the first entry. */
static const struct contract_entry *any_entry(const struct contract_result *contract,
					      const struct contract_vcpu *vcpu, uint32_t function)
{
	for (unsigned int i = vcpu->first; i < vcpu->first + vcpu->nr; i++)
		if (contract->entries[i].function == function)
			return &contract->entries[i];
	return NULL;
}

const struct contract_entry *contract_entry(const struct contract_result *contract,
					    const struct contract_vcpu *vcpu, uint32_t function,
					    uint32_t index)
{
	for (unsigned int i = vcpu->first; i < vcpu->first + vcpu->nr; i++) {
		const struct contract_entry *entry = &contract->entries[i];

		if (entry->function == function && (entry->any_index || entry->index == index))
			return entry;
	}
	return NULL;
}

/*
 * On an Intel CPU, and on KVM for a guest that is told it has one, the highest basic leaf answers for
 * leaves beyond the end of their range; on AMD's, nothing does.
 */
static const struct contract_entry *out_of_range(const struct contract_result *contract,
						 const struct contract_vcpu *vcpu,
						 uint32_t function, uint32_t index)
{
	const struct contract_entry *basic = any_entry(contract, vcpu, 0), *range;
	const uint32_t ebx = basic ? basic->registers[CPUID_RBX] : 0;

	if (!basic || !memcmp(&ebx, "Auth", 4) || !memcmp(&ebx, "Hygo", 4))
		return NULL;
	if (function >= 0x40000000 && function <= 0x4fffffff)
		range = any_entry(contract, vcpu, function & 0xffffff00);
	else if (function >= 0xc0000000)
		range = any_entry(contract, vcpu, 0xc0000000);
	else
		range = any_entry(contract, vcpu, function & 0x80000000);
	if (range && function <= range->registers[CPUID_RAX])
		return NULL;
	return contract_entry(contract, vcpu, basic->registers[CPUID_RAX], index);
}

void plain_cpuid(const struct contract_result *contract, const struct contract_vcpu *vcpu,
		 uint32_t function, uint32_t index, uint32_t *registers)
{
	const struct contract_entry *entry = contract_entry(contract, vcpu, function, index);

	if (!entry)
		entry = out_of_range(contract, vcpu, function, index);
	memset(registers, 0, CPUID_NR_REGISTERS * sizeof(*registers));
	if (entry)
		memcpy(registers, entry->registers, sizeof(entry->registers));
}
