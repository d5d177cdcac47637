/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PLAIN_CPUID_H
#define PLAIN_CPUID_H

/* What a guest's CPUID answers on a KVM without the exit leaves. */

#include "run/result.h"

/* The entry that a vCPU has for a leaf, NULL if it has none. */
const struct contract_entry *contract_entry(const struct contract_result *contract,
					    const struct contract_vcpu *vcpu, uint32_t function,
					    uint32_t index);

void plain_cpuid(const struct contract_result *contract, const struct contract_vcpu *vcpu,
		 uint32_t function, uint32_t index, uint32_t *registers);

#endif
