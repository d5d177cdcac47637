/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CPUID_READ_H
#define CPUID_READ_H

/* CPUID with all of its registers known before and after, in any mode of the CPU. */

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

#define CPUID_MODES(X)                                              \
	X(64, "64-bit mode, CPL 0")                                 \
	X(64_USER, "64-bit mode, CPL 3")                            \
	X(COMPAT, "compatibility mode, CPL 0")                      \
	X(COMPAT_USER, "compatibility mode, CPL 3")                 \
	X(32, "32-bit protected mode, CPL 0")                       \
	X(32_USER, "32-bit protected mode, CPL 3")                  \
	X(16, "16-bit protected mode, CPL 0")                       \
	X(16_USER, "16-bit protected mode, CPL 3")                  \
	X(REAL, "real mode")                                        \
	X(FAULTING, "64-bit mode, CPL 0, with CPUID faulting")      \
	X(FAULTING_USER, "64-bit mode, CPL 3, with CPUID faulting") \
	X(EMULATED, "64-bit mode, CPL 0, by KVM's emulator")

enum cpuid_mode {
#define X(id, name) CPUID_MODE_##id,
	CPUID_MODES(X)
#undef X
	NR_CPUID_MODES,
};

const char *cpuid_mode_name(enum cpuid_mode mode);

enum cpuid_register {
	CPUID_RAX,
	CPUID_RBX,
	CPUID_RCX,
	CPUID_RDX,
	CPUID_NR_REGISTERS,
};

struct cpuid_read {
	enum cpuid_mode mode;
	uint64_t in[CPUID_NR_REGISTERS], out[CPUID_NR_REGISTERS];
	bool faulted; /* CPUID raised an exception: out was not set */
	uint64_t cpuids; /* exits of CPUID that this vCPU had had, this one's included, if it has one */
};

struct vcpu;

/* Has an idle vCPU execute each of them. */
int cpuid_read_all(struct vcpu *vcpu, struct cpuid_read *reads, unsigned int nr, struct error *err);

#endif
