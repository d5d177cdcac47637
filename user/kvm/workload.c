// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <string.h>

#include "kvm/workload.h"
#include "util/array.h"

#define NONE WORKLOAD_NONE
#define MAX_COMMAND 20000
#define MAX_SLOW_COMMAND 1000

static const char svm_only[] = "an SVM instruction: raises #UD on VMX, without an exit of its own";
static const char no_umip[] = "KVM does not emulate UMIP on SVM: no exit";
static const char vmx_only[] = "a VMX instruction: raises #UD on SVM, see ud2";

/*
 * guest_debug: KVM intercepts only the first access to debug registers until the next exit, unless
 * a debugger owns the vCPU. SVM and VMX instructions exit in any guest: hardware sees EFER.SVME or
 * CR4.VMXE set, and KVM then finds the guest's own bit clear.
 */
const struct workload workloads[] = {
	{
		.name = "cpuid",
		.op = PROBE_CPUID,
		.svm = 0x72,
		.vmx = 10,
		.count = 503,
		.help = "CPUID",
	},
	{
		.name = "out",
		.op = PROBE_OUT,
		.svm = 0x7b,
		.vmx = 30,
		.count = 211,
		.help = "OUT to a port of the VMM",
	},
	{
		.name = "in",
		.op = PROBE_IN,
		.svm = 0x7b,
		.vmx = 30,
		.count = 199,
		.help = "IN from a port of the VMM",
	},
	{
		.name = "outs",
		.op = PROBE_OUTS,
		.svm = 0x7b,
		.vmx = 30,
		.count = 113,
		.help = "OUTSB, which KVM emulates",
	},
	{
		.name = "ins",
		.op = PROBE_INS,
		.svm = 0x7b,
		.vmx = 30,
		.count = 109,
		.help = "INSB, which KVM emulates",
	},
	{
		.name = "mmio-read",
		.op = PROBE_MMIO_READ,
		.svm = 0x400,
		.vmx = 49,
		.count = 131,
		.help = "read of an address without memory",
	},
	{
		.name = "mmio-write",
		.op = PROBE_MMIO_WRITE,
		.svm = 0x400,
		.vmx = 49,
		.count = 127,
		.help = "write to an address without memory",
	},
	{
		.name = "touch",
		.op = PROBE_TOUCH,
		.svm = 0x400,
		.vmx = 48,
		.count = 151,
		.slow = true,
		.help = "first write to a fresh page of memory: a nested page fault",
	},
	{
		.name = "rdmsr",
		.op = PROBE_RDMSR,
		.svm = 0x7c,
		.vmx = 31,
		.count = 307,
		.help = "RDMSR of IA32_BIOS_SIGN_ID",
	},
	{
		.name = "wrmsr",
		.op = PROBE_WRMSR,
		.svm = 0x7c,
		.vmx = 32,
		.count = 311,
		.help = "WRMSR to IA32_BIOS_UPDT_TRIG, which KVM ignores",
	},
	{
		.name = "hlt",
		.op = PROBE_HLT,
		.svm = 0x78,
		.vmx = 12,
		.count = 101,
		.help = "HLT, from which the VMM wakes the vCPU at once",
	},
	{
		.name = "hypercall",
		.op = PROBE_HYPERCALL,
		.svm = 0x81,
		.vmx = 18,
		.count = 233,
		.help = "VMMCALL or VMCALL with a number that KVM does not know",
	},
	{
		.name = "mov-cr0",
		.op = PROBE_MOV_CR0,
		.svm = 0x65,
		.vmx = 28,
		.count = 107,
		.help = "MOV to CR0 that toggles AM",
	},
	{
		.name = "mov-cr4",
		.op = PROBE_MOV_CR4,
		.svm = 0x14,
		.vmx = 28,
		.count = 103,
		.help = "MOV to CR4 that toggles MCE",
	},
	{
		.name = "mov-cr8",
		.op = PROBE_MOV_CR8,
		.svm = 0x18,
		.vmx = 28,
		.count = 157,
		.help = "MOV to CR8, the task priority",
	},
	{
		.name = "mov-from-dr",
		.op = PROBE_MOV_FROM_DR,
		.svm = 0x20,
		.vmx = 29,
		.count = 163,
		.guest_debug = true,
		.help = "MOV from DR0, under KVM_GUESTDBG_ENABLE",
	},
	{
		.name = "mov-to-dr",
		.op = PROBE_MOV_TO_DR,
		.svm = 0x30,
		.vmx = 29,
		.count = 167,
		.guest_debug = true,
		.help = "MOV to DR0, under KVM_GUESTDBG_ENABLE",
	},
	{
		.name = "xsetbv",
		.op = PROBE_XSETBV,
		.svm = 0x8d,
		.vmx = 55,
		.count = 139,
		.help = "XSETBV of the value that XCR0 has",
	},
	{
		.name = "wbinvd",
		.op = PROBE_WBINVD,
		.svm = 0x89,
		.vmx = 54,
		.count = 53,
		.help = "WBINVD",
	},
	{
		.name = "invd",
		.op = PROBE_INVD,
		.svm = 0x76,
		.vmx = 13,
		.count = 59,
		.help = "INVD, which KVM skips",
	},
	{
		.name = "rdpmc",
		.op = PROBE_RDPMC,
		.svm = 0x6f,
		.vmx = 15,
		.count = 149,
		.help = "RDPMC of counter 0",
	},
	{
		.name = "monitor",
		.op = PROBE_MONITOR,
		.svm = 0x8a,
		.vmx = 39,
		.count = 137,
		.help = "MONITOR, which KVM skips",
	},
	{
		.name = "mwait",
		.op = PROBE_MWAIT,
		.svm = 0x8b,
		.vmx = 36,
		.count = 173,
		.help = "MWAIT, which KVM skips",
	},
	{
		.name = "ud2",
		.op = PROBE_UD2,
		.svm = 0x46,
		.vmx = 0,
		.count = 179,
		.help = "UD2: the invalid-opcode exception",
	},
	{
		.name = "vmrun",
		.op = PROBE_VMRUN,
		.svm = 0x80,
		.vmx = NONE,
		.count = 37,
		.help = "VMRUN in a guest without SVM",
		.why = svm_only,
	},
	{
		.name = "vmload",
		.op = PROBE_VMLOAD,
		.svm = 0x82,
		.vmx = NONE,
		.count = 41,
		.help = "VMLOAD in a guest without SVM",
		.why = svm_only,
	},
	{
		.name = "vmsave",
		.op = PROBE_VMSAVE,
		.svm = 0x83,
		.vmx = NONE,
		.count = 43,
		.help = "VMSAVE in a guest without SVM",
		.why = svm_only,
	},
	{
		.name = "stgi",
		.op = PROBE_STGI,
		.svm = 0x84,
		.vmx = NONE,
		.count = 47,
		.help = "STGI in a guest without SVM",
		.why = svm_only,
	},
	{
		.name = "clgi",
		.op = PROBE_CLGI,
		.svm = 0x85,
		.vmx = NONE,
		.count = 31,
		.help = "CLGI in a guest without SVM",
		.why = svm_only,
	},
	{
		.name = "skinit",
		.op = PROBE_SKINIT,
		.svm = 0x86,
		.vmx = NONE,
		.count = 29,
		.help = "SKINIT in a guest without SVM",
		.why = svm_only,
	},
	{
		.name = "invlpga",
		.op = PROBE_INVLPGA,
		.svm = 0x7a,
		.vmx = NONE,
		.count = 61,
		.help = "INVLPGA in a guest without SVM",
		.why = svm_only,
	},
	{
		.name = "vmxon",
		.op = PROBE_VMXON,
		.svm = NONE,
		.vmx = 27,
		.count = 37,
		.help = "VMXON in a guest without VMX",
		.why = vmx_only,
	},
	{
		.name = "vmxoff",
		.op = PROBE_VMXOFF,
		.svm = NONE,
		.vmx = 26,
		.count = 41,
		.help = "VMXOFF in a guest without VMX",
		.why = vmx_only,
	},
	{
		.name = "vmclear",
		.op = PROBE_VMCLEAR,
		.svm = NONE,
		.vmx = 19,
		.count = 43,
		.help = "VMCLEAR in a guest without VMX",
		.why = vmx_only,
	},
	{
		.name = "vmptrld",
		.op = PROBE_VMPTRLD,
		.svm = NONE,
		.vmx = 21,
		.count = 47,
		.help = "VMPTRLD in a guest without VMX",
		.why = vmx_only,
	},
	{
		.name = "vmptrst",
		.op = PROBE_VMPTRST,
		.svm = NONE,
		.vmx = 22,
		.count = 31,
		.help = "VMPTRST in a guest without VMX",
		.why = vmx_only,
	},
	{
		.name = "vmread",
		.op = PROBE_VMREAD,
		.svm = NONE,
		.vmx = 23,
		.count = 61,
		.help = "VMREAD in a guest without VMX",
		.why = vmx_only,
	},
	{
		.name = "vmwrite",
		.op = PROBE_VMWRITE,
		.svm = NONE,
		.vmx = 25,
		.count = 67,
		.help = "VMWRITE in a guest without VMX",
		.why = vmx_only,
	},
	{
		.name = "vmlaunch",
		.op = PROBE_VMLAUNCH,
		.svm = NONE,
		.vmx = 20,
		.count = 29,
		.help = "VMLAUNCH in a guest without VMX",
		.why = vmx_only,
	},
	{
		.name = "vmresume",
		.op = PROBE_VMRESUME,
		.svm = NONE,
		.vmx = 24,
		.count = 71,
		.help = "VMRESUME in a guest without VMX",
		.why = vmx_only,
	},
	{
		.name = "sgdt",
		.op = PROBE_SGDT,
		.svm = NONE,
		.vmx = 46,
		.count = 79,
		.help = "SGDT under CR4.UMIP, where KVM emulates that",
		.why = no_umip,
	},
	{
		.name = "sldt",
		.op = PROBE_SLDT,
		.svm = NONE,
		.vmx = 47,
		.count = 83,
		.help = "SLDT under CR4.UMIP, where KVM emulates that",
		.why = no_umip,
	},
	{
		.name = "invept",
		.op = PROBE_INVEPT,
		.svm = NONE,
		.vmx = 50,
		.count = 59,
		.help = "INVEPT in a guest without VMX",
		.why = vmx_only,
	},
	{
		.name = "invvpid",
		.op = PROBE_INVVPID,
		.svm = NONE,
		.vmx = 53,
		.count = 61,
		.help = "INVVPID in a guest without VMX",
		.why = vmx_only,
	},
	{
		.name = "x2apic-icr",
		.op = PROBE_X2APIC_ICR,
		.svm = 0x7c,
		.vmx = 32,
		.count = 331,
		.irqchip = true,
		.help = "WRMSR of an IPI to a vCPU that does not exist: KVM's fast path",
	},
	{
		.name = "tsc-deadline",
		.op = PROBE_TSC_DEADLINE,
		.svm = 0x7c,
		.vmx = 32,
		.count = 337,
		.irqchip = true,
		.help = "WRMSR of IA32_TSC_DEADLINE: KVM's fast path on VMX",
	},
	{
		.name = "preemption-timer",
		.op = PROBE_PREEMPTION_TIMER,
		.svm = NONE,
		.vmx = 52,
		.count = 127,
		.irqchip = true,
		.help = "a TSC deadline that passes in the guest: KVM's fast path",
		.why = "SVM has no preemption timer: KVM's own timer interrupts the host",
	},
	{
		.name = "irq-window",
		.op = PROBE_IRQ_WINDOW,
		.svm = 0x64,
		.vmx = 7,
		.count = 131,
		.irqchip = true,
		.help = "STI with an interrupt pending: the interrupt window",
	},
	{
		.name = "tpr-threshold",
		.op = PROBE_TPR_THRESHOLD,
		.svm = 0x18,
		.vmx = 43,
		.count = 109,
		.irqchip = true,
		.help = "MOV to CR8 that lets a pending interrupt through",
	},
	{
		.name = "hlt-pending",
		.op = PROBE_HLT_PENDING,
		.svm = 0x78,
		.vmx = 12,
		.count = 113,
		.irqchip = true,
		.help = "HLT with an interrupt pending: KVM's fast path since 6.12",
	},
	{
		.name = "nested-cpuid",
		.op = PROBE_NESTED_CPUID,
		.svm = 0x72,
		.vmx = 10,
		.count = 239,
		.nested = true,
		.help = "CPUID in a nested guest, which exits to KVM, then to the guest",
	},
	{
		.name = "nested-hypercall",
		.op = PROBE_NESTED_HYPERCALL,
		.svm = 0x81,
		.vmx = 18,
		.count = 241,
		.nested = true,
		.help = "VMMCALL or VMCALL in a nested guest, which exits to KVM, then to the"
			" guest",
	},
	{
		.name = "invalid-state",
		.op = PROBE_INVALID_STATE,
		.svm = 0xffffffff,
		.vmx = 33,
		.count = 23,
		.slow = true,
		.help = "entry with CS.L and CS.D set, which the CPU refuses; the VMM then"
			" repairs it",
	},
	{
		.name = "emulate",
		.op = PROBE_EMULATE,
		.svm = NONE,
		.vmx = WORKLOAD_NO_EXIT,
		.count = 47,
		.slow = true,
		.help = "OUT in a state that KVM emulates instead of entering it: no exit",
		.why = "on SVM the CPU refuses such a state, not KVM",
	},
	{
		.name = "pause",
		.op = PROBE_PAUSE,
		.svm = 0x77,
		.vmx = 40,
		.truth = TRUTH_AT_MOST,
		.count = 401,
		.help = "a loop of PAUSE",
		.why = "the CPU's pause filter decides how many of them exit; without a filter"
		       " none does",
	},
	{
		.name = "shutdown",
		.op = PROBE_SHUTDOWN,
		.svm = 0x7f,
		.vmx = 2,
		.count = 13,
		.slow = true,
		.help = "triple fault, after which the VMM resets the vCPU",
	},
};

const unsigned int nr_workloads = NR(workloads);
_Static_assert(NR(workloads) <= WORKLOADS_MAX, "room for a choice of each");

const struct workload *workload_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_workloads; i++)
		if (!strcmp(workloads[i].name, name))
			return &workloads[i];
	return NULL;
}

const struct workload *workload_of(enum probe_op op)
{
	unsigned int i;

	for (i = 0; i < nr_workloads; i++)
		if (workloads[i].op == op)
			return &workloads[i];
	return NULL;
}

bool workload_exists(const struct workload *workload, enum exit_isa isa)
{
	return workload_exit(workload, isa) != WORKLOAD_NONE;
}

int64_t workload_exit(const struct workload *workload, enum exit_isa isa)
{
	return isa == EXIT_ISA_VMX ? workload->vmx : workload->svm;
}

unsigned int op_exit_index(enum exit_isa isa, enum probe_op op)
{
	const struct workload *workload = workload_of(op);
	int64_t number = workload ? workload_exit(workload, isa) : -1;

	return number < 0 ? EXIT_INDEX_OTHER : exit_index(isa, number);
}

uint64_t workload_command_limit(enum probe_op op)
{
	const struct workload *workload = workload_of(op);

	if (op == PROBE_TOUCH)
		return PROBE_TOUCH_PAGES;
	return workload && workload->slow ? MAX_SLOW_COMMAND : MAX_COMMAND;
}
