// SPDX-License-Identifier: GPL-2.0-only
/* What `exitcheck audit` says of what it saw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "live/audit_forms.h"
#include "live/verdict.h"
#include "report/schema.h"
#include "util/array.h"

static struct look look;
static struct look_vm vm;

/* One VM, all of whose 1,000 exits and 20 leaf reads were compared. */
static int set_up(void **state)
{
	(void)state;
	memset(&look, 0, sizeof(look));
	look.host.isa = EXIT_ISA_SVM;
	look.host.exit_leaves = EXIT_LEAVES_OPTIN;
	look.audit.isa = EXIT_ISA_SVM;
	look.all = (struct look_sum){
		.vcpus = 1,
		.exits = 1001,
		.ended = 1000,
		.compared = 1000,
		.reads = 20,
	};
	vm = (struct look_vm){ .number = 1, .process = 7, .sum = look.all };
	look.vms = &vm;
	look.nr_vms = 1;
	return 0;
}

static void expect(const char *command, int status, const char *text)
{
	const struct live_verdict verdict = live_verdict(&look, command);

	assert_string_equal(verdict.text, text);
	assert_int_equal(verdict.status, status);
}

static void all_compared(void **state)
{
	(void)state;
	expect(NULL, STATUS_PASS,
	       "PASS: 1,000 of 1,000 exits compared in place, and 20 leaf reads, 0 different");
}

static void began_in_mid_life(void **state)
{
	(void)state;
	look.all.compared = 996;
	look.all.first = 4;
	expect(NULL, STATUS_PASS,
	       "PASS: 996 of 1,000 exits compared in place, and 20 leaf reads, 0 different; with 4 the"
	       " comparison of a vCPU that had run before began");
}

static void not_all_compared(void **state)
{
	(void)state;
	look.all.compared = 999;
	expect(NULL, STATUS_INCONCLUSIVE,
	       "INCONCLUSIVE: 999 of 1,000 exits compared in place, and 20 leaf reads, 0 different; 1"
	       " exits not compared");
	look.all.unaccounted = 1;
	expect(NULL, STATUS_INCONCLUSIVE,
	       "INCONCLUSIVE: 999 of 1,000 exits compared in place, and 20 leaf reads, 0 different; 1"
	       " exits that KVM does not account for");
}

static void reads_not_compared(void **state)
{
	(void)state;
	for (unsigned int why = 0; why < EC_NR_UNCOMPARED; why++) {
		struct live_verdict verdict;

		set_up(NULL);
		look.all.uncompared[why] = 5;
		verdict = live_verdict(&look, NULL);
		/* What the VMM answers is not KVM's. */
		assert_int_equal(verdict.status,
				 why == EC_SUPPLIED ? STATUS_PASS : STATUS_INCONCLUSIVE);
		assert_non_null(strstr(verdict.text, "; 5 leaf reads "));
	}
}

static void wrong(void **state)
{
	(void)state;
	look.audit.faults[0] = (struct audit_fault){
		.group = { .cpu = -1, .index = 0x72, .circumstance = -1 },
		.exits = 10,
		.untimed = 3,
	};
	look.audit.nr_faults = 1;
	look.audit.untimed = 3;
	expect(NULL, STATUS_MISMATCH,
	       "FAIL: KVM's account of exits is wrong: 0x72 CPUID: of 10 exits, 3 were charged no"
	       " cycles");
	snprintf(look.lost.s, sizeof(look.lost.s), "2 VM entries");
	expect(NULL, STATUS_INCONCLUSIVE,
	       "INCONCLUSIVE: 1,000 exits and 20 leaf reads compared, 0 different, but lost: 2 VM"
	       " entries");
	look.all.wrong = 1;
	expect(NULL, STATUS_MISMATCH, "FAIL: 1 of 20 leaf reads are wrong");
}

static void nothing_compared(void **state)
{
	(void)state;
	look.all.compared = look.all.reads = 0;
	look.all.unaccounted = 1000;
	look.no_audit = "nobody asked";
	expect(NULL, STATUS_INCONCLUSIVE,
	       "INCONCLUSIVE: 1,001 exits counted, none compared: nobody asked");
	look.host.exit_leaves = EXIT_LEAVES_ABSENT;
	expect(NULL, STATUS_INCONCLUSIVE,
	       "INCONCLUSIVE: 1,001 exits counted, none compared: kvm.ko is not patched: it has no"
	       " account of exits, guests have no leaves");
	memset(&look.all, 0, sizeof(look.all));
	expect(NULL, STATUS_INCONCLUSIVE,
	       "INCONCLUSIVE: 0 exits counted, none compared: no VM ran meanwhile");
	expect("qemu", STATUS_INCONCLUSIVE,
	       "INCONCLUSIVE: 0 exits counted, none compared: qemu: it ended, and no VM ran meanwhile;"
	       " of a VMM that goes into the background, give -p PID");
}

static void cycles_not_compared(void **state)
{
	(void)state;
	snprintf(look.no_cycles, sizeof(look.no_cycles), "the TSC is not stable");
	expect(NULL, STATUS_INCONCLUSIVE,
	       "INCONCLUSIVE: 1,001 exits, 1,020 counts and leaf reads compared in place, 0 different;"
	       " cycles were not: the TSC is not stable");
}

/* Each line fits the schema, the last has the verdict. */
static void as_json(void **state)
{
	json_t *schema = json_load_file("user/live/audit.schema.json", 0, NULL);
	const struct live_verdict verdict = live_verdict(&look, NULL);
	struct error err;
	char *text;
	size_t size;

	(void)state;
	assert_non_null(schema);
	look.all.asked[EC_OF_CYCLES] = (struct ec_asked){ .steps = 68, .last = 68 };
	look.all.asked[EC_OF_EXITS] = (struct ec_asked){ .steps = 3, .last = 68 };
	for (int is_last = 0; is_last <= 1; is_last++) {
		FILE *to = open_memstream(&text, &size);
		json_t *document;

		assert_non_null(to);
		assert_int_equal(audit_json(to, &look, is_last ? &verdict : NULL, &err), 0);
		fclose(to);
		assert_ptr_equal(strchr(text, '\n'), text + size - 1);
		document = json_loads(text, 0, NULL);
		assert_non_null(document);
		if (schema_check_by(schema, document, true, &err))
			fail_msg("%s: %s", err.text, text);
		assert_int_equal(json_is_null(json_object_get(document, "verdict")), !is_last);
		assert_int_equal(json_array_size(json_object_get(document, "other_numbering")), 1);
		json_decref(document);
		free(text);
	}
	json_decref(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_compared, set_up),
		cmocka_unit_test_setup(began_in_mid_life, set_up),
		cmocka_unit_test_setup(not_all_compared, set_up),
		cmocka_unit_test_setup(reads_not_compared, set_up),
		cmocka_unit_test_setup(wrong, set_up),
		cmocka_unit_test_setup(nothing_compared, set_up),
		cmocka_unit_test_setup(cycles_not_compared, set_up),
		cmocka_unit_test_setup(as_json, set_up),
	};

	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
