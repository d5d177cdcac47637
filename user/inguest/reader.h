/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef INGUEST_READER_H
#define INGUEST_READER_H

/* Executes CPUID and counts that: each is one VM exit of this program's own. */

#include <stdbool.h>
#include <stdint.h>

#include "kvm/guest/probe_abi.h"

struct reader {
	void (*cpuid)(struct probe_read *read); /* fills in the registers */
	uint64_t executed;
};

/* The CPU's own. */
void reader_cpuid(struct probe_read *read);

struct probe_read reader_read(struct reader *reader, uint32_t function, uint32_t index);

/* Whether CPUID faults (the kernel's arch_prctl(ARCH_CPUID_FAULT), a sandbox): SIGSEGV. */
bool reader_is_denied(struct reader *reader);

#endif
