// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kvm/account.h"
#include "kvm/exit_details.h"
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

static void expect(enum exit_isa isa, unsigned int number, uint64_t value, const char *text)
{
	const struct exit_detail detail =
		exit_detail(isa, exit_index(isa, number), value | EC_DETAIL);

	assert_string_equal(detail.text, text);
}

static void details_say(void **state)
{
	struct exit_detail detail;

	(void)state;
	expect(EXIT_ISA_SVM, 0x72, 0x40000000, "leaf 0x40000000");
	expect(EXIT_ISA_SVM, 0x7b, 0x03f80010, "OUT 0x3f8, 1 byte");
	expect(EXIT_ISA_SVM, 0x7b, 0xffff0041, "IN 0xffff, 4 bytes");
	expect(EXIT_ISA_SVM, 0x7c, 0x830, "RDMSR 0x00000830");
	expect(EXIT_ISA_SVM, 0x7c, 1ULL << 32 | 0xc0000080, "WRMSR 0xc0000080");
	expect(EXIT_ISA_SVM, 0x81, 5, "number 5");
	expect(EXIT_ISA_SVM, 0x400, 0xfee00000 | EC_MEMORY_MMIO, "MMIO page 0xfee00000");
	expect(EXIT_ISA_SVM, 0x400, EC_MEMORY_ABSENT, "page not mapped");
	expect(EXIT_ISA_SVM, 0x402, 0xb0, "APIC register 0x0b0");
	expect(EXIT_ISA_SVM, 0x403, 0x7b, "0x7b IOIO");
	expect(EXIT_ISA_SVM, 0x403, 0x403, "MSR protocol");
	expect(EXIT_ISA_VMX, 0, 14, "vector 14");
	expect(EXIT_ISA_VMX, 28, 0x00, "MOV to CR0");
	expect(EXIT_ISA_VMX, 28, 0x13, "MOV from CR3");
	expect(EXIT_ISA_VMX, 28, 0x20, "CLTS");
	expect(EXIT_ISA_VMX, 28, 0x30, "LMSW");
	expect(EXIT_ISA_VMX, 29, 0x07, "MOV to DR7");
	expect(EXIT_ISA_VMX, 29, 0x16, "MOV from DR6");
	expect(EXIT_ISA_VMX, 30, 0x03f80000, "OUT 0x3f8, 1 byte");
	expect(EXIT_ISA_VMX, 30, 0x0060000b, "IN 0x60, 4 bytes");
	expect(EXIT_ISA_VMX, 32, 0x6e0, "0x000006e0");
	expect(EXIT_ISA_VMX, 48, 0xfffc0000 | EC_MEMORY_DENIED, "protected page 0xfffc0000");
	assert_string_equal(exit_detail(EXIT_ISA_VMX, 30, EC_DETAIL_OTHER).text, "other");
	detail = exit_detail(EXIT_ISA_SVM, exit_index(EXIT_ISA_SVM, 0x7b), 0x12340021 | EC_DETAIL);
	assert_true(detail.has_number && detail.number == 0x1234 && detail.bytes == 2);
	assert_string_equal(detail.access, "read");
}

/* What the eBPF program keeps can be said. */
static void details_that_are_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR(isas); i++) {
		struct ec_detail_of of[EXIT_NR_INDICES];

		exit_details_set(isas[i], of);
		for (unsigned int index = 0; index < EXIT_NR_INDICES; index++) {
			const struct exit_detail detail =
				exit_detail(isas[i], index, EC_DETAIL | 1);

			assert_int_equal(of[index].kind != EC_DETAIL_NONE,
					 !!strcmp(detail.text, "other"));
		}
	}
}

/* KVM has an exit in one place, and nothing of what the manual does not define. */
static void account_has_each_once(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < NR(isas); i++) {
		bool taken[EXIT_NR_INDICES] = { false };
		unsigned int at, number;

		for (unsigned int index = 0; index < EXIT_NR_INDICES; index++) {
			bool defined = exit_number(isas[i], index, &number);

			assert_int_equal(account_index(isas[i], index, &at),
					 defined || index == EXIT_INDEX_OTHER);
			if (!account_index(isas[i], index, &at))
				continue;
			assert_true(at < EXIT_NR_INDICES && !taken[at]);
			taken[at] = true;
			if (defined && isas[i] == EXIT_ISA_VMX)
				assert_int_equal(at, number);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(account_has_each_once),
		cmocka_unit_test(number_is_the_inverse_of_index),
		cmocka_unit_test(indices_beyond_have_no_number),
		cmocka_unit_test(every_number_has_a_name_of_its_own),
		cmocka_unit_test(names_are_the_manuals),
		cmocka_unit_test(undefined_numbers_have_no_name),
		cmocka_unit_test(the_document_has_every_number),
		cmocka_unit_test(isas_have_names),
		cmocka_unit_test(details_say),
		cmocka_unit_test(details_that_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
