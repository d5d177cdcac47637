// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kvm/exits.h"
#include "kvm/host.h"
#include "kvm/workload.h"
#include "util/array.h"

static void every_operation_has_one_row(void **state)
{
	unsigned int rows[PROBE_NR_OPS] = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < nr_workloads; i++)
		for (unsigned int n = 0; n < workload_ops(&workloads[i]); n++) {
			rows[workloads[i].op + n]++;
			assert_ptr_equal(workload_of(workloads[i].op + n), &workloads[i]);
		}
	for (i = 0; i < PROBE_NR_OPS; i++)
		assert_int_equal(rows[i], 1);
	assert_null(workload_of(PROBE_READ_LEAVES));
}

static void each_debug_register_has_its_number(void **state)
{
	(void)state;
	assert_int_equal(op_exit_index(EXIT_ISA_SVM, PROBE_MOV_FROM_DR5),
			 exit_index(EXIT_ISA_SVM, 0x25));
	assert_int_equal(op_exit_index(EXIT_ISA_SVM, PROBE_MOV_TO_DR7),
			 exit_index(EXIT_ISA_SVM, 0x37));
	assert_int_equal(op_exit_index(EXIT_ISA_VMX, PROBE_MOV_FROM_DR5),
			 exit_index(EXIT_ISA_VMX, 29));
}

static void is_found_by_name(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < nr_workloads; i++)
		assert_ptr_equal(workload_find(workloads[i].name), &workloads[i]);
	assert_null(workload_find(""));
	assert_null(workload_find("CPUID"));
	assert_null(workload_find("cpuid "));
}

static void names_are_for_the_command_line(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < nr_workloads; i++)
		assert_int_equal(strspn(workloads[i].name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(workloads[i].name));
}

static void check_exit(const struct workload *workload, enum exit_isa isa)
{
	int64_t number = workload_exit(workload, isa);

	if (number == WORKLOAD_NONE)
		assert_non_null(workload->why);
	else if (number == WORKLOAD_NO_EXIT)
		assert_true(workload_exists(workload, isa));
	else
		assert_non_null(exit_name(isa, number));
}

static void exits_are_defined_or_explained(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < nr_workloads; i++) {
		check_exit(&workloads[i], EXIT_ISA_VMX);
		check_exit(&workloads[i], EXIT_ISA_SVM);
		assert_true(workload_exists(&workloads[i], EXIT_ISA_SVM) ||
			    workload_exists(&workloads[i], EXIT_ISA_VMX));
	}
}

static void exits_are_the_ones_named(void **state)
{
	static const struct {
		const char *workload, *svm, *vmx;
	} known[] = {
		{ "cpuid", "CPUID", "CPUID" },
		{ "out", "IOIO", "IO_INSTRUCTION" },
		{ "mmio-read", "NPF", "EPT_MISCONFIG" },
		{ "touch", "NPF", "EPT_VIOLATION" },
		{ "rdmsr", "MSR", "MSR_READ" },
		{ "wrmsr", "MSR", "MSR_WRITE" },
		{ "hypercall", "VMMCALL", "VMCALL" },
		{ "mov-cr0", "CR0_SEL_WRITE", "CR_ACCESS" },
		{ "mov-cr4", "WRITE_CR4", "CR_ACCESS" },
		{ "mov-from-dr", "READ_DR0", "DR_ACCESS" },
		{ "mov-to-dr", "WRITE_DR0", "DR_ACCESS" },
		{ "x2apic-icr", "MSR", "MSR_WRITE" },
		{ "tsc-deadline", "MSR", "MSR_WRITE" },
		{ "irq-window", "VINTR", "INTERRUPT_WINDOW" },
		{ "tpr-threshold", "WRITE_CR8", "TPR_BELOW_THRESHOLD" },
		{ "ud2-pending", "EXCP_UD", "EXCEPTION_NMI" },
		{ "hlt-pending", "HLT", "HLT" },
		{ "hlt-timer", "HLT", "HLT" },
		{ "touch-late", "NPF", "EPT_VIOLATION" },
		{ "preempted", "IOIO", "IO_INSTRUCTION" },
		{ "nmi", "IRET", "NMI_WINDOW" },
		{ "invalid-state", "INVALID", "INVALID_STATE" },
		{ "ud2", "EXCP_UD", "EXCEPTION_NMI" },
		{ "shutdown", "SHUTDOWN", "TRIPLE_FAULT" },
	};
	const struct workload *workload;
	unsigned int i;

	(void)state;
	for (i = 0; i < NR(known); i++) {
		workload = workload_find(known[i].workload);
		assert_string_equal(exit_name(EXIT_ISA_SVM, workload->svm), known[i].svm);
		assert_string_equal(exit_name(EXIT_ISA_VMX, workload->vmx), known[i].vmx);
	}
}

static void one_isa_alone_has_some(void **state)
{
	static const struct {
		const char *workload, *vmx;
	} known[] = {
		{ "sgdt", "GDTR_IDTR" },
		{ "sldt", "LDTR_TR" },
		{ "invept", "INVEPT" },
		{ "invvpid", "INVVPID" },
		{ "preemption-timer", "PREEMPTION_TIMER" },
	};
	const struct workload *workload;
	unsigned int i;

	(void)state;
	for (i = 0; i < NR(known); i++) {
		workload = workload_find(known[i].workload);
		assert_false(workload_exists(workload, EXIT_ISA_SVM));
		assert_string_equal(exit_name(EXIT_ISA_VMX, workload->vmx), known[i].vmx);
	}
}

static void bounds_are_explained(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < nr_workloads; i++) {
		assert_non_null(workloads[i].help);
		if (workloads[i].truth != TRUTH_EXACT)
			assert_non_null(workloads[i].why);
	}
}

/* Primes, so that a wrong factor or offset shows and no two sums agree by chance. */
static void counts_are_prime(void **state)
{
	unsigned int i, divisor;

	(void)state;
	for (i = 0; i < nr_workloads; i++) {
		assert_true(workloads[i].count >= 2 && workloads[i].count <= 997);
		for (divisor = 2; divisor * divisor <= workloads[i].count; divisor++)
			assert_int_not_equal(workloads[i].count % divisor, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_has_one_row),
		cmocka_unit_test(each_debug_register_has_its_number),
		cmocka_unit_test(is_found_by_name),
		cmocka_unit_test(names_are_for_the_command_line),
		cmocka_unit_test(exits_are_defined_or_explained),
		cmocka_unit_test(exits_are_the_ones_named),
		cmocka_unit_test(one_isa_alone_has_some),
		cmocka_unit_test(bounds_are_explained),
		cmocka_unit_test(counts_are_prime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
