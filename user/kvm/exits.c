// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <stdio.h>

#include "kvm/exits.h"
#include "util/array.h"

static const struct exit_range ranges_vmx[] = EXIT_RANGES_VMX;
static const struct exit_range ranges_svm[] = EXIT_RANGES_SVM;

static const char *const names_vmx[] = {
	[0] = "EXCEPTION_NMI",
	[1] = "EXTERNAL_INTERRUPT",
	[2] = "TRIPLE_FAULT",
	[3] = "INIT_SIGNAL",
	[4] = "SIPI_SIGNAL",
	[5] = "IO_SMI",
	[6] = "OTHER_SMI",
	[7] = "INTERRUPT_WINDOW",
	[8] = "NMI_WINDOW",
	[9] = "TASK_SWITCH",
	[10] = "CPUID",
	[11] = "GETSEC",
	[12] = "HLT",
	[13] = "INVD",
	[14] = "INVLPG",
	[15] = "RDPMC",
	[16] = "RDTSC",
	[17] = "RSM",
	[18] = "VMCALL",
	[19] = "VMCLEAR",
	[20] = "VMLAUNCH",
	[21] = "VMPTRLD",
	[22] = "VMPTRST",
	[23] = "VMREAD",
	[24] = "VMRESUME",
	[25] = "VMWRITE",
	[26] = "VMXOFF",
	[27] = "VMXON",
	[28] = "CR_ACCESS",
	[29] = "DR_ACCESS",
	[30] = "IO_INSTRUCTION",
	[31] = "MSR_READ",
	[32] = "MSR_WRITE",
	[33] = "INVALID_STATE",
	[34] = "MSR_LOAD_FAIL",
	[36] = "MWAIT_INSTRUCTION",
	[37] = "MONITOR_TRAP_FLAG",
	[39] = "MONITOR_INSTRUCTION",
	[40] = "PAUSE_INSTRUCTION",
	[41] = "MCE_DURING_VMENTRY",
	[43] = "TPR_BELOW_THRESHOLD",
	[44] = "APIC_ACCESS",
	[45] = "EOI_INDUCED",
	[46] = "GDTR_IDTR",
	[47] = "LDTR_TR",
	[48] = "EPT_VIOLATION",
	[49] = "EPT_MISCONFIG",
	[50] = "INVEPT",
	[51] = "RDTSCP",
	[52] = "PREEMPTION_TIMER",
	[53] = "INVVPID",
	[54] = "WBINVD",
	[55] = "XSETBV",
	[56] = "APIC_WRITE",
	[57] = "RDRAND",
	[58] = "INVPCID",
	[59] = "VMFUNC",
	[60] = "ENCLS",
	[61] = "RDSEED",
	[62] = "PML_FULL",
	[63] = "XSAVES",
	[64] = "XRSTORS",
	[65] = "PCONFIG",
	[66] = "SPP_EVENT",
	[67] = "UMWAIT",
	[68] = "TPAUSE",
	[69] = "LOADIWKEY",
	[70] = "ENCLV",
	[72] = "ENQCMD_PASID",
	[73] = "ENQCMDS_PASID",
	[74] = "BUS_LOCK",
	[75] = "NOTIFY",
	[76] = "SEAMCALL",
	[77] = "TDCALL",
	[78] = "RDMSRLIST",
	[79] = "WRMSRLIST",
	[80] = "URDMSR",
	[81] = "UWRMSR",
	[84] = "RDMSR_IMM",
	[85] = "WRMSR_IMM",
};

#define SIXTEEN(before, after)                                                                    \
	before "0" after, before "1" after, before "2" after, before "3" after, before "4" after, \
		before "5" after, before "6" after, before "7" after, before "8" after,           \
		before "9" after, before "10" after, before "11" after, before "12" after,        \
		before "13" after, before "14" after, before "15" after

/* In the order of EXIT_RANGES_SVM. */
static const char *const names_svm[] = {
	/* 0x000 */ SIXTEEN("READ_CR", ""),
	/* 0x010 */ SIXTEEN("WRITE_CR", ""),
	/* 0x020 */ SIXTEEN("READ_DR", ""),
	/* 0x030 */ SIXTEEN("WRITE_DR", ""),
	/* 0x040 */
	"EXCP_DE", "EXCP_DB", "EXCP_NMI", "EXCP_BP", "EXCP_OF", "EXCP_BR", "EXCP_UD", "EXCP_NM",
	"EXCP_DF", "EXCP_9", "EXCP_TS", "EXCP_NP", "EXCP_SS", "EXCP_GP", "EXCP_PF", "EXCP_15",
	"EXCP_MF", "EXCP_AC", "EXCP_MC", "EXCP_XF", "EXCP_20", "EXCP_CP", "EXCP_22", "EXCP_23",
	"EXCP_24", "EXCP_25", "EXCP_26", "EXCP_27", "EXCP_HV", "EXCP_VC", "EXCP_SX", "EXCP_31",
	/* 0x060 */
	"INTR", "NMI", "SMI", "INIT", "VINTR", "CR0_SEL_WRITE", "IDTR_READ", "GDTR_READ",
	"LDTR_READ", "TR_READ", "IDTR_WRITE", "GDTR_WRITE", "LDTR_WRITE", "TR_WRITE", "RDTSC",
	"RDPMC",
	/* 0x070 */
	"PUSHF", "POPF", "CPUID", "RSM", "IRET", "SWINT", "INVD", "PAUSE", "HLT", "INVLPG",
	"INVLPGA", "IOIO", "MSR", "TASK_SWITCH", "FERR_FREEZE", "SHUTDOWN",
	/* 0x080 */
	"VMRUN", "VMMCALL", "VMLOAD", "VMSAVE", "STGI", "CLGI", "SKINIT", "RDTSCP", "ICEBP",
	"WBINVD", "MONITOR", "MWAIT", "MWAIT_COND", "XSETBV", "RDPRU", "EFER_WRITE_TRAP",
	/* 0x090 */ SIXTEEN("CR", "_WRITE_TRAP"),
	/* 0x0a0 */
	"INVLPGB", "INVLPGB_ILLEGAL", "INVPCID", "MCOMMIT", "TLBSYNC", "BUSLOCK", "IDLE_HLT",
	/* 0x400 */
	"NPF", "AVIC_INCOMPLETE_IPI", "AVIC_UNACCELERATED_ACCESS", "VMGEXIT",
	/* 0x80000001 */
	"VMGEXIT_MMIO_READ", "VMGEXIT_MMIO_WRITE", "VMGEXIT_NMI_COMPLETE", "VMGEXIT_AP_HLT_LOOP",
	"VMGEXIT_AP_JUMP_TABLE",
	/* 0x80000010 */
	"VMGEXIT_PSC", "VMGEXIT_GUEST_REQUEST", "VMGEXIT_EXT_GUEST_REQUEST", "VMGEXIT_AP_CREATION",
	"VMGEXIT_HV_DOORBELL_PAGE", "VMGEXIT_HV_IPI", "VMGEXIT_HV_TIMER", "VMGEXIT_APIC_ID_LIST",
	"VMGEXIT_SNP_RUN_VMPL",
	/* 0x8000fffd */
	"VMGEXIT_HV_FEATURES", "VMGEXIT_TERM_REQUEST", "VMGEXIT_UNSUPPORTED_EVENT",
	/* 0xfffffffc */
	"INVALID_PMC", "IDLE_REQUIRED", "BUSY", "INVALID"
};

_Static_assert(NR(names_svm) == EXIT_NR_DEFINED_SVM, "a name for every number");

const char *isa_name(enum exit_isa isa)
{
	return isa == EXIT_ISA_VMX ? "VMX" : "SVM";
}

unsigned int exit_nr_defined(enum exit_isa isa)
{
	return isa == EXIT_ISA_VMX ? EXIT_NR_DEFINED_VMX : EXIT_NR_DEFINED_SVM;
}

const char *exit_name(enum exit_isa isa, unsigned int number)
{
	unsigned int index = exit_index(isa, number);

	if (index == EXIT_INDEX_OTHER)
		return NULL;
	return isa == EXIT_ISA_VMX ? names_vmx[number] : names_svm[index];
}

bool exit_number(enum exit_isa isa, unsigned int index, unsigned int *number)
{
	const struct exit_range *range = isa == EXIT_ISA_VMX ? ranges_vmx : ranges_svm;
	unsigned int i, length;

	for (i = 0; i < NR(ranges_svm); i++, range++) {
		length = range->last - range->first + 1;
		if (index < length) {
			*number = range->first + index;
			return true;
		}
		index -= length;
	}
	return false;
}

bool exit_is_hosts(enum exit_isa isa, int index)
{
	return isa == EXIT_ISA_SVM ? index >= 0x60 && index <= 0x62 : index == 1;
}
