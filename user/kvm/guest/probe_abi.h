/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PROBE_ABI_H
#define PROBE_ABI_H

/* What the VMM (user/kvm/test_vm.c) and its guest (user/kvm/guest/) share. */

/* Guest addresses; physical = linear, the VMM's page tables map 1 GiB one to one. */
#define PROBE_IMAGE_ADDR 0x1000	   /* user/kvm/guest/probe.lds says so too; entry point */
#define PROBE_EMULATED_ADDR 0x1008 /* of an OUT to PROBE_PORT_DATA, for PROBE_EMULATE */
#define PROBE_CPUID_ADDR 0x1010	   /* of CPUID and an OUT to PROBE_PORT_DATA, in any mode */
#define PROBE_PREFIX_ADDR 0x100b   /* of the same, with KVM's prefix for its emulator */
#define PROBE_IMAGE_MAX 0xf000
#define PROBE_MMIO_ADDR 0x3fe00000 /* nothing is there: an access is MMIO */

#define PROBE_IRQ_VECTOR 0x20 /* the only interrupt that the guest takes */
#define PROBE_PORT_DONE 0xf4  /* the guest waits for the next command */
#define PROBE_PORT_DATA 0xf5  /* IN, OUT, INS, OUTS */
#define PROBE_PORT_EVENT \
	0xf6 /* the VMM does to the vCPU what user/kvm/event.c has for the operation */

#ifndef __ASSEMBLER__

#include <stdint.h>

/*
 * One operation of the probe guest. Each causes exactly one VM exit of one
 * reason every time it is executed, so the guest's own count is the truth. One
 * that needs others around it (an APIC that is set up, an interrupt that is
 * pending) counts these as what they are: WRMSR, MOV_CR4 ...
 * Which exit number that is, by ISA, stands in user/kvm/workload_table.c.
 */
#define PROBE_OPS(X)                                                                            \
	X(CPUID)      /* leaf reads included */                                                 \
	X(CPUID_LEAF) /* of a total, whose value nobody looks at */                             \
	X(OUT)	      /* the guest's "done" signal included */                                  \
	X(IN)                                                                                   \
	X(OUTS) /* one byte: with REP, KVM does not finish in one exit */                       \
	X(INS)                                                                                  \
	X(MMIO_READ)                                                                            \
	X(MMIO_WRITE)                                                                           \
	X(MMIO_SPLIT) /* in two pages */                                                        \
	X(TOUCH)      /* first write to a fresh page */                                         \
	X(RDMSR)                                                                                \
	X(WRMSR)                                                                                \
	X(HLT)                                                                                  \
	X(HYPERCALL) /* VMMCALL or VMCALL */                                                    \
	X(MOV_CR0)                                                                              \
	X(MOV_CR4)                                                                              \
	X(MOV_CR8)                                                                              \
	X(MOV_FROM_CR0) /* this one and the next under CR0.CD */                                \
	X(MOV_TO_CR0)                                                                           \
	X(MOV_FROM_CR4)                                                                         \
	X(MOV_FROM_DR) /* DR0; each debug register has a number of its own on SVM */            \
	X(MOV_FROM_DR1)                                                                         \
	X(MOV_FROM_DR2)                                                                         \
	X(MOV_FROM_DR3)                                                                         \
	X(MOV_FROM_DR4)                                                                         \
	X(MOV_FROM_DR5)                                                                         \
	X(MOV_FROM_DR6)                                                                         \
	X(MOV_FROM_DR7)                                                                         \
	X(MOV_TO_DR)                                                                            \
	X(MOV_TO_DR1)                                                                           \
	X(MOV_TO_DR2)                                                                           \
	X(MOV_TO_DR3)                                                                           \
	X(MOV_TO_DR4)                                                                           \
	X(MOV_TO_DR5)                                                                           \
	X(MOV_TO_DR6)                                                                           \
	X(MOV_TO_DR7)                                                                           \
	X(XSETBV)                                                                               \
	X(WBINVD)                                                                               \
	X(INVD)                                                                                 \
	X(RDPMC)                                                                                \
	X(MONITOR)                                                                              \
	X(MWAIT)                                                                                \
	X(UD2)                                                                                  \
	X(RSM)                                                                                  \
	X(VMRUN)                                                                                \
	X(VMLOAD)                                                                               \
	X(VMSAVE)                                                                               \
	X(STGI)                                                                                 \
	X(CLGI)                                                                                 \
	X(SKINIT)                                                                               \
	X(INVLPGA)                                                                              \
	X(VMXON)                                                                                \
	X(VMXOFF)                                                                               \
	X(VMCLEAR)                                                                              \
	X(VMPTRLD)                                                                              \
	X(VMPTRST)                                                                              \
	X(VMREAD)                                                                               \
	X(VMWRITE)                                                                              \
	X(VMLAUNCH)                                                                             \
	X(VMRESUME)                                                                             \
	X(SGDT) /* these two under CR4.UMIP */                                                  \
	X(SLDT)                                                                                 \
	X(INVEPT)                                                                               \
	X(INVVPID)                                                                              \
	X(X2APIC_ICR) /* from here on with an APIC of KVM's own */                              \
	X(TSC_DEADLINE)                                                                         \
	X(PREEMPTION_TIMER)                                                                     \
	X(IRQ_WINDOW)                                                                           \
	X(TPR_THRESHOLD)                                                                        \
	X(UD2_PENDING)                                                                          \
	X(HLT_PENDING)                                                                          \
	X(HLT_TIMER)	/* these three until KVM's timer wakes the vCPU: blocked in KVM, ... */ \
	X(HLT_POLL)	/* ... polled for, ... */                                               \
	X(HLT_STOPPED)	/* ... or blocked, while signals end KVM_RUN */                         \
	X(TOUCH_HALTED) /* TOUCH_LATE, and KVM halts the vCPU meanwhile */                      \
	X(NESTED_CPUID) /* these three in a guest of the guest's own */                         \
	X(NESTED_HYPERCALL)                                                                     \
	X(NESTED_HLT)	 /* until the timer of the guest, which gets an exit for it */          \
	X(INVALID_STATE) /* this one and the next, the VMM causes */                            \
	X(EMULATE)                                                                              \
	X(TOUCH_LATE) /* the same, of a page that user space provides late */                   \
	X(PREEMPTED)                                                                            \
	X(LATE) /* these six at an OUT to PROBE_PORT_EVENT */                                   \
	X(STOPPED)                                                                              \
	X(RESET)                                                                                \
	X(STATE)                                                                                \
	X(SMI)	    /* an OUT before it, an RSM after it */                                     \
	X(NMI)	    /* an OUT before it */                                                      \
	X(PAUSE)    /* a loop of count PAUSEs: exits are the CPU's choice */                    \
	X(SHUTDOWN) /* triple fault; the VMM resets the vCPU and goes on */

enum probe_op {
#define X(name) PROBE_##name,
	PROBE_OPS(X)
#undef X
	PROBE_NR_OPS,
	/* Not an operation of its own: do the CPUIDs of the read list. */
	PROBE_READ_LEAVES = PROBE_NR_OPS,
	/* Nor this: the VMM sets the registers and runs the vCPU itself. */
	PROBE_DRIVEN,
	/* Nor this: operations in random order, see program.h. */
	PROBE_PROGRAM,
};

#define PROBE_MAX_READS 2048
#define PROBE_PAGE_SIZE 4096
#define PROBE_TOUCH_PAGES 256 /* at most that many PROBE_TOUCH a command */
#define PROBE_MAX_PROGRAM 64
#define PROBE_MAX_STAMPS 256

/* A seed, and the operations that it chooses from. */
struct probe_program {
	uint64_t seed;
	uint32_t nr, unused;
	uint32_t ops[PROBE_MAX_PROGRAM]; /* enum probe_op; PROBE_READ_LEAVES: one read of the list */
};

/* One CPUID that the guest executed and what it returned. */
struct probe_read {
	uint32_t function, index;    /* set by the VMM */
	uint32_t eax, ebx, ecx, edx; /* set by the guest */
	uint64_t cpuids;	     /* CPUIDs this vCPU had executed, this one included */
};

/*
 * A command as the guest's clock and the leaves have it. Both are read before it and after it, exits
 * from outside and cycles from inside: the TSC's difference covers the exits that the cycles cover,
 * which are two fewer than the exits counted.
 */
struct probe_span {
	uint64_t tsc[2], cycles[2], exits[2];
	uint64_t tsc_read;   /* once cycles[1] were: an exit may come between tsc[1] and that */
	uint64_t operations; /* of the command's own kind */
	uint64_t valid;	     /* it was measured to its end */
};

/* Shared memory of one vCPU, mapped in the guest at the address in RDI at start. */
struct probe_shared {
	uint32_t op;	/* VMM -> guest: enum probe_op */
	uint32_t isa;	/* enum exit_isa */
	uint64_t count; /* how many times; PROBE_READ_LEAVES: passes over the list */
	uint32_t nr_reads;
	uint32_t fault; /* guest -> VMM: vector of an unexpected exception + 1 */
	uint64_t fault_rip;
	uint64_t cr4;	     /* what the guest's CR4 is: both */
	uint64_t ms_cycles;  /* VMM -> guest: of its TSC in a millisecond */
	uint64_t late_ns;    /* the VMM's own: how late PROBE_LATE is answered; 0: as usual */
	uint64_t stgi_exits; /* VMM -> guest: whether STGI causes an exit */
	/* VMM -> guest: fill in the span of each command, by these leaves; 0: do not. */
	uint32_t measure_exits, measure_cycles;
	struct probe_span span;
	/* guest -> VMM, likewise: its TSC before the first operations of the command's own kind. */
	uint64_t nr_stamps, stamps[PROBE_MAX_STAMPS];
	struct probe_program program; /* VMM -> guest */
	uint64_t touch; /* VMM -> guest: where its PROBE_TOUCH_PAGES fresh pages are */
	uint64_t executed[PROBE_NR_OPS]; /* guest -> VMM: since the vCPU's first entry */
	struct probe_read reads[PROBE_MAX_READS];
	/* KVM's, for the guest: its clock and the steal time, which guests have it write. */
	uint8_t clock[64] __attribute__((aligned(64))), steal[64];
	/* The guest's, for its own guest: VMCB and host's save area; or VMXON region and VMCS. */
	uint8_t control[2][PROBE_PAGE_SIZE] __attribute__((aligned(PROBE_PAGE_SIZE)));
};

#endif /* __ASSEMBLER__ */

#endif
