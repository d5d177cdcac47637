/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EXIT_NUMBERS_H
#define EXIT_NUMBERS_H

/*
 * Exit numbers (SDM vol. 3 and APM vol. 2, appendix C each) and their dense index. Not shared with
 * the kernel patch on purpose: comparing the two finds a wrong entry in either. 0x8000xxxx are
 * software events of the GHCB specification, which hardware never reports.
 */
enum exit_isa {
	EXIT_ISA_VMX = 1, /* KVM_ISA_VMX in the kernel's trace.h */
	EXIT_ISA_SVM = 2, /* KVM_ISA_SVM */
};

struct exit_range {
	unsigned int first, last;
};

#define EXIT_RANGES_VMX                                                    \
	{                                                                  \
		{ 0, 34 }, { 36, 37 }, { 39, 41 }, { 43, 70 }, { 72, 81 }, \
		{                                                          \
			84, 85                                             \
		}                                                          \
	}
#define EXIT_RANGES_SVM                                                         \
	{                                                                       \
		{ 0x000, 0x0a6 }, { 0x400, 0x403 }, { 0x80000001, 0x80000005 }, \
			{ 0x80000010, 0x80000018 }, { 0x8000fffd, 0x8000ffff }, \
		{                                                               \
			0xfffffffc, 0xffffffff                                  \
		}                                                               \
	}

/* The first range's last: up to there, the index is the number. */
#define EXIT_LAST_PLAIN_VMX 34
#define EXIT_LAST_PLAIN_SVM 0x0a6

/* Indices 0 .. EXIT_NR_INDICES - 2 are defined numbers, the last is the rest. */
#define EXIT_NR_DEFINED_VMX 80
#define EXIT_NR_DEFINED_SVM 192
#define EXIT_NR_INDICES (EXIT_NR_DEFINED_SVM + 1)
#define EXIT_INDEX_OTHER (EXIT_NR_INDICES - 1)

static inline __attribute__((always_inline)) unsigned int
exit_range_index(const struct exit_range *range, unsigned int nr, unsigned int number)
{
	unsigned int base = 0, i;

	for (i = 0; i < nr; i++) {
		if (number - range[i].first <= range[i].last - range[i].first)
			return base + number - range[i].first;
		base += range[i].last - range[i].first + 1;
	}
	return EXIT_INDEX_OTHER;
}

/*
 * The dense index of an exit number, EXIT_INDEX_OTHER if the manual does not
 * define it. The number is what the hardware reported: flag bits of a VMX exit
 * reason (bits 31:16) are the caller's to mask off.
 */
static inline __attribute__((always_inline)) unsigned int exit_index(unsigned int isa,
								     unsigned int number)
{
	/* Each loop unrolls to comparisons with constants, the common numbers first. */
	static const struct exit_range vmx[] = EXIT_RANGES_VMX;
	static const struct exit_range svm[] = EXIT_RANGES_SVM;

	return isa == EXIT_ISA_VMX ? exit_range_index(vmx, sizeof(vmx) / sizeof(*vmx), number) :
				     exit_range_index(svm, sizeof(svm) / sizeof(*svm), number);
}

#endif
