/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MEMORY_H
#define MEMORY_H

/*
 * The memory of the eBPF programs, which their loader sizes, maps, and reads while they run. One value
 * of an array map has it all: a program reaches that by an address in an instruction, where other maps
 * and other sizes than those of the object's own variables need a lookup. Places are offsets in bytes
 * from the beginning of a region; 0 stands for none.
 */

#include "exitcheck.h"

enum ec_region {
	EC_CPUS,
	EC_SLOTS,
	EC_ROWS,
	EC_FREE_SLOTS, /* rings of the places that nobody has: the loader gives, the programs take */
	EC_FREE_ROWS,
	EC_DETAILS, /* one, and it stands for none, unless they are asked for */
	EC_FREE_DETAILS,
	EC_THREADS, /* likewise; one for each slot */
	EC_NR_REGIONS,
};

/*
 * What the loader fills in before the load: the region's address in the place of a 64-bit constant
 * (EC_REGION | enum ec_region << 32), and the mask of its places in that of an AND's.
 */
#define EC_REGION 0x7ca57ca5
#define EC_PLACES 0x7ca57c00 /* | enum ec_region */

/* Likewise numbers that a move takes as its constant, where a variable would have to be read. */
#define EC_NUMBER 0x7ca57d00 /* | enum ec_number */
enum ec_number {
	EC_CYCLES_PER_NS, /* as in struct ec_config */
	EC_AT_REGS,	  /* offsets in struct kvm_vcpu */
	EC_AT_GUEST_MODE,
	EC_AT_RUNS,
	EC_NR_NUMBERS,
};

/* Likewise the offset and the size of a load from kvm_exit's record, of the classic tracepoint. */
#define EC_FIELD 0x7c00 /* + enum ec_field */
enum ec_field {
	EC_EXIT_VCPU_ID,
	EC_EXIT_REASON,
	EC_NR_FIELDS,
};

/* Each has a power of two of these. */
struct ec_extent {
	ec_u32 offset; /* in the memory */
	ec_u32 mask;   /* of a place: the last one's */
};

/* Where the detail of an exit is: at the exit, or once KVM has read it, which it has at the next entry. */
enum ec_detail_kind {
	EC_DETAIL_NONE,
	EC_DETAIL_EAX,
	EC_DETAIL_ECX,
	EC_DETAIL_INFO_1, /* the VMCB's EXITINFO1 */
	EC_DETAIL_MSR,	  /* ECX, and whether it is written, by EXITINFO1 */
	EC_DETAIL_NPF,	  /* EXITINFO1 and 2 */
	EC_DETAIL_AT_ENTRY,
	EC_DETAIL_EXIT_CODE = EC_DETAIL_AT_ENTRY, /* the VMCB's: what the guest's GHCB asked for */
	EC_DETAIL_QUALIFICATION,		  /* the VMCS's exit qualification, likewise */
	EC_DETAIL_INTR_INFO,
	EC_DETAIL_EPT_VIOLATION,
	EC_DETAIL_EPT_MISCONFIG,
};

/* A detail is a value of its kind | EC_DETAIL. One of memory is a page | enum ec_detail_memory. */
#define EC_DETAIL (1ULL << 63)
#define EC_DETAIL_OTHER 1 /* unknown, or beyond the bound */
#define EC_DETAIL_MAX 256 /* of a reason of a vCPU */
#define EC_DETAIL_HASH_BITS 4
#define EC_DETAIL_HASHES (1 << EC_DETAIL_HASH_BITS)
#define EC_PAGE_MASK 0xffffffffff000ULL

enum ec_detail_memory {
	EC_MEMORY_MMIO = 1,
	EC_MEMORY_ABSENT, /* no page: there are as many as the guest has memory */
	EC_MEMORY_DENIED,
};

/* Exits of a reason that have the same detail. Written by the vCPU's thread alone. */
struct ec_detail {
	ec_u64 key; /* the detail */
	ec_u64 time, max;
	ec_u64 part[EC_NR_PARTS];
	ec_u32 index; /* of the reason */
	ec_u32 next;  /* place of the vCPU's next one */
	ec_u32 hist[EC_HIST_BUCKETS];
} __attribute__((aligned(256)));

struct ec_detail_key {
	ec_u32 slot, index; /* its place, and of the reason */
	ec_u64 detail;
};

/* One exit reason of one vCPU. Written by that vCPU's thread alone. */
struct ec_row {
	ec_u64 count; /* exits, including the pending one */
	ec_u64 time;  /* of the completed ones, as all times here by the programs' clock */
	ec_u64 max, min;
	ec_u32 hist[EC_HIST_BUCKETS];
	/* Where KVM has its own numbers, what its cycles were at the last entry, and how many exits it
	 * had more than this row when that began, or EC_AHEAD_UNKNOWN. */
	ec_u64 exits_at, cycles_at, kvm_cycles, kvm_ahead;
	struct ec_audit audit;
	/* At the last LEAF_VCPU_CYCLES read of this reason: the leaf, and these numbers. */
	ec_u64 leaf_cycles, leaf_time, leaf_timed;
	ec_u64 vm_others; /* as in ec_slot, for this reason */
	ec_u32 index;
	/* What tells its exits apart, enum ec_detail_kind. Its details: how many, that of all others, and the
	 * place of the last one of each hash. */
	ec_u32 kind, nr_details, other;
	ec_u64 detail_mask;
	ec_u64 part[EC_NR_PARTS]; /* of time */
	ec_u32 detail[EC_DETAIL_HASHES];
} __attribute__((aligned(512)));

#define EC_AHEAD_UNKNOWN (1ULL << 63)

/* One vCPU. The loader fills in the first block before the vCPU runs, or the program at first sight. */
struct ec_slot {
	ec_u64 key;   /* which vCPU this is, to the kernel; 0: none */
	ec_u64 kvm;   /* likewise, its VM */
	ec_u32 first; /* slot of the VM's vCPUs, and ... */
	ec_u32 next;  /* ... the one that follows in their list */
	ec_u32 vcpu_id;
	ec_u32 tid, tgid; /* as the loader's PID namespace numbers them; tgid 0: not taken */
	ec_u32 joined_late;
	ec_u32 accounted;  /* KVM accounts for its exits */
	ec_u16 leaves;	   /* its guest has been shown the leaves' signature */
	ec_u16 first_exit; /* EC_FIRST_BUCKET of its bias, and enum ec_fault; 0: none, or not seen */
	ec_u32 gone;	   /* KVM has destroyed it, the loader can have the slot back */
	ec_u64 last_key;   /* that it had until then */
	ec_u64 last_stat;  /* KVM's statistic of its exits then, 0: unknown */

	ec_u32 pending; /* row of the exit that has not ended, | EC_READS; or EC_NO_EXIT */
	ec_u32 began;	/* there was an event */
	ec_u32 cpu;	/* of the last entry */
	ec_u64 open; /* when the pending exit began; 0 (not by the classic tracepoints): it is being noted */
	ec_u64 count; /* exits of all reasons */
	ec_u64 unpaired_entries, failed_entries;
	ec_u64 switches; /* of the thread, at the last entry; inverted before the first exit */
	ec_u64 task;	 /* that entered it last, to the kernel */
	ec_u64 runs;	 /* how often KVM_RUN had returned, at the last entry */
	ec_u32 nested;	 /* L2 runs since the last entry */

	ec_u32 leaf;	    /* that the guest is reading ... */
	ec_u32 leaf_index;  /* ... its ECX ... */
	ec_u32 leaf_nested; /* ... whether L2 does ... */
	ec_u64 leaf_runs;   /* ... and how often KVM_RUN had returned */
	ec_u64 uncompared[EC_NR_UNCOMPARED];
	struct ec_asked asked[EC_NR_TOTALS];
	/*
	 * What the VM's other vCPUs had counted before a VM-wide leaf is read, or at the previous such
	 * read: no later read is below it, except for an exit in flight on each. And what KVM had.
	 */
	ec_u64 vm_others, vm_kvm;
	ec_u64 compared[LEAF_NR];
	ec_u64 differed[LEAF_NR];
	/* The TSC by KVM's function, and CLOCK_MONOTONIC: first, and last. */
	ec_u64 tsc[2], ns[2];
	ec_u32 own[EC_HIST_BUCKETS];
	struct ec_audit audit[EC_FIRST]; /* by the circumstances before that */
	ec_u64 detail;			 /* of the pending exit, as far as it is known */
	ec_u32 details;			 /* place of its first one */
	ec_u32 row[EXIT_NR_INDICES];	 /* the place of each reason's, 0: it has not happened */
} __attribute__((aligned(2048)));

enum ec_did {
	EC_DID_SWITCH = 1, /* it had no CPU for a while */
	EC_DID_HALT = 2,
};

/* What a vCPU's thread did since the exit, by the programs' clock. Written by that thread, and while it is switched. */
struct ec_thread {
	ec_u64 part[EC_NR_PARTS];
	ec_u64 user_waiting; /* since KVM_RUN has returned */
	ec_u64 user_end;     /* when that ended last, and it halted */
	ec_u64 user_since;   /* what struct ec_cpu had, when it lost the CPU */
	ec_u32 did;	     /* likewise */
	ec_u32 knows_polls;  /* whether poll_ns is set */
	ec_u64 out_since;    /* it has no CPU, 0: it has one */
	ec_u64 out;	     /* how long it had none, and that is not yet a part */
	ec_u64 run_delay;    /* the scheduler's, when it lost the CPU */
	ec_u64 poll_ns;	     /* KVM's statistics, after the last halt */
	ec_u64 excess;	     /* by which parts of exits were longer than these */
	/* Who took its CPU, or had it until it was given back; and of the longest wait of the exit. */
	struct ec_ran ran, ran_longest;
	ec_u64 longest_wait;
} __attribute__((aligned(256)));

/* By the place of its slot. */
#define EC_THREAD_PLACE(slot) ((slot) / (sizeof(struct ec_slot) / sizeof(struct ec_thread)))

#define EC_FIRST_BUCKET(bucket) (((bucket) + 1) << 8)

/* Of ec_slot.pending. That it is negative tells what is rare from what is not. */
#define EC_READS (1u << 31) /* in that exit the guest reads a leaf */
#define EC_NO_EXIT (~0u)

/* The slot of the vCPU that a CPU entered last: mostly that of its next event, too. */
struct ec_cpu {
	ec_u32 slot;
	/* If parts of exits are asked for: the slot of the vCPU whose thread runs, 0: none; what that did since
	 * the exit, bits of enum ec_did; and when KVM_RUN has returned, 0: it has not. */
	ec_u32 on, did;
	ec_u64 user_since;
	struct ec_audit audit; /* of the exits that ended here */
} __attribute__((aligned(256)));

_Static_assert(sizeof(struct ec_row) == 512 && sizeof(struct ec_slot) == 2048 &&
		       sizeof(struct ec_cpu) == 256 && sizeof(struct ec_detail) == 256 &&
		       sizeof(struct ec_thread) == 256,
	       "places are masked");

/* Offsets in the loaded kvm.ko's struct kvm_vcpu, and in its struct kvm. */
struct ec_offsets {
	ec_u32 kvm, vcpu_id, regs, last_vmentry_cpu, exits;
	ec_u32 exception_injected, exception_vector, cpuid_entries, cpuid_nent;
	ec_u32 created_vcpus;
	/* Of the accounting, if KVM has it; and whether L2 runs. */
	ec_u32 exits_by_number, cycles_by_number, all_exits, all_cycles, accounted, leaves;
	ec_u32 start, index, mode; /* the exit that began last, and where the vCPU is */
	ec_u32 guest_mode;
	ec_u32 runs; /* how often KVM_RUN has returned */
	ec_u32 regs_avail;
	/* How long KVM polled for the end of halts, with success, and after that without; who sleeps in one. */
	ec_u32 poll_ns, wait;
};

/* Bits of regs_avail: KVM has read the VMCS's exit qualification, its interruption information. */
struct ec_available {
	ec_u32 qualification, intr_info;
};

/* What tells exits of a reason apart. */
struct ec_detail_of {
	ec_u64 mask; /* of the value */
	ec_u32 kind; /* enum ec_detail_kind */
	ec_u32 unused;
};

/* Set before the load, constant to the verifier. */
struct ec_config {
	ec_u32 isa;
	ec_u8 watch;		     /* any VM: a slot is taken at first sight */
	ec_u8 leaves_all;	     /* kvm.exit_leaves=all: every VM has them */
	ec_u8 audit;		     /* KVM accounts for exits, and offsets has where */
	ec_u8 details;		     /* of exits are kept, too */
	ec_u8 split;		     /* likewise the parts of their time */
	ec_u8 clock_tsc;	     /* the TSC by kvm.ko's function, else CLOCK_MONOTONIC */
	ec_u64 pidns_dev, pidns_ino; /* the loader's, 0 if there are none */
	ec_u32 tgid; /* watch the VMs of this process alone, as the loader numbers it; 0: all */
	ec_u64 over; /* exits that take longer, by the programs' clock, are handed over; 0: none */
	ec_u64 cycles_per_ns; /* of the TSC, with EC_CYCLES_BITS fraction bits; 0: unknown */
	struct ec_extent extent[EC_NR_REGIONS];
	struct ec_offsets offsets;
	ec_u8 kvm_index[EXIT_NR_INDICES]; /* where KVM's account has what index here */
	/* All none, unless they are asked for. */
	struct ec_detail_of detail[EXIT_NR_INDICES];
	struct ec_available available;
};

/*
 * The most that there may be for an object for old kernels: the verifier follows its loops to the end, and an
 * array's value has at most 4 MiB (until v5.12).
 */
#define EC_OLD_SLOTS 256
#define EC_OLD_ROWS 4096

/* Shared while the programs run. */
struct ec_state {
	ec_u32 ready;	/* events count */
	ec_u32 ordered; /* nothing: see store_first() */
	/* Of the rings: places given by the loader, and taken by the programs, ever. */
	ec_u32 given[EC_NR_REGIONS], taken[EC_NR_REGIONS];
	struct ec_stats stats;
};

#endif
