/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EXITCHECK_H
#define EXITCHECK_H

/* What the eBPF program and the loader share. Plain C types: the eBPF side has
 * neither vmlinux.h nor the system's headers. */

#include "exit_numbers.h"

typedef unsigned char ec_u8;
typedef unsigned short ec_u16;
typedef unsigned int ec_u32;
typedef unsigned long long ec_u64;

/* Guest ABI, version 1: see kernel-patch/README.md. */
#define LEAF_CYCLES 0x4ffffffc /* of one exit number, all vCPUs */
#define LEAF_EXITS 0x4ffffffd  /* likewise, how many */
#define LEAF_TOTAL_CYCLES 0x4ffffffe
#define LEAF_TOTAL_EXITS 0x4fffffff
#define LEAF_DISCOVERY 0x4ffffffb
#define LEAF_VCPU_CYCLES 0x4ffffff7 /* the same four, of the calling vCPU */
#define LEAF_VCPU_EXITS 0x4ffffff8
#define LEAF_VCPU_TOTAL_CYCLES 0x4ffffff9
#define LEAF_VCPU_TOTAL_EXITS 0x4ffffffa
#define LEAF_FIRST LEAF_VCPU_CYCLES
#define LEAF_LAST LEAF_TOTAL_EXITS
#define LEAF_NR (LEAF_LAST - LEAF_FIRST + 1)

/* ECX of LEAF_DISCOVERY, 1 */
#define LEAF_FEATURE_STABLE_TSC (1u << 0) /* cycles of different CPUs can be compared */

/* Which leaf is which: the loader, the checks and the eBPF program ask here. */
static inline __attribute__((always_inline)) _Bool is_leaf(ec_u32 function)
{
	return function - LEAF_FIRST < LEAF_NR;
}

/* Of one exit number, rather than a total. */
static inline __attribute__((always_inline)) _Bool leaf_is_by_number(ec_u32 function)
{
	return function == LEAF_EXITS || function == LEAF_CYCLES || function == LEAF_VCPU_EXITS ||
	       function == LEAF_VCPU_CYCLES;
}

/* Exits, rather than cycles. */
static inline __attribute__((always_inline)) _Bool leaf_is_count(ec_u32 function)
{
	return function == LEAF_EXITS || function == LEAF_TOTAL_EXITS ||
	       function == LEAF_VCPU_EXITS || function == LEAF_VCPU_TOTAL_EXITS;
}

/* Of all vCPUs, rather than of the one that reads. */
static inline __attribute__((always_inline)) _Bool leaf_is_vm_wide(ec_u32 function)
{
	return function - LEAF_CYCLES <= LEAF_TOTAL_EXITS - LEAF_CYCLES;
}

#define LEAF_ABI_VERSION 2	      /* the newest known; 1 has no epoch */
#define LEAF_SIGNATURE "KVMExitStats" /* EBX, ECX, EDX of LEAF_DISCOVERY, 0 */
#define LEAF_UNDEFINED 0xffffffffu    /* EDX, where the number is undefined */

#define EC_HIST_BUCKETS 32 /* bucket b: [2^b, 2^(b+1)) ns, or cycles */
#define EC_MAX_MISMATCHES 64

#define EC_SLOTS 256		  /* for a vCPU each; a power of two */
#define EC_NO_SLOT (EC_SLOTS - 1) /* unused: no vCPU has its key */
#define EC_MAX_CPUS 1024	  /* a power of two */
/* CPUs and vCPUs have cache lines of their own: a write at every exit never shares one. */
#define EC_CACHE_LINE 64

/* Values of ec_vcpu.pending_reason that are not the index of a reason. */
#define EC_IN_GUEST 0xfffffffeu /* entered, and has not exited */
#define EC_UNSEEN 0xffffffffu	/* no event so far */

/* What happened between an exit and the next entry; an exit can have several of these. */
enum ec_circumstance {
	EC_NESTED,     /* it was L2's */
	EC_SWITCHED,   /* the thread was switched out, or another one went on */
	EC_MOVED,      /* the entry was made on another CPU */
	EC_USER_SPACE, /* KVM_RUN returned */
	EC_LONG,       /* it took 2^EC_LONG_BITS ns or more */
	EC_NR_CIRCUMSTANCES,
};

#define EC_LONG_BITS 18
/*
 * What part of an exit's time may be wrong: of CLOCK_MONOTONIC, which is slewed; and for the bias, as a
 * long exit leaves little in the caches (and in an emulator's), which makes the code between the two
 * clocks dearer.
 */
#define EC_CLOCK_BITS 7 /* 2^-7 */
#define EC_CACHE_BITS 5
#define EC_CYCLES_BITS 20 /* of the fraction, in TSC cycles per ns */

/* Exits compared in place with KVM's own account of them, at the entry that ends each. */
struct ec_audit {
	/*
	 * By this program's time less what KVM added to its own, in TSC cycles: the code between the
	 * two clocks. The first bucket has smaller ones, too.
	 */
	ec_u32 bias[EC_HIST_BUCKETS];
	ec_u32 exceeded; /* KVM added more than this program saw */
	ec_u32 untimed;	 /* KVM added nothing */
	ec_u32 differed; /* the numbers of exits differ */
	ec_u32 unused;
};

/* One exit reason of one vCPU. Written by that vCPU's thread alone. */
struct ec_reason {
	ec_u64 count; /* exits, including the pending one */
	ec_u64 timed; /* completed exits: the loader sums hist */
	ec_u64 ns;    /* of those, CLOCK_MONOTONIC */
	ec_u64 min_ns, max_ns;
	/* The last per-vCPU LEAF_VCPU_CYCLES read of this reason, with this
	 * program's own numbers at the same instant. */
	ec_u64 leaf_cycles;
	ec_u64 leaf_ns;
	ec_u64 leaf_timed;
	ec_u64 vm_others; /* as in ec_vcpu, for this reason */
	ec_u32 hist[EC_HIST_BUCKETS];
	/* KVM's cycles at the last entry, and how many more exits than ours it has had since this
	 * program saw the vCPU first. */
	ec_u64 kvm_cycles;
	ec_u64 kvm_ahead;
	ec_u64 kvm_known; /* the two above hold */
	struct ec_audit audit;
};

/* One vCPU. The loader fills in the first block before the vCPU runs (or the
 * eBPF program at first sight, in watch mode), the program the rest. */
struct ec_vcpu {
	ec_u32 vm; /* vCPUs with the same number are summed; 0 = free slot */
	ec_u32 vcpu_id;
	ec_u32 tid, tgid;      /* as the loader's PID namespace numbers them */
	ec_u32 pending_reason; /* reason of the pending exit, or EC_IN_GUEST, EC_UNSEEN */

	ec_u32 owner;	    /* thread that entered it last, the kernel's number */
	ec_u64 key;	    /* which vCPU this is, to the kernel; 0 = none (any more) */
	ec_u32 leaves;	    /* its guest has been shown the leaves' signature */
	ec_u32 joined_late; /* was already running when first seen: absolute numbers cannot match */
	ec_u64 open_ns;
	ec_u64 count;		 /* sum over reasons: the loader computes it */
	ec_u64 cpuid_exit;	 /* number of the CPUID exit that kvm_cpuid belongs to */
	ec_u64 unpaired_entries; /* an entry without an exit before it: the first one, ... */
	ec_u64 failed_entries;	 /* ... and one that followed another */
	ec_u64 entries;	     /* kvm_entry events: the loader computes timed + unpaired_entries */
	ec_u64 lost_entries; /* exits followed by another exit: count minus timed */
	ec_u64 not_compared; /* leaf reads not compared because of joined_late */
	/*
	 * What the VM's other vCPUs had counted at the previous read of the VM-wide total: no later
	 * read is below it, except for an exit in flight on each.
	 */
	ec_u64 vm_others;
	ec_u64 compared[LEAF_NR]; /* by leaf, in place */
	ec_u64 differed[LEAF_NR];

	ec_u32 accounted;  /* KVM accounts for its exits */
	ec_u32 user_space; /* KVM_RUN has returned since the last exit */
	/* At the last entry: */
	ec_u32 nested, cpu;
	ec_u64 switches;
	struct ec_audit audit[EC_NR_CIRCUMSTANCES];
	/* What one of this program's own windows takes, in cycles: of every 16th exit. */
	ec_u32 own[EC_HIST_BUCKETS];
	struct ec_reason reason[EXIT_NR_INDICES];
} __attribute__((aligned(EC_CACHE_LINE)));

/* The slot of the vCPU that a CPU entered last: mostly that of its next event, too. */
struct ec_cpu {
	ec_u32 slot;
	struct ec_audit audit; /* of the exits that ended here */
} __attribute__((aligned(EC_CACHE_LINE)));

/* A wrong leaf read, for the report. */
struct ec_mismatch {
	ec_u32 slot;
	ec_u32 malformed; /* registers that the ABI does not allow for that number */
	ec_u32 function, index;
	ec_u32 eax, ebx, ecx, edx;
	ec_u64 leaf;	     /* the value decoded */
	ec_u64 lower, upper; /* the correct range (both equal for an exact value) */
	ec_u64 at_exit;	     /* the vCPU's count of exits at that time */
};

/* In place of the helper number in calls of bpf_rdonly_cast(), which has none: the loader
 * fills in which function of the kernel that is. */
#define EC_RDONLY_CAST 0x7ca57ca5

/* Events that the program could not attribute or keep. */
struct ec_stats {
	ec_u64 no_slot;	   /* vCPU slots were all taken */
	ec_u64 foreign;	   /* exits of VMs that are not watched */
	ec_u64 mismatches; /* may exceed EC_MAX_MISMATCHES */
	ec_u64 unread;	   /* leaf reads that could not be attributed to a vCPU */
	ec_u64 no_map;	   /* a map was full: its vCPU is not tracked */
};

_Static_assert(sizeof(struct ec_reason) == 12 * 8 + 4 * EC_HIST_BUCKETS + sizeof(struct ec_audit),
	       "no holes");
_Static_assert(sizeof(struct ec_vcpu) % 8 == 0, "array map stride");

/* Offsets in the loaded kvm.ko's struct kvm_vcpu, and in its struct kvm. */
struct ec_offsets {
	ec_u32 kvm, vcpu_id, rax, rcx, last_vmentry_cpu, exits;
	ec_u32 created_vcpus;
	/* Of the accounting, if KVM has it; and whether L2 runs. */
	ec_u32 exits_by_number, cycles_by_number, accounted, guest_mode;
};

/* A field of a classic tracepoint's record. */
struct ec_field {
	ec_u32 offset, size;
};

/* The fields that the classic programs read. */
struct ec_fields {
	struct ec_field entry_vcpu_id;
	struct ec_field exit_vcpu_id, exit_reason;
	struct ec_field function, index, rax, rbx, rcx, rdx;
};

#endif
