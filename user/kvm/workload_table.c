// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/workload_table.h"
#include "util/array.h"

#define NONE WORKLOAD_NONE

static const char svm_only[] = "an SVM instruction: raises #UD on VMX, without an exit of its own";
static const char no_umip[] = "KVM does not emulate UMIP on SVM: no exit";
static const char vmx_only[] = "a VMX instruction: raises #UD on SVM, see ud2";

/* Its operation, exit numbers on SVM and VMX, count, help; what else it has. */
#define ROW(_name, _op, _svm, _vmx, _count, _help, ...)                                      \
	{                                                                                    \
		.name = _name, .op = PROBE_##_op, .svm = _svm, .vmx = _vmx, .count = _count, \
		.help = _help, ##__VA_ARGS__                                                 \
	}

/*
 * guest_debug: KVM intercepts only the first access to debug registers until the next exit, unless
 * a debugger owns the vCPU. SVM and VMX instructions exit in any guest: hardware sees EFER.SVME or
 * CR4.VMXE set, and KVM then finds the guest's own bit clear.
 */
const struct workload workloads[] = {
	ROW("cpuid", CPUID, 0x72, 10, 503, "CPUID"),
	ROW("out", OUT, 0x7b, 30, 211, "OUT to a port of the VMM"),
	ROW("in", IN, 0x7b, 30, 199, "IN from a port of the VMM"),
	ROW("outs", OUTS, 0x7b, 30, 113, "OUTSB, which KVM emulates"),
	ROW("ins", INS, 0x7b, 30, 109, "INSB, which KVM emulates"),
	ROW("mmio-read", MMIO_READ, 0x400, 49, 131, "read of an address without memory"),
	ROW("mmio-write", MMIO_WRITE, 0x400, 49, 127, "write to an address without memory"),
	ROW("touch", TOUCH, 0x400, 48, 151,
	    "first write to a fresh page of memory: a nested page fault", .slow = true),
	ROW("rdmsr", RDMSR, 0x7c, 31, 307, "RDMSR of IA32_BIOS_SIGN_ID"),
	ROW("wrmsr", WRMSR, 0x7c, 32, 311, "WRMSR to IA32_BIOS_UPDT_TRIG, which KVM ignores"),
	ROW("hlt", HLT, 0x78, 12, 101, "HLT, from which the VMM wakes the vCPU at once"),
	ROW("hypercall", HYPERCALL, 0x81, 18, 233,
	    "VMMCALL or VMCALL with a number that KVM does not know"),
	ROW("mov-cr0", MOV_CR0, 0x65, 28, 107, "MOV to CR0 that toggles AM"),
	ROW("mov-cr4", MOV_CR4, 0x14, 28, 103, "MOV to CR4 that toggles MCE"),
	ROW("mov-cr8", MOV_CR8, 0x18, 28, 157, "MOV to CR8, the task priority"),
	ROW("mov-from-dr", MOV_FROM_DR, 0x20, 29, 163, "MOV from DR0, under KVM_GUESTDBG_ENABLE",
	    .guest_debug = true),
	ROW("mov-to-dr", MOV_TO_DR, 0x30, 29, 167, "MOV to DR0, under KVM_GUESTDBG_ENABLE",
	    .guest_debug = true),
	ROW("xsetbv", XSETBV, 0x8d, 55, 139, "XSETBV of the value that XCR0 has"),
	ROW("wbinvd", WBINVD, 0x89, 54, 263, "WBINVD"),
	ROW("invd", INVD, 0x76, 13, 269, "INVD, which KVM skips"),
	ROW("rdpmc", RDPMC, 0x6f, 15, 149, "RDPMC of counter 0"),
	ROW("monitor", MONITOR, 0x8a, 39, 137, "MONITOR, which KVM skips"),
	ROW("mwait", MWAIT, 0x8b, 36, 173, "MWAIT, which KVM skips"),
	ROW("ud2", UD2, 0x46, 0, 179, "UD2: the invalid-opcode exception"),
	ROW("vmrun", VMRUN, 0x80, NONE, 107, "VMRUN in a guest without SVM", .why = svm_only),
	ROW("vmload", VMLOAD, 0x82, NONE, 83, "VMLOAD in a guest without SVM", .why = svm_only),
	ROW("vmsave", VMSAVE, 0x83, NONE, 89, "VMSAVE in a guest without SVM", .why = svm_only),
	ROW("stgi", STGI, 0x84, NONE, 97, "STGI in a guest without SVM", .why = svm_only),
	ROW("clgi", CLGI, 0x85, NONE, 181, "CLGI in a guest without SVM", .why = svm_only),
	ROW("skinit", SKINIT, 0x86, NONE, 191, "SKINIT in a guest without SVM", .why = svm_only),
	ROW("invlpga", INVLPGA, 0x7a, NONE, 193, "INVLPGA in a guest without SVM", .why = svm_only),
	ROW("vmxon", VMXON, NONE, 27, 83, "VMXON in a guest without VMX", .why = vmx_only),
	ROW("vmxoff", VMXOFF, NONE, 26, 89, "VMXOFF in a guest without VMX", .why = vmx_only),
	ROW("vmclear", VMCLEAR, NONE, 19, 97, "VMCLEAR in a guest without VMX", .why = vmx_only),
	ROW("vmptrld", VMPTRLD, NONE, 21, 181, "VMPTRLD in a guest without VMX", .why = vmx_only),
	ROW("vmptrst", VMPTRST, NONE, 22, 191, "VMPTRST in a guest without VMX", .why = vmx_only),
	ROW("vmread", VMREAD, NONE, 23, 193, "VMREAD in a guest without VMX", .why = vmx_only),
	ROW("vmwrite", VMWRITE, NONE, 25, 197, "VMWRITE in a guest without VMX", .why = vmx_only),
	ROW("vmlaunch", VMLAUNCH, NONE, 20, 223, "VMLAUNCH in a guest without VMX",
	    .why = vmx_only),
	ROW("vmresume", VMRESUME, NONE, 24, 227, "VMRESUME in a guest without VMX",
	    .why = vmx_only),
	ROW("sgdt", SGDT, NONE, 46, 229, "SGDT under CR4.UMIP, where KVM emulates that",
	    .why = no_umip),
	ROW("sldt", SLDT, NONE, 47, 251, "SLDT under CR4.UMIP, where KVM emulates that",
	    .why = no_umip),
	ROW("invept", INVEPT, NONE, 50, 257, "INVEPT in a guest without VMX", .why = vmx_only),
	ROW("invvpid", INVVPID, NONE, 53, 271, "INVVPID in a guest without VMX", .why = vmx_only),
	ROW("x2apic-icr", X2APIC_ICR, 0x7c, 32, 331,
	    "WRMSR of an IPI to a vCPU that does not exist: KVM's fast path", .irqchip = true),
	ROW("tsc-deadline", TSC_DEADLINE, 0x7c, 32, 337,
	    "WRMSR of IA32_TSC_DEADLINE: KVM's fast path on VMX", .irqchip = true),
	ROW("preemption-timer", PREEMPTION_TIMER, NONE, 52, 127,
	    "a TSC deadline that passes in the guest: KVM's fast path", .irqchip = true,
	    .why = "SVM has no preemption timer: KVM's own timer interrupts the host"),
	ROW("irq-window", IRQ_WINDOW, 0x64, 7, 131,
	    "STI with an interrupt pending: the interrupt window", .irqchip = true),
	ROW("tpr-threshold", TPR_THRESHOLD, 0x18, 43, 109,
	    "MOV to CR8 that lets a pending interrupt through", .irqchip = true),
	ROW("ud2-pending", UD2_PENDING, 0x46, 0, 61,
	    "UD2 with an interrupt pending, for which KVM forces an exit after the entry",
	    .irqchip = true),
	ROW("hlt-pending", HLT_PENDING, 0x78, 12, 113,
	    "HLT with an interrupt pending: KVM's fast path since 6.12", .irqchip = true),
	ROW("hlt-timer", HLT_TIMER, 0x78, 12, 37,
	    "HLT until a TSC deadline: the vCPU blocks in KVM", .irqchip = true, .slow = true),
	ROW("hlt-poll", HLT_POLL, 0x78, 12, 41,
	    "the same where KVM polls, at first in vain, then until the deadline", .irqchip = true,
	    .slow = true),
	ROW("hlt-stopped", HLT_STOPPED, 0x78, 12, 31,
	    "HLT until a TSC deadline, while signals end KVM_RUN", .irqchip = true, .slow = true),
	ROW("nested-cpuid", NESTED_CPUID, 0x72, 10, 239,
	    "CPUID in a nested guest, which exits to KVM, then to the guest", .nested = true),
	ROW("nested-hypercall", NESTED_HYPERCALL, 0x81, 18, 241,
	    "VMMCALL or VMCALL in a nested guest: exits to KVM, then to the guest", .nested = true),
	ROW("invalid-state", INVALID_STATE, 0xffffffff, 33, 23,
	    "entry with CS.L and CS.D set: the CPU refuses it, the VMM repairs it", .slow = true),
	ROW("emulate", EMULATE, NONE, WORKLOAD_NO_EXIT, 47,
	    "OUT in a state that KVM emulates instead of entering it: no exit", .slow = true,
	    .why = "on SVM the CPU refuses such a state, not KVM"),
	ROW("touch-late", TOUCH_LATE, 0x400, 48, 41,
	    "touch of a page that another thread provides late: userfaultfd(2)", .slow = true),
	ROW("preempted", PREEMPTED, 0x7b, 30, 29,
	    "OUT after a loop, while another thread wants the vCPU's CPU", .slow = true),
	ROW("late", LATE, 0x7b, 30, 47, "OUT that the VMM answers late", .slow = true),
	ROW("stopped", STOPPED, 0x7b, 30, 53,
	    "OUT, after which KVM_RUN ends in each of three ways before it enters", .slow = true),
	ROW("reset", RESET, 0x7b, 30, 43,
	    "OUT, at which an INIT resets the vCPU; the VMM restores its state", .irqchip = true,
	    .slow = true),
	ROW("nmi", NMI, 0x74, 8, 59,
	    "an NMI, and one that waits for its end: IRET of each; VMX: the NMI window",
	    .slow = true),
	ROW("pause", PAUSE, 0x77, 40, 401, "a loop of PAUSE", .truth = TRUTH_AT_MOST,
	    .why = "the CPU's pause filter decides how many of them exit; without it none"),
	ROW("shutdown", SHUTDOWN, 0x7f, 2, 13, "triple fault, after which the VMM resets the vCPU",
	    .slow = true),
};

const unsigned int nr_workloads = NR(workloads);
_Static_assert(NR(workloads) <= WORKLOADS_MAX, "room for a choice of each");
