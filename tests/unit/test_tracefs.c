// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/tracefs.h"
#include "util/array.h"

#define COMMON                                                                         \
	"format:\n"                                                                    \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"         \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"         \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n" \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

/* As v6.1 and v6.12 write it; the end of the print format, which is long, is cut off. */
static const char kvm_exit[] =
	"name: kvm_exit\nID: 511\n" COMMON
	"\tfield:unsigned int exit_reason;\toffset:8;\tsize:4;\tsigned:0;\n"
	"\tfield:unsigned long guest_rip;\toffset:16;\tsize:8;\tsigned:0;\n"
	"\tfield:u32 isa;\toffset:24;\tsize:4;\tsigned:0;\n"
	"\tfield:u64 info1;\toffset:32;\tsize:8;\tsigned:0;\n"
	"\tfield:u64 info2;\toffset:40;\tsize:8;\tsigned:0;\n"
	"\tfield:u32 intr_info;\toffset:48;\tsize:4;\tsigned:0;\n"
	"\tfield:u32 error_code;\toffset:52;\tsize:4;\tsigned:0;\n"
	"\tfield:unsigned int vcpu_id;\toffset:56;\tsize:4;\tsigned:0;\n\n"
	"print fmt: \"vcpu %u reason %s%s%s rip 0x%lx info1 0x%016llx\", REC->vcpu_id, "
	"(REC->isa == 1) ? __print_symbolic(REC->exit_reason & 0xffff, { 0, \"EXCEPTION_NMI\" }\n";

static const char kvm_cpuid[] = "name: kvm_cpuid\nID: 513\n" COMMON
				"\tfield:unsigned int function;\toffset:8;\tsize:4;\tsigned:0;\n"
				"\tfield:unsigned int index;\toffset:12;\tsize:4;\tsigned:0;\n"
				"\tfield:unsigned long rax;\toffset:16;\tsize:8;\tsigned:0;\n"
				"\tfield:unsigned long rbx;\toffset:24;\tsize:8;\tsigned:0;\n"
				"\tfield:unsigned long rcx;\toffset:32;\tsize:8;\tsigned:0;\n"
				"\tfield:unsigned long rdx;\toffset:40;\tsize:8;\tsigned:0;\n"
				"\tfield:bool found;\toffset:48;\tsize:1;\tsigned:0;\n"
				"\tfield:bool used_max_basic;\toffset:49;\tsize:1;\tsigned:0;\n\n";

/* Another event, with arrays and a dynamic string. */
static const char sched_switch[] =
	"name: sched_switch\nID: 314\n" COMMON
	"\tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
	"\tfield:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;\n"
	"\tfield:__data_loc char[] name;\toffset:28;\tsize:4;\tsigned:0;\n";

static int parse(const char *format, const char *name, struct tracefs_field *field)
{
	return tracefs_parse_field(format, strlen(format), name, field);
}

static void assert_field(const char *format, const char *name, unsigned int offset,
			 unsigned int size, bool is_signed)
{
	struct tracefs_field field = { 99, 99, !is_signed };

	assert_int_equal(parse(format, name, &field), 0);
	assert_int_equal(field.offset, offset);
	assert_int_equal(field.size, size);
	assert_int_equal(field.is_signed, is_signed);
}

static void test_real_formats(void **state)
{
	(void)state;
	assert_field(kvm_exit, "exit_reason", 8, 4, false);
	assert_field(kvm_exit, "vcpu_id", 56, 4, false);
	assert_field(kvm_exit, "common_pid", 4, 4, true);
	assert_field(kvm_exit, "info2", 40, 8, false);
	assert_field(kvm_cpuid, "function", 8, 4, false);
	assert_field(kvm_cpuid, "index", 12, 4, false);
	assert_field(kvm_cpuid, "rax", 16, 8, false);
	assert_field(kvm_cpuid, "rdx", 40, 8, false);
	assert_field(sched_switch, "prev_comm", 8, 16, false);
	assert_field(sched_switch, "prev_pid", 24, 4, true);
}

static void test_moved_and_widened(void **state)
{
	static const char moved[] =
		"name: kvm_exit\nID: 9\n" COMMON
		"\tfield:u64 exit_reason;\toffset:24;\tsize:8;\tsigned:0;\n"
		"\tfield:unsigned int vcpu_id;\toffset:8;\tsize:4;\tsigned:0;\n";

	(void)state;
	assert_field(moved, "exit_reason", 24, 8, false);
	assert_field(moved, "vcpu_id", 8, 4, false);
}

/* A name has to match as a whole, and only where a field is declared. */
static void test_missing(void **state)
{
	static const char *const names[] = { "reason", "exit_reaso", "exit_reason2", "xit_reason",
					     "",       "unsigned",   "REC",	     "format" };
	struct tracefs_field field;
	size_t i;

	(void)state;
	for (i = 0; i < NR(names); i++)
		assert_int_equal(parse(kvm_exit, names[i], &field), -ENOENT);
	assert_int_equal(parse("", "vcpu_id", &field), -ENOENT);
	assert_int_equal(parse("no format at all", "vcpu_id", &field), -ENOENT);
	/* The last line of a file that was cut off is no line. */
	assert_int_equal(parse("\tfield:int a;\toffset:0;\tsize:4;\tsigned:0;", "a", &field),
			 -ENOENT);
}

static void test_garbled(void **state)
{
	static const struct {
		const char *line;
		int error;
	} cases[] = {
		{ "\tfield:int a", -EINVAL },
		{ "\tfield:int a;", -EINVAL },
		{ "\tfield:int a;\toffset:8;", -EINVAL },
		{ "\tfield:int a;\toffset:8;\tsize:4;", -EINVAL },
		{ "\tfield:int a;\tsize:4;\toffset:8;\tsigned:0;", -EINVAL },
		{ "\tfield:int a;\toffset:;\tsize:4;\tsigned:0;", -EINVAL },
		{ "\tfield:int a;\toffset:-8;\tsize:4;\tsigned:0;", -EINVAL },
		{ "\tfield:int a;\toffset:0x8;\tsize:4;\tsigned:0;", -EINVAL },
		{ "\tfield:int a;\toffset:8\tsize:4;\tsigned:0;", -EINVAL },
		{ "\tfield:int a;\toffset:8;\tsize:4;\tsigned:2;", -EINVAL },
		{ "\tfield:int a;\toffset:8;\tsize:4;\tsigned:0; more", -EINVAL },
		{ "\tfield:int a;\toffset:5000;\tsize:4;\tsigned:0;", -E2BIG },
		{ "\tfield:int a;\toffset:4094;\tsize:4;\tsigned:0;", -E2BIG },
		{ "\tfield:int a;\toffset:99999999999999999999;\tsize:4;\tsigned:0;", -E2BIG },
	};
	struct tracefs_field field;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < NR(cases); i++) {
		snprintf(text, sizeof(text), COMMON "%s\n", cases[i].line);
		assert_int_equal(parse(text, "a", &field), cases[i].error);
	}
}

static void test_twice(void **state)
{
	static const char twice[] = "\tfield:int a;\toffset:8;\tsize:4;\tsigned:0;\n"
				    "\tfield:int a;\toffset:12;\tsize:4;\tsigned:0;\n";
	struct tracefs_field field;

	(void)state;
	assert_int_equal(parse(twice, "a", &field), -EINVAL);
}

/* Cut off anywhere, and with any byte changed: an error, or a field within the record. */
static void test_damaged(void **state)
{
	size_t length = strlen(kvm_cpuid), i, bit;
	struct tracefs_field field;
	char *copy;
	int ret;

	(void)state;
	for (i = 0; i <= length; i++) {
		/* Exactly that long, so that a sanitizer sees a read beyond. */
		copy = malloc(i + !i);
		assert_non_null(copy);
		memcpy(copy, kvm_cpuid, i);
		ret = tracefs_parse_field(copy, i, "rdx", &field);
		if (!ret)
			assert_int_equal(field.offset, 40);
		free(copy);
	}
	copy = malloc(length);
	assert_non_null(copy);
	for (i = 0; i < length; i++) {
		for (bit = 0; bit < 8; bit++) {
			memcpy(copy, kvm_cpuid, length);
			copy[i] ^= 1 << bit;
			ret = tracefs_parse_field(copy, length, "rdx", &field);
			if (!ret)
				assert_true(field.offset + field.size <= 4096);
		}
	}
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_formats), cmocka_unit_test(test_moved_and_widened),
		cmocka_unit_test(test_missing),	     cmocka_unit_test(test_garbled),
		cmocka_unit_test(test_twice),	     cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
