/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EXITCHECK_H
#define EXITCHECK_H

/* What the eBPF programs and the rest share. Plain C types: the eBPF side has
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

#define EC_MAX_MISMATCHES 64 /* kept; of differences, too */
#define EC_HIST_BUCKETS 32   /* bucket b: [2^b, 2^(b+1)) ns, or cycles */

/* What happened between an exit and the next entry; an exit can have several of these. */
enum ec_circumstance {
	EC_NESTED,     /* it was L2's */
	EC_SWITCHED,   /* the thread was switched out, or another one went on */
	EC_MOVED,      /* the entry was made on another CPU */
	EC_USER_SPACE, /* KVM_RUN returned */
	EC_LONG,       /* it took 2^EC_LONG_BITS ns or more */
	EC_FIRST,      /* the vCPU had none before */
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
	ec_u32 differed; /* KVM did not count it once */
	ec_u32 unused;
};

static inline void ec_audit_add(struct ec_audit *sum, const struct ec_audit *audit)
{
	for (int b = 0; b < EC_HIST_BUCKETS; b++)
		sum->bias[b] += audit->bias[b];
	sum->exceeded += audit->exceeded;
	sum->untimed += audit->untimed;
	sum->differed += audit->differed;
}

/* Where the time of an exit went; the rest of it is the handler's. */
enum ec_part {
	EC_PART_USER,	 /* outside of KVM_RUN, unless it waited for a CPU */
	EC_PART_POLLING, /* for the end of a halt */
	EC_PART_BLOCKED, /* sleeping in KVM_RUN: halted, or a page is being fetched */
	EC_PART_WAITING, /* ready to run, and another thread had the CPU */
	EC_NR_PARTS,
};

/* A thread that had a CPU, as the kernel numbers it; pid 0: none is known. */
struct ec_ran {
	ec_u32 pid;
	char comm[16];
};

/* An exit that took longer than was asked for. Times are by the programs' clock; in ns, as the loader shows it. */
struct ec_outlier {
	ec_u32 slot;   /* of struct ec_vcpu, as the loader numbers them */
	ec_u32 index;  /* of the reason */
	ec_u64 detail; /* EC_DETAIL_OTHER: unknown; 0: the reason has none */
	ec_u64 end;    /* CLOCK_MONOTONIC, as the loader shows it */
	ec_u64 time;
	ec_u64 part[EC_NR_PARTS];
	struct ec_ran ran; /* while the vCPU's thread waited for a CPU */
	ec_u32 unused;
};

/* One exit reason of one vCPU, as the loader shows it. */
struct ec_reason {
	ec_u64 count; /* exits, including the pending one */
	ec_u64 timed; /* completed exits */
	ec_u64 ns;    /* of those */
	ec_u64 min_ns, max_ns;
	ec_u64 part_ns[EC_NR_PARTS];
	ec_u32 detailed; /* its exits are also counted by detail, once they have ended */
	/* The last LEAF_VCPU_CYCLES read of this reason, with our own numbers at the same instant. */
	ec_u64 leaf_cycles;
	ec_u64 leaf_ns;
	ec_u64 leaf_timed;
	ec_u64 kvm_cycles; /* KVM's own at the vCPU's last entry, where they are audited */
	ec_u32 hist[EC_HIST_BUCKETS];
	struct ec_audit audit;
};

/*
 * ECX at the reads of a leaf that takes no exit number. Who counts up in it, asks by another numbering of the
 * leaves.
 */
enum ec_total {
	EC_OF_CYCLES,
	EC_OF_EXITS,
	EC_NR_TOTALS,
};
struct ec_asked {
	ec_u32 last;
	ec_u32 steps; /* how often it was one more than before */
};

static inline void ec_asked_add(struct ec_asked *sum, const struct ec_asked *asked)
{
	sum->steps += asked->steps;
	if (asked->last > sum->last)
		sum->last = asked->last;
}

/* Why a leaf read is not compared. */
enum ec_uncompared {
	EC_LATE,     /* the vCPU, or another of its VM, had run before it was seen */
	EC_UNSEEN,   /* the VM has vCPUs that may have run before these programs did */
	EC_SUPPLIED, /* a CPUID entry of the VMM's answers it */
	EC_REPLACED, /* KVM_RUN returned, or an INIT came: the registers may be other ones */
	EC_NO_CLOCK, /* of cycles, and KVM's own account is not compared */
	EC_NR_UNCOMPARED,
};

/* One vCPU, as the loader shows it. */
struct ec_vcpu {
	ec_u32 vm; /* vCPUs with the same number are one VM's */
	ec_u32 vcpu_id;
	ec_u32 tid, tgid;   /* as the loader's PID namespace numbers them */
	ec_u32 joined_late; /* was already running when first seen: absolute numbers cannot match */
	ec_u32 accounted;   /* KVM accounts for its exits */
	ec_u32 gone;	    /* KVM has destroyed it */
	ec_u32 is_open;	    /* an exit is under way: */
	ec_u32 open_index;  /* its reason, ... */
	ec_u64 open_ns;	    /* ... how long that has lasted, ... */
	ec_u64 open_detail; /* ... its detail, or EC_DETAIL_OTHER: unknown yet */
	ec_u64 key;	    /* which one it is, or was, to the kernel */
	ec_u64 last_stat;   /* of one that is gone: KVM's statistic at its end */
	ec_u64 count;	    /* sum over reasons */
	ec_u64 unpaired_entries; /* an entry without an exit before it: the first one, ... */
	ec_u64 failed_entries;	 /* ... and one that followed another */
	ec_u64 entries;		 /* kvm_entry events */
	ec_u64 lost_entries;	 /* exits followed by another exit */
	ec_u64 uncompared[EC_NR_UNCOMPARED]; /* leaf reads, by why */
	struct ec_asked asked[EC_NR_TOTALS]; /* of LEAF_TOTAL_CYCLES and LEAF_TOTAL_EXITS */
	ec_u64 excess_ns;		     /* by which parts of exits were longer than these */
	ec_u64 clock_tsc, clock_ns; /* how far the two went, where KVM's function is the clock */
	ec_u64 compared[LEAF_NR];   /* by leaf, in place */
	ec_u64 differed[LEAF_NR];
	struct ec_audit audit[EC_NR_CIRCUMSTANCES];
	/* What one of the program's own windows takes, in cycles: of some exits. */
	ec_u32 own[EC_HIST_BUCKETS];
	struct ec_reason reason[EXIT_NR_INDICES];
};

/* A wrong leaf read, for the report. */
struct ec_mismatch {
	ec_u32 slot;	  /* of struct ec_vcpu, as the loader numbers them */
	ec_u32 malformed; /* registers that the ABI does not allow for that number */
	ec_u32 by_kvm;	  /* the range is of KVM's own account, not of eBPF's */
	ec_u32 unused;
	ec_u32 function, index;
	ec_u32 eax, ebx, ecx, edx;
	ec_u64 leaf;	     /* the value decoded */
	ec_u64 lower, upper; /* the correct range (both equal for an exact value) */
	ec_u64 at_exit;	     /* the vCPU's count of exits at that time */
};

/* What can be wrong with KVM's account of an exit, in bits. */
enum ec_fault {
	EC_EXCEEDED = 1,
	EC_UNTIMED = 2,
	EC_DIFFERED = 4,
};

/* An exit that KVM's account is wrong about, for the report. */
struct ec_difference {
	ec_u32 slot;  /* of struct ec_vcpu, as the loader numbers them */
	ec_u32 index; /* of the reason */
	ec_u32 cpu;   /* that it ended on */
	ec_u32 faults;
	ec_u32 circumstances; /* bits by enum ec_circumstance */
	ec_u32 unused;
	ec_u64 at_exit;	      /* the vCPU's count of exits */
	ec_u64 kvm, ebpf;     /* exits of that reason */
	ec_u64 added, window; /* cycles: KVM's, and the program's */
};

/* Events that the program could not attribute or keep. */
struct ec_stats {
	ec_u64 no_slot;	    /* exits of vCPUs for which there was no memory left */
	ec_u64 foreign;	    /* exits of VMs that are not watched */
	ec_u64 mismatches;  /* wrong leaf reads, kept or not */
	ec_u64 differences; /* exits that KVM's account is wrong about, likewise */
	ec_u64 outliers; /* exits that took longer than was asked for, and could not be handed over */
	ec_u64 unread;	 /* leaf reads that could not be attributed to a vCPU */
	ec_u64 no_map;	 /* a map was full: its vCPU is not tracked */
};

#endif
