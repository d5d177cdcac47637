// SPDX-License-Identifier: GPL-2.0-only
/* What `exitcheck stat` shows, in all forms. From the top of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "live/stat_forms.h"
#include "memory.h"
#include "report/schema.h"
#include "util/array.h"

static struct usage usage;
static struct host host = { .isa = EXIT_ISA_SVM, .cpu = "CPU", .kernel = "6.12" };
static struct proof proof;
static struct stat_form form;
static char *text;

static void set(uint64_t key, unsigned int index, uint64_t nr)
{
	struct usage_vcpu *vcpu = usage_vcpu(&usage, key);
	const struct usage_exits all = {
		.exits = nr,
		.ended = nr,
		.ns = nr * 1500,
		.time_ns = nr * 1500,
		.max_ns = 1500,
		.hist = { [10] = nr },
	};

	assert_non_null(vcpu);
	vcpu->vm = key;
	vcpu->process = 77;
	usage_set(&usage, vcpu, index, &all);
}

static int set_up(void **state)
{
	(void)state;
	usage = (struct usage){ .has_hist = true };
	usage_begin(&usage, 2);
	set(1, 0x72, 2000);
	set(1, EXIT_INDEX_OTHER, 1);
	usage_end(&usage);
	strcpy(usage.vms[0].name, "a \"b\"");
	proof = (struct proof){ .vcpus = 1 };
	form = (struct stat_form){
		.host = &host,
		.source = "eBPF",
		.by = USAGE_BY_REASON,
		.usage = &usage,
		.proof = &proof,
		.is_last = true,
	};
	text = NULL;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	usage_release(&usage);
	free(text);
	return 0;
}

typedef int (*writer)(FILE *to, const struct stat_form *form, struct error *err);

static const char *write_by(writer writer)
{
	struct error err;
	size_t size;
	FILE *to;

	free(text);
	text = NULL;
	to = open_memstream(&text, &size);
	assert_non_null(to);
	assert_int_equal(writer(to, &form, &err), 0);
	fclose(to);
	return text;
}

static void as_text(void **state)
{
	(void)state;
	assert_string_equal(
		write_by(stat_text),
		"VM exits of 1 VM (a \"b\", process 77) in 2.0 s\n"
		"CPU, SVM, Linux 6.12, source: eBPF\n\n"
		"exit reason                  exits   exits/s     time    share     mean      p50      p99      max\n"
		"0x72 CPUID                   2,000     1,000  3.00 ms    0.1 %  1.50 µs  1.26 µs  1.50 µs  1.50 µs\n"
		"undefined numbers                1         1  1.50 µs    0.0 %  1.50 µs  1.26 µs  1.50 µs  1.50 µs\n"
		"total                        2,001     1,001  3.00 ms    0.2 %  1.50 µs  1.26 µs  1.50 µs  1.50 µs\n\n"
		"complete: every exit of 1 vCPU\n");
	form.by = USAGE_BY_VM | USAGE_BY_VCPU;
	form.is_last = false;
	assert_non_null(strstr(write_by(stat_text), "2.0 s\nVM, vCPU "));
	assert_non_null(strstr(text, "\na \"b\" vCPU 0 "));
	assert_null(strstr(text, "complete"));
	snprintf(proof.lost.s, sizeof(proof.lost.s), "2 VM entries");
	assert_non_null(strstr(write_by(stat_text), "\nINCOMPLETE: lost: 2 VM entries\n"));
}

static void expect(bool complete, const char *text)
{
	const struct proof_verdict verdict = proof_verdict(&proof);

	assert_string_equal(verdict.text, text);
	assert_int_equal(verdict.complete, complete);
}

/* Details of CPUID, as many as are known; the rest is other. */
static void set_details(uint64_t leaf_0, uint64_t leaf_1)
{
	struct usage_vcpu *vcpu = usage_vcpu(&usage, 1);
	const uint64_t nr[] = { leaf_0, leaf_1 };

	for (unsigned int leaf = 0; leaf < NR(nr); leaf++) {
		const struct usage_exits all = {
			.exits = nr[leaf],
			.ended = nr[leaf],
			.ns = nr[leaf] * 1500,
			.time_ns = nr[leaf] * 1500,
			.max_ns = 1500,
			.hist = { [10] = nr[leaf] },
		};

		usage_set_detail(&usage, vcpu, 0x72, EC_DETAIL | leaf, &all);
	}
	usage_end_details(&usage, vcpu, 0x72);
}

static void as_json(void **state)
{
	static const unsigned int by[] = { USAGE_BY_REASON, USAGE_BY_VM,
					   USAGE_BY_VM | USAGE_BY_VCPU,
					   USAGE_BY_REASON | USAGE_BY_DETAIL };
	json_t *schema = json_load_file("user/live/stat.schema.json", 0, NULL);
	struct error err;

	(void)state;
	assert_non_null(schema);
	set_details(1200, 700);
	for (unsigned int i = 0; i < 2 * NR(by); i++) {
		json_t *document;

		form.by = by[i / 2];
		form.is_last = usage.has_hist = usage.has_parts = i % 2;
		document = json_loads(write_by(stat_json), 0, NULL);
		assert_non_null(document);
		assert_ptr_equal(strchr(text, '\n') + 1, text + strlen(text));
		if (schema_check_by(schema, document, true, &err))
			fail_msg("%s: %s", err.text, text);
		json_decref(document);
	}
	json_decref(schema);
}

static void by_detail(void **state)
{
	(void)state;
	set_details(1200, 700);
	form.by = USAGE_BY_REASON | USAGE_BY_DETAIL;
	write_by(stat_text);
	assert_non_null(strstr(text, "\nexit reason, detail "));
	assert_non_null(strstr(text, "\n0x72 CPUID leaf 0x0          1,200 "));
	assert_non_null(strstr(text, "\n0x72 CPUID leaf 0x1            700 "));
	assert_non_null(strstr(text, "\n0x72 CPUID other               100 "));
	assert_non_null(strstr(text, "\nundefined numbers                1 "));
	assert_non_null(strstr(text, "\ntotal                        2,001 "));
}

static void details_are_held_against_reasons(void **state)
{
	(void)state;
	proof.details_held = 3;
	expect(true, "complete: every exit of 1 vCPU; details sum up to each reason");
	proof.details_moving = 1;
	expect(true,
	       "complete: every exit of 1 vCPU; the details of 1 vCPU that never rested were not"
	       " held against their reasons");
	proof.details_moving = 0;
	proof.details_differ = 1;
	expect(false, "INCOMPLETE: the details of 1 of 3 reasons do not sum up to them");
}

static int csv(FILE *to, const struct stat_form *form, struct error *err)
{
	return stat_csv(to, form, true, err);
}

static void split(void **state)
{
	struct usage_exits all = {
		.exits = 2,
		.ended = 1,
		.ns = 10000,
		.time_ns = 12000,
		.part_ns = { [EC_PART_USER] = 1000,
			     [EC_PART_POLLING] = 200,
			     [EC_PART_BLOCKED] = 7000,
			     [EC_PART_WAITING] = 1500 },
	};

	(void)state;
	usage.has_parts = true;
	usage_release(&usage);
	usage = (struct usage){ .has_hist = true, .has_parts = true };
	usage_begin(&usage, 2);
	usage_set(&usage, usage_vcpu(&usage, 1), 0x78, &all);
	usage_end(&usage);
	assert_non_null(strstr(
		write_by(stat_text),
		"exit reason                  exits   exits/s     time    share  handler     user  polling  blocked  waiting\n"
		"0x78 HLT                         2         1  12.0 µs    0.0 %   300 ns  1.00 µs   200 ns  7.00 µs  1.50 µs\n"));
	assert_non_null(
		strstr(write_by(csv),
		       ",max_ns,detail,handler_ns,user_ns,polling_ns,blocked_ns,waiting_ns\n"));
	assert_non_null(strstr(text, ",,300,1000,200,7000,1500\n"));
}

static struct ec_outlier outlier_list[] = {
	{
		.slot = 1,
		.index = 0x72,
		.detail = EC_DETAIL | 7,
		.end = 1734000000,
		.time = 2000000,
		.part = { [EC_PART_USER] = 300000, [EC_PART_WAITING] = 1500000 },
		.ran = { .pid = 321, .comm = "kworker/0:1\n" },
	},
	{ .slot = 5, .index = EXIT_INDEX_OTHER, .end = 2000000000, .time = 1000001 },
};

static void outliers(void **state)
{
	struct outliers of = {
		.over_ns = 1000000,
		.begin = 1000000000,
		.list = outlier_list,
		.nr = NR(outlier_list),
		.dropped = 1200,
	};
	json_t *schema = json_load_file("user/live/stat.schema.json", 0, NULL), *document, *first;
	struct error err;

	(void)state;
	form.outliers = &of;
	assert_non_null(strstr(
		write_by(stat_text),
		"\n\nexit over 1.00 ms                ended at s     time  handler     user  polling  blocked  waiting  ran meanwhile\n"
		"a \"b\" vCPU 0 0x72 CPUID leaf 0x7   0.734000  2.00 ms   200 µs   300 µs     0 ns     0 ns  1.50 ms  kworker/0:1? (321)\n"
		"undefined numbers                  1.000000  1.00 ms  1.00 ms     0 ns     0 ns     0 ns     0 ns\n"
		"2 exits over 1.00 ms; 1,200 more were dropped: too many at a time\n\n"
		"complete: every exit of 1 vCPU\n"));
	document = json_loads(write_by(stat_json), 0, NULL);
	assert_non_null(document);
	if (schema_check_by(schema, document, true, &err))
		fail_msg("%s: %s", err.text, text);
	first = json_array_get(json_object_get(json_object_get(document, "outliers"), "list"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "ran_comm")), "kworker/0:1?");
	assert_int_equal(json_integer_value(json_object_get(first, "waiting_ns")), 1500000);
	assert_int_equal(json_integer_value(json_object_get(first, "detail_number")), 7);
	json_decref(document);
	json_decref(schema);
	of = (struct outliers){ .over_ns = 1000000 };
	assert_non_null(strstr(write_by(stat_text), "\n\nno exit over 1.00 ms\n\ncomplete"));
}

static void parts_are_held_against_time(void **state)
{
	(void)state;
	proof.has_parts = true;
	proof.ended_ns = 5000000;
	proof.excess_ns = 5000;
	expect(true, "complete: every exit of 1 vCPU; parts sum up to the time");
	proof.excess_ns++;
	expect(false,
	       "INCOMPLETE: parts of exits' time are longer than that, by 5.00 µs of 5.00 ms");
}

static void as_csv(void **state)
{
	(void)state;
	assert_string_equal(
		write_by(csv),
		"seconds,interval_seconds,of,vm,vm_name,process,vcpu,number,reason,exits,exits_per_second,"
		"time_ns,share,mean_ns,p50_ns,p99_ns,max_ns,detail\n"
		"2.000,2.000,all,,,,,114,CPUID,2000,1000,3000000,0.0015,1500,1262,1495.24,1500,\n"
		"2.000,2.000,all,,,,,,,1,0.5,1500,7.5e-07,1500,1262,1495.24,1500,\n");
	form.by = USAGE_BY_VM | USAGE_BY_VCPU;
	assert_non_null(strstr(write_by(csv), "\n2.000,2.000,all,1,\"a \"\"b\"\"\",77,0,,,2001,"));
}

static void verdicts(void **state)
{
	(void)state;
	proof.late = 1;
	expect(true,
	       "complete: every exit of 1 vCPU; 1 had run before, their exits begin with the first"
	       " that was seen");
	proof.late_unknown = true;
	assert_non_null(strstr(proof_verdict(&proof).text, "; 1 may have run before"));
	proof = (struct proof){ .vcpus = 2, .unaccounted = 1 };
	expect(false, "INCOMPLETE: KVM does not account for 1 of 2 vCPUs");
	snprintf(proof.lost.s, sizeof(proof.lost.s), "2 VM entries");
	expect(false, "INCOMPLETE: lost: 2 VM entries; KVM does not account for 1 of 2 vCPUs");
	proof = (struct proof){ 0 };
	expect(false, "INCOMPLETE: no VM ran meanwhile");
}

static void statistic(void **state)
{
	struct proof_stat *stat = &proof.stat;

	(void)state;
	proof_add_stat(stat, 1000, 1000, 0);
	expect(true,
	       "complete: every exit of 1 vCPU; KVM's statistic has the same 1,000 on 1 vCPU");
	/* One exit that is under way, on a vCPU that runs. */
	proof.vcpus = 2;
	proof_add_stat(stat, 1000, 999, 1);
	expect(true,
	       "complete: every exit of 2 vCPUs; KVM's statistic has the same 2,000 on 2 vCPUs,"
	       " but for exits under way");
	/* At rest that is one too few. */
	proof_add_stat(stat, 1000, 999, 0);
	expect(false, "INCOMPLETE: KVM's statistic has 1 exits more and 0 fewer, on 1 of 3 vCPUs");
	/* An emulator's turns are no exits. */
	stat->emulates = true;
	expect(true,
	       "complete: every exit of 2 vCPUs; KVM's statistic has 1 more, which also counts what"
	       " KVM emulates here");
	proof_add_stat(stat, 10, 15, 1);
	expect(false, "INCOMPLETE: KVM's statistic has 1 exits more and 5 fewer, on 2 of 4 vCPUs");
	*stat = (struct proof_stat){ .not_compared = "KVM has no BTF" };
	expect(true,
	       "complete: every exit of 2 vCPUs; not held against KVM's statistic: KVM has no BTF");
}

static void account(void **state)
{
	uint64_t kvm[EXIT_NR_INDICES] = { [3] = 10, [5] = 7 };
	uint64_t exits[EXIT_NR_INDICES] = { [3] = 10, [5] = 7 };

	(void)state;
	proof_add_account(&proof.account, kvm, exits, 0);
	expect(true,
	       "complete: every exit of 1 vCPU; KVM's own account had the same 17, by reason, on 1"
	       " vCPU");
	/* The sum is the same. */
	exits[3]--;
	exits[5]++;
	proof_add_account(&proof.account, kvm, exits, 0);
	expect(false,
	       "INCOMPLETE: KVM's own account has 1 exits more and 1 fewer, by reason, on 1 of 2"
	       " vCPUs");
	proof.account = (struct proof_stat){ 0 };
	proof_add_account(&proof.account, kvm, exits, 1);
	assert_true(proof_verdict(&proof).complete);
	assert_non_null(strstr(proof_verdict(&proof).text, ", but for exits under way"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_text),	 TEST(as_json),
		TEST(as_csv),	 TEST(verdicts),
		TEST(statistic), TEST(account),
		TEST(by_detail), TEST(details_are_held_against_reasons),
		TEST(split),	 TEST(parts_are_held_against_time),
		TEST(outliers),
	};

	return cmocka_run_group_tests_name("stat", tests, NULL, NULL);
}
