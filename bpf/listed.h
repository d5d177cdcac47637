/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LISTED_H
#define LISTED_H

/* What the list of vCPUs and its loader share. */

#include "memory.h"

/* A vCPU that exists, with KVM's own numbers of its exits. */
struct ec_listed {
	ec_u64 key, kvm; /* which vCPU and which VM it is, to the kernel */
	ec_u32 vcpu_id, process;
	ec_u64 exits; /* KVM's statistic */
	/* What the eBPF program had at the same moment, 0 if it does not know the vCPU. */
	ec_u64 counted, failed_entries;
	/* Of the accounting, where KVM has it and it is asked for. */
	ec_u32 accounted; /* for this vCPU */
	ec_u32 outside;	  /* not in the guest: its last exit has not ended, ... */
	ec_u64 start;	  /* ... which began at this TSC ... */
	ec_u32 index;	  /* ... and is of this reason, as KVM numbers it */
	ec_u32 gone;	  /* it is being destroyed: these are its last numbers */
	ec_u64 all_exits, all_cycles;
	ec_u64 exits_by_number[EXIT_NR_INDICES];
	ec_u64 cycles_by_number[EXIT_NR_INDICES];
	ec_u64 counted_by_index[EXIT_NR_INDICES]; /* by the eBPF program, as counted */
};

#define EC_LISTED_HEAD __builtin_offsetof(struct ec_listed, exits_by_number)
#define EC_NOT_OPEN 0x7fffffffffffffffULL /* start, if there was none */

/* Set before the load. */
struct ec_list_config {
	ec_u8 account;	 /* the numbers by exit number are wanted */
	ec_u8 has_slots; /* the maps are those of the program that counts exits */
	struct ec_extent slots, rows;
	struct ec_offsets offsets;
};

#endif
