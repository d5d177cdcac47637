// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/assignment.h"

#include "util/array.h"

/* The last plain numbers that the manuals of 2020 have: LOADIWKEY, and MCOMMIT. */
#define LAST_VMX_2020 69
#define LAST_SVM_2020 0xa3
#define SVM_NPF 0x400
#define SVM_VMGEXIT 0x403
#define SVM_INVALID 0xffffffff

static bool is_old(enum exit_isa isa, unsigned int number)
{
	if (isa == EXIT_ISA_VMX)
		return number <= LAST_VMX_2020;
	return number <= LAST_SVM_2020 || (number >= SVM_NPF && number <= SVM_VMGEXIT) ||
	       number == SVM_INVALID;
}

enum assigned assigned_number(enum exit_isa isa, unsigned int number)
{
	if (exit_index(isa, number) == EXIT_INDEX_OTHER)
		return ASSIGNED_UNDEFINED;
	return is_old(isa, number) ? ASSIGNED_DEFINED : ASSIGNED_OPEN;
}

bool assigned_never_enabled(enum exit_isa isa, unsigned int number)
{
	/* SMIs, GETSEC, RSM, PCONFIG, SPP, LOADIWKEY; and without nesting RDTSC, RDTSCP, XSAVES, XRSTORS. */
	static const unsigned int vmx[] = { 5, 6, 11, 16, 17, 51, 63, 64, 65, 66, 69 };
	/* CR1; #OF, #BR; PUSHF, POPF, SWINT, FERR, ICEBP. */
	static const unsigned int svm[] = { 1, 0x11, 0x44, 0x45, 0x70, 0x71, 0x75, 0x7e, 0x88 };
	const unsigned int *list = isa == EXIT_ISA_VMX ? vmx : svm;
	unsigned int nr = isa == EXIT_ISA_VMX ? NR(vmx) : NR(svm);

	for (unsigned int i = 0; i < nr; i++)
		if (list[i] == number)
			return true;
	return false;
}
