// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kvm/exits.h"
#include "kvm/host.h"
#include "util/array.h"

static const enum exit_isa isas[] = { EXIT_ISA_VMX, EXIT_ISA_SVM };

static void number_is_the_inverse_of_index(void **state)
{
	unsigned int i, index, number, previous = 0;

	(void)state;
	for (i = 0; i < 2; i++) {
		for (index = 0; index < exit_nr_defined(isas[i]); index++) {
			assert_true(exit_number(isas[i], index, &number));
			assert_int_equal(exit_index(isas[i], number), index);
			if (index)
				assert_true(number > previous);
			previous = number;
		}
	}
}

static void indices_beyond_have_no_number(void **state)
{
	unsigned int i, number;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_false(exit_number(isas[i], exit_nr_defined(isas[i]), &number));
		assert_false(exit_number(isas[i], EXIT_INDEX_OTHER, &number));
		assert_false(exit_number(isas[i], UINT32_MAX, &number));
	}
}

static void every_number_has_a_name_of_its_own(void **state)
{
	unsigned int i, index, other, number;
	const char *name;

	(void)state;
	for (i = 0; i < 2; i++) {
		for (index = 0; index < exit_nr_defined(isas[i]); index++) {
			exit_number(isas[i], index, &number);
			name = exit_name(isas[i], number);
			assert_non_null(name);
			for (other = 0; other < index; other++) {
				exit_number(isas[i], other, &number);
				assert_string_not_equal(name, exit_name(isas[i], number));
			}
		}
	}
}

static void names_are_the_manuals(void **state)
{
	static const struct {
		enum exit_isa isa;
		unsigned int number;
		const char *name;
	} known[] = {
		{ EXIT_ISA_VMX, 0, "EXCEPTION_NMI" },
		{ EXIT_ISA_VMX, 10, "CPUID" },
		{ EXIT_ISA_VMX, 34, "MSR_LOAD_FAIL" },
		{ EXIT_ISA_VMX, 49, "EPT_MISCONFIG" },
		{ EXIT_ISA_VMX, 85, "WRMSR_IMM" },
		{ EXIT_ISA_SVM, 0x00, "READ_CR0" },
		{ EXIT_ISA_SVM, 0x18, "WRITE_CR8" },
		{ EXIT_ISA_SVM, 0x3f, "WRITE_DR15" },
		{ EXIT_ISA_SVM, 0x46, "EXCP_UD" },
		{ EXIT_ISA_SVM, 0x5e, "EXCP_SX" },
		{ EXIT_ISA_SVM, 0x60, "INTR" },
		{ EXIT_ISA_SVM, 0x6f, "RDPMC" },
		{ EXIT_ISA_SVM, 0x72, "CPUID" },
		{ EXIT_ISA_SVM, 0x7f, "SHUTDOWN" },
		{ EXIT_ISA_SVM, 0x8f, "EFER_WRITE_TRAP" },
		{ EXIT_ISA_SVM, 0x9f, "CR15_WRITE_TRAP" },
		{ EXIT_ISA_SVM, 0xa6, "IDLE_HLT" },
		{ EXIT_ISA_SVM, 0x400, "NPF" },
		{ EXIT_ISA_SVM, 0x80000001, "VMGEXIT_MMIO_READ" },
		{ EXIT_ISA_SVM, 0x80000018, "VMGEXIT_SNP_RUN_VMPL" },
		{ EXIT_ISA_SVM, 0x8000ffff, "VMGEXIT_UNSUPPORTED_EVENT" },
		{ EXIT_ISA_SVM, 0xffffffff, "INVALID" },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < NR(known); i++)
		assert_string_equal(exit_name(known[i].isa, known[i].number), known[i].name);
}

static void undefined_numbers_have_no_name(void **state)
{
	static const unsigned int vmx[] = { 35, 38, 42, 71, 82, 83, 86, 0x80000021, UINT32_MAX };
	static const unsigned int svm[] = { 0xa7,	0x3ff,	    0x404,	0x80000000,
					    0x80000006, 0x8000000f, 0x80000019, 0x8000fffc,
					    0x80010000, 0xf0000000, 0xfffffffb };
	unsigned int i;

	(void)state;
	for (i = 0; i < NR(vmx); i++)
		assert_null(exit_name(EXIT_ISA_VMX, vmx[i]));
	for (i = 0; i < NR(svm); i++)
		assert_null(exit_name(EXIT_ISA_SVM, svm[i]));
}

/* The two tables of kernel-patch/README.md, in the order of the ISAs: "10 CPUID", whatever the column. */
static void the_document_has_every_number(void **state)
{
	FILE *file = fopen("kernel-patch/README.md", "r");
	unsigned int seen[2] = { 0 }, block = 0;
	bool inside = false, in_section = false;
	char line[256], *word, *rest;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "## ", 3))
			in_section = !strcmp(line, "## Exit numbers\n");
		if (!in_section)
			continue;
		if (!strncmp(line, "```", 3)) {
			block += inside;
			inside = !inside;
			continue;
		}
		for (word = strtok_r(line, " \n", &rest); inside && word;
		     word = strtok_r(NULL, " \n", &rest)) {
			const char *name = strtok_r(NULL, " \n", &rest), *known;

			assert_true(block == 0 || block == 1);
			assert_non_null(name);
			known = exit_name(isas[block], strtoul(word, NULL, 0));
			if (!known || strcmp(known, name))
				fail_msg("%s %s is %s", word, name, known ? known : "undefined");
			seen[block]++;
		}
	}
	fclose(file);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(seen[i], exit_nr_defined(isas[i]));
}

static void isas_have_names(void **state)
{
	(void)state;
	assert_string_equal(isa_name(EXIT_ISA_VMX), "VMX");
	assert_string_equal(isa_name(EXIT_ISA_SVM), "SVM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_is_the_inverse_of_index),
		cmocka_unit_test(indices_beyond_have_no_number),
		cmocka_unit_test(every_number_has_a_name_of_its_own),
		cmocka_unit_test(names_are_the_manuals),
		cmocka_unit_test(undefined_numbers_have_no_name),
		cmocka_unit_test(the_document_has_every_number),
		cmocka_unit_test(isas_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
