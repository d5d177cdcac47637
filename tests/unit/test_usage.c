// SPDX-License-Identifier: GPL-2.0-only
/* Exits since the last look, put together; and what is said of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "live/columns.h"
#include "memory.h"
#include "live/usage.h"

#define CPUID 0x72
#define HLT 0x78

static struct usage usage;

static int set_up(void **state)
{
	(void)state;
	usage = (struct usage){ .has_hist = true };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	usage_release(&usage);
	return 0;
}

/* So many exits that took so long each, in all. */
static struct usage_exits exits(uint64_t nr, uint64_t ns)
{
	struct usage_exits all = {
		.exits = nr,
		.ended = nr,
		.ns = nr * ns,
		.time_ns = nr * ns,
		.max_ns = ns,
	};
	unsigned int bucket = 0;

	while (ns >> (bucket + 1))
		bucket++;
	all.hist[bucket] = nr;
	return all;
}

static struct usage_vcpu *vcpu(uint64_t key, unsigned int vm, unsigned int id)
{
	struct usage_vcpu *vcpu = usage_vcpu(&usage, key);

	assert_non_null(vcpu);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->process = 100 + vm;
	return vcpu;
}

static void set(struct usage_vcpu *to, unsigned int index, struct usage_exits all)
{
	usage_set(&usage, to, index, &all);
}

/* The only row of that kind; the total is the same. */
static struct usage_exits only(unsigned int by, bool now)
{
	const struct usage_filter filter = { 0 };
	struct usage_exits total, sum;
	struct usage_row *rows;
	unsigned int nr;

	assert_true(usage_rows(&usage, by, &filter, now, &rows, &nr, &total));
	assert_int_equal(nr, 1);
	sum = rows[0].sum;
	assert_memory_equal(&sum, &total, sizeof(sum));
	free(rows);
	return sum;
}

static void differences(void **state)
{
	struct usage_exits sum;

	(void)state;
	usage_begin(&usage, 1);
	set(vcpu(1, 1, 0), CPUID, exits(10, 1000));
	assert_true(usage_end(&usage));
	assert_int_equal(only(USAGE_BY_REASON, true).exits, 10);
	usage_begin(&usage, 3);
	set(vcpu(1, 1, 0), CPUID, exits(25, 1000));
	assert_true(usage_end(&usage));
	assert_true(usage.interval == 2 && usage.seconds == 3);
	sum = only(USAGE_BY_REASON, true);
	assert_int_equal(sum.exits, 15);
	assert_int_equal(sum.ns, 15000);
	assert_int_equal(sum.hist[9], 15);
	assert_int_equal(only(USAGE_BY_REASON, false).exits, 25);
	/* Nothing since then. */
	usage_begin(&usage, 4);
	assert_true(usage_end(&usage));
	assert_int_equal(usage.vcpus[0]->reason[CPUID]->now.exits, 0);
}

/* What the details of CPUID have together. */
static struct usage_exits all_details(bool now, unsigned int *nr, uint64_t *other)
{
	const struct usage_filter filter = { 0 };
	struct usage_exits total, sum = { 0 };
	struct usage_row *rows;

	assert_true(usage_rows(&usage, USAGE_BY_REASON | USAGE_BY_DETAIL, &filter, now, &rows, nr,
			       &total));
	*other = 0;
	for (unsigned int i = 0; i < *nr; i++) {
		assert_true(rows[i].has_detail);
		sum.exits += rows[i].sum.exits;
		sum.ended += rows[i].sum.ended;
		sum.ns += rows[i].sum.ns;
		sum.time_ns += rows[i].sum.time_ns;
		sum.hist[9] += rows[i].sum.hist[9];
		if (rows[i].detail == EC_DETAIL_OTHER)
			*other = rows[i].sum.exits;
	}
	assert_int_equal(sum.exits, total.exits);
	assert_int_equal(sum.ended, total.ended);
	assert_int_equal(sum.ns, total.ns);
	assert_int_equal(sum.time_ns, total.time_ns);
	assert_int_equal(sum.hist[9], total.hist[9]);
	free(rows);
	return sum;
}

static void set_detail(struct usage_vcpu *to, uint64_t detail, uint64_t nr)
{
	const struct usage_exits all = exits(nr, 1000);

	usage_set_detail(&usage, to, CPUID, detail, &all);
}

/* Details sum up to their reason, and intervals to all, whatever becomes of an exit that is under way. */
static void details(void **state)
{
	struct usage_exits all = exits(10, 1000);
	struct usage_vcpu *to;
	uint64_t other;
	unsigned int nr;

	(void)state;
	usage_begin(&usage, 1);
	to = vcpu(1, 1, 0);
	/* One is under way, whose detail is unknown. */
	all.exits++;
	all.time_ns += 500;
	set(to, CPUID, all);
	set_detail(to, EC_DETAIL | 1, 6);
	set_detail(to, EC_DETAIL | 2, 3);
	set_detail(to, EC_DETAIL_OTHER, 1);
	usage_end_details(&usage, to, CPUID);
	assert_true(usage_end(&usage));
	assert_int_equal(all_details(false, &nr, &other).exits, 11);
	assert_int_equal(nr, 3);
	assert_int_equal(other, 2);
	/* As new counts what is known. */
	assert_int_equal(all_details(true, &nr, &other).exits, 10);
	/* It has ended, and was of detail 2. */
	usage_begin(&usage, 2);
	set(to = vcpu(1, 1, 0), CPUID, exits(15, 1000));
	set_detail(to, EC_DETAIL | 1, 10);
	set_detail(to, EC_DETAIL | 2, 4);
	set_detail(to, EC_DETAIL_OTHER, 1);
	usage_end_details(&usage, to, CPUID);
	assert_true(usage_end(&usage));
	assert_int_equal(all_details(false, &nr, &other).exits, 15);
	assert_int_equal(other, 1);
	assert_int_equal(all_details(true, &nr, &other).exits, 5);
	assert_int_equal(all_details(true, &nr, &other).time_ns, 5000);
}

/* An exit that takes three intervals has a third of its time in each. */
static void under_way(void **state)
{
	struct usage_exits all = { .exits = 1 };

	(void)state;
	for (int i = 1; i <= 2; i++) {
		usage_begin(&usage, i);
		all.time_ns = i * 1000;
		set(vcpu(1, 1, 0), HLT, all);
		assert_true(usage_end(&usage));
		assert_int_equal(only(USAGE_BY_VM, true).time_ns, 1000);
		assert_int_equal(only(USAGE_BY_VM, true).ended, 0);
	}
	usage_begin(&usage, 3);
	set(vcpu(1, 1, 0), HLT, exits(1, 3000));
	assert_true(usage_end(&usage));
	assert_int_equal(only(USAGE_BY_VM, true).time_ns, 1000);
	assert_int_equal(only(USAGE_BY_VM, true).ns, 3000);
	/* A reading that came out a little lower: not negative, and not counted twice. */
	usage_begin(&usage, 4);
	all = exits(1, 3000);
	all.time_ns = 2900;
	set(vcpu(1, 1, 0), HLT, all);
	assert_true(usage_end(&usage));
	assert_int_equal(usage.vcpus[0]->reason[HLT]->now.time_ns, 0);
	usage_begin(&usage, 5);
	all.time_ns = 3100;
	set(vcpu(1, 1, 0), HLT, all);
	assert_int_equal(usage.vcpus[0]->reason[HLT]->now.time_ns, 100);
}

static void longest(void **state)
{
	struct usage_exits all = exits(10, 5000), sum;

	(void)state;
	usage_begin(&usage, 1);
	set(vcpu(1, 1, 0), CPUID, all);
	assert_true(usage_end(&usage));
	assert_int_equal(only(USAGE_BY_VM, true).max_ns, 5000);
	assert_false(only(USAGE_BY_VM, true).max_is_bound);
	/* Shorter ones: their bucket ends at 2048. */
	usage_begin(&usage, 2);
	all.hist[10] += 3;
	all.exits += 3;
	all.ended += 3;
	set(vcpu(1, 1, 0), CPUID, all);
	assert_true(usage_end(&usage));
	sum = only(USAGE_BY_VM, true);
	assert_int_equal(sum.max_ns, 2048);
	assert_true(sum.max_is_bound);
	/* In the bucket of the longest: no longer than that. */
	usage_begin(&usage, 3);
	all.hist[12] += 3;
	all.exits += 3;
	all.ended += 3;
	set(vcpu(1, 1, 0), CPUID, all);
	assert_true(usage_end(&usage));
	assert_int_equal(only(USAGE_BY_VM, true).max_ns, 5000);
	/* Another vCPU has one that is known to have been longer. */
	set(vcpu(2, 1, 1), CPUID, exits(1, 6000));
	assert_true(usage_end(&usage));
	assert_int_equal(only(USAGE_BY_VM, true).max_ns, 6000);
	assert_false(only(USAGE_BY_VM, true).max_is_bound);
}

static void groups(void **state)
{
	struct usage_filter filter = { 0 };
	struct usage_exits total;
	struct usage_row *rows;
	unsigned int nr;

	(void)state;
	usage_begin(&usage, 1);
	set(vcpu(3, 2, 0), HLT, exits(1, 100000));
	set(vcpu(2, 1, 1), CPUID, exits(20, 1000));
	set(vcpu(1, 1, 0), CPUID, exits(10, 1000));
	set(vcpu(1, 1, 0), HLT, exits(5, 3000));
	vcpu(2, 1, 1)->gone = vcpu(3, 2, 0)->late = true;
	assert_true(usage_end(&usage));
	assert_int_equal(usage.nr_vms, 2);
	assert_int_equal(usage.vms[0].vcpus, 2);
	assert_int_equal(usage.vms[0].gone, 1);
	assert_int_equal(usage.vms[1].late, 1);
	assert_int_equal(usage.vms[1].process, 102);

	assert_true(usage_rows(&usage, USAGE_BY_REASON, &filter, false, &rows, &nr, &total));
	assert_int_equal(nr, 2);
	assert_int_equal(rows[0].index, HLT);
	assert_int_equal(rows[0].sum.ns, 115000);
	assert_int_equal(rows[1].sum.exits, 30);
	assert_null(rows[0].vm);
	assert_int_equal(total.exits, 36);
	free(rows);

	assert_true(usage_rows(&usage, USAGE_BY_VM | USAGE_BY_VCPU, &filter, false, &rows, &nr,
			       &total));
	assert_int_equal(nr, 3);
	assert_int_equal(rows[0].vm->number, 2);
	assert_int_equal(rows[1].vcpu->id, 0);
	assert_int_equal(rows[1].index, -1);
	assert_int_equal(rows[1].sum.exits, 15);
	free(rows);

	filter.vm = 1;
	assert_true(usage_rows(&usage, USAGE_BY_VM | USAGE_BY_REASON, &filter, false, &rows, &nr,
			       &total));
	assert_int_equal(nr, 2);
	assert_int_equal(total.exits, 35);
	free(rows);
	filter.vcpu = usage.vcpus[0];
	assert_true(usage_rows(&usage, USAGE_BY_REASON, &filter, false, &rows, &nr, &total));
	assert_int_equal(total.exits, 15);
	free(rows);
}

/* vCPUs that are summed by the source: nothing twice, nothing lost. */
static void former(void **state)
{
	struct usage_vcpu *sum;

	(void)state;
	usage_begin(&usage, 1);
	for (int i = 0; i < 9; i++)
		set(vcpu(i, 1 + i, 0), CPUID, exits(10, 1000));
	assert_true(usage_end(&usage));
	assert_int_equal(usage.nr_vms, 9);
	usage_begin(&usage, 2);
	set(vcpu(0, 1, 0), CPUID, exits(10, 1000));
	sum = vcpu(UINT64_MAX, 0, 0);
	usage_merge_missing(&usage, sum);
	/* Two of them had a last exit each. */
	set(sum, CPUID, exits(82, 1000));
	assert_true(usage_end(&usage));
	assert_int_equal(usage.nr_vcpus, 2);
	assert_int_equal(usage.nr_vms, 2);
	assert_int_equal(usage.vms[0].number, 0);
	assert_int_equal(only(USAGE_BY_REASON, true).exits, 2);
	assert_int_equal(only(USAGE_BY_REASON, false).exits, 92);
}

static void names_stay(void **state)
{
	(void)state;
	usage_add_vm(&usage, 1, 101);
	usage_add_vm(&usage, 1, 101);
	assert_int_equal(usage.nr_vms, 1);
	strcpy(usage.vms[0].name, "web1");
	for (int i = 1; i <= 2; i++) {
		usage_begin(&usage, i);
		vcpu(2, 2, 0);
		vcpu(1, 1, 0);
		assert_true(usage_end(&usage));
		assert_string_equal(usage.vms[0].name, "web1");
		assert_string_equal(usage.vms[1].name, "");
	}
}

static void quantiles(void **state)
{
	struct usage_exits some = { .ended = 100,
				    .max_ns = 5000,
				    .hist = { [10] = 90, [12] = 10 } };
	struct usage_quantile quantile;

	(void)state;
	assert_true(usage_quantile(&usage, &some, 0.45, &quantile));
	assert_true(quantile.low == 1024 && quantile.high == 2048 && quantile.ns == 1536);
	assert_true(usage_quantile(&usage, &some, 0.9, &quantile));
	assert_true(quantile.ns == 2048);
	/* Never above the longest. */
	assert_true(usage_quantile(&usage, &some, 0.99, &quantile));
	assert_true(quantile.low == 4096 && quantile.high == 5000 && quantile.ns <= 5000);
	assert_true(usage_quantile(&usage, &some, 1, &quantile));
	assert_true(quantile.ns == 5000);
	/* The last bucket has no end of its own. */
	some = (struct usage_exits){ .max_ns = 60000000000, .hist = { [EC_HIST_BUCKETS - 1] = 2 } };
	assert_true(usage_quantile(&usage, &some, 1, &quantile));
	assert_true(quantile.low == 2147483648 && quantile.ns == 60000000000);
	/* In TSC cycles. */
	usage.khz = 2000000;
	some = (struct usage_exits){ .max_ns = 900, .hist = { [10] = 2 } };
	assert_true(usage_quantile(&usage, &some, 0.5, &quantile));
	assert_true(quantile.low == 512 && quantile.high == 900);
	/* Nothing ended. */
	some = (struct usage_exits){ .exits = 1 };
	assert_false(usage_quantile(&usage, &some, 0.5, &quantile));
}

static void shown(void **state)
{
	struct usage_exits some = exits(2000, 1500);
	struct column_input input = { .usage = &usage, .exits = &some, .seconds = 2 };

	(void)state;
	assert_string_equal(column_text(COLUMN_EXITS, &input).s, "2,000");
	assert_string_equal(column_text(COLUMN_RATE, &input).s, "1,000");
	assert_string_equal(column_text(COLUMN_TIME, &input).s, "3.00 ms");
	assert_string_equal(column_text(COLUMN_SHARE, &input).s, "0.1 %");
	assert_string_equal(column_text(COLUMN_MEAN, &input).s, "1.50 µs");
	assert_string_equal(column_text(COLUMN_P99, &input).s, "1.50 µs");
	assert_string_equal(column_text(COLUMN_MAX, &input).s, "1.50 µs");
	some.max_is_bound = true;
	assert_string_equal(column_text(COLUMN_MAX, &input).s, "<1.50 µs");
	/* What a source does not have is not 0. */
	usage.has_hist = false;
	memset(some.hist, 0, sizeof(some.hist));
	assert_string_equal(column_text(COLUMN_P50, &input).s, "-");
	assert_string_equal(column_text(COLUMN_MAX, &input).s, "-");
	some = (struct usage_exits){ .exits = 1 };
	assert_string_equal(column_text(COLUMN_MEAN, &input).s, "-");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(differences), TEST(under_way), TEST(longest), TEST(groups),  TEST(former),
		TEST(names_stay),  TEST(quantiles), TEST(shown),   TEST(details),
	};

	return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
