/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef JUDGE_CONTRACT_H
#define JUDGE_CONTRACT_H

/* What CONTRACT found, line by line, as plain data. */

#include <stdbool.h>
#include <stdint.h>

#include "kvm/cpuid_read.h"

#define CONTRACT_LINES(X)                                                                     \
	X(CAPABILITY, "capability", "what KVM_CHECK_EXTENSION and KVM_ENABLE_CAP answer")     \
	X(VISIBILITY, "visibility", "the VMs that asked for the leaves have them, no other")  \
	X(ACCOUNTED, "accounted", "KVM accounts for the VMs that asked for it, for no other") \
	X(ENTRIES, "entries", "a CPUID entry of the VMM's for a leaf wins")                   \
	X(REGISTERS, "registers", "upper halves are ignored, and all 64 bits are set")        \
	X(MODES, "modes", "every mode and privilege level of the CPU reads the same")         \
	X(DISCOVERY, "discovery", "the discovery leaf at every index")                        \
	X(EPOCH, "epoch", "the epoch is one for each VM, and no two are equal")               \
	X(CLOCK, "clock", "cycles are the host's, whatever the guest's TSC says")             \
	X(VCPUS, "vcpus", "late vCPUs, and as many as KVM allows, are in the sums")           \
	X(ORDINARY, "ordinary", "all other leaves are as without the exit leaves")

enum contract_line_id {
#define X(id, name, text) CONTRACT_LINE_##id,
	CONTRACT_LINES(X)
#undef X
	NR_CONTRACT_LINES,
};

struct contract_line {
	uint64_t compared, differed;
	char example[160]; /* the first that differed */
};

struct contract {
	bool judged;
	struct contract_line lines[NR_CONTRACT_LINES];
	/*
	 * Reads of leaves that are wrong although the same is right in 64-bit mode at CPL 0 with nothing
	 * in the upper halves: with something there, and in another mode.
	 */
	uint64_t upper_wrong, mode_wrong[NR_CPUID_MODES];
	uint64_t upper_set; /* wrong: has something in an upper half, whatever was in those before */
	uint64_t left_over; /* wrong: has in EDX what the guest left there */
	/* Sums that lack exactly what the vCPUs from there on have executed; 0: none does. */
	uint64_t sums_wrong;
	unsigned int sums_end;
	bool has_open;	    /* cycles of an exit that a vCPU was blocked in were in a sum */
	unsigned int vcpus; /* of the largest VM */
};

const char *contract_line_name(enum contract_line_id id);
const char *contract_line_text(enum contract_line_id id);

#endif
