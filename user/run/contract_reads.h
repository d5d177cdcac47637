/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CONTRACT_READS_H
#define CONTRACT_READS_H

/* The CPUIDs that phase_contract() has vCPUs execute. */

#include "run/session.h"

#define CONTRACT_GIVEN_INDEX 7 /* of an entry of the VMM's for one index of a leaf */
#define CONTRACT_MAX_READS 1024

struct read_list {
	struct cpuid_read reads[CONTRACT_MAX_READS];
	unsigned int nr;
	bool full; /* there was no room for all */
};

/* Every leaf, with nothing in the upper halves of the registers; in 64-bit mode, with something, too. */
void list_leaves(struct session *session, struct read_list *list, enum cpuid_mode mode);

/* Every leaf, with something in the upper half of RAX or RCX alone. */
void list_halves(struct session *session, struct read_list *list);

/* Indices of the discovery leaf, reserved ones included. */
void list_discovery(struct session *session, struct read_list *list);

/* The indices around those that the VMM has entries for. */
void list_given(struct read_list *list);

/* HLTs of the VM and of the vCPU; then all cycles of the VM, between two times those of the vCPU. */
void list_others(struct session *session, struct read_list *list);

/* The leaves of the vCPU's cycles, their rate, and the epoch. */
void list_clock(struct session *session, struct read_list *list);

/* The VM-wide leaves. */
void list_sums(struct session *session, struct read_list *list);

/* All other leaves: each entry that the vCPU has, neighbours of the leaves and of ranges, random ones. */
void list_ordinary(struct session *session, struct read_list *list,
		   const struct contract_result *contract, unsigned int vcpu);

#endif
