// SPDX-License-Identifier: GPL-2.0-only
/* What `exitcheck export` says, in both forms, and of which VMs. From the top of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kvm/exits.h"
#include "live/http.h"
#include "live/metrics.h"
#include "util/array.h"

static struct meter meter;
static struct exported exported;
static struct metrics metrics;
static char *text;

/* Exits of 1.5 µs each, but the last one, which took 3 s. */
static void set(unsigned int vm, unsigned int id, unsigned int index, uint64_t nr)
{
	struct usage_vcpu *vcpu = usage_vcpu(&meter.usage, vm * 100 + id);
	const struct usage_exits all = {
		.exits = nr,
		.ended = nr,
		.ns = (nr - 1) * 1500 + 3000000000,
		.time_ns = (nr - 1) * 1500 + 3000000007,
		.max_ns = 3000000000,
		.hist = { [10] = nr - 1, [31] = 1 },
	};

	assert_non_null(vcpu);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->process = 70 + vm;
	usage_set(&meter.usage, vcpu, index, &all);
}

static void set_gone(unsigned int vm)
{
	for (unsigned int i = 0; i < meter.usage.nr_vcpus; i++)
		if (meter.usage.vcpus[i]->vm == vm)
			meter.usage.vcpus[i]->gone = true;
}

/* Ends a look; names: of the VMs in their order. */
static void end(const char *const *names)
{
	assert_true(usage_end(&meter.usage));
	for (unsigned int i = 0; i < meter.usage.nr_vms; i++)
		strcpy(meter.usage.vms[i].name, names[i]);
	assert_true(exported_update(&exported, &meter.usage));
}

static int set_up(void **state)
{
	(void)state;
	meter = (struct meter){
		.host = { .isa = EXIT_ISA_SVM, .kernel = "6.12" },
		.name = "eBPF",
		.usage.has_hist = true,
		.proof.vcpus = 3,
	};
	metrics = (struct metrics){
		.meter = &meter,
		.exported = &exported,
		.self = { "0.1", "abc", 0.25, 1.5, 1795000000, 4096 },
		.max_series = 1000,
	};
	usage_begin(&meter.usage, 1);
	set(1, 0, 0x72, 11);
	set(1, 1, 0x72, 21);
	set(1, 1, EXIT_INDEX_OTHER, 1);
	set(2, 0, 0x7b, 2);
	end((const char *const[]){ "a \"b\"\\", "c" });
	text = NULL;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	usage_release(&meter.usage);
	exported_release(&exported);
	free(text);
	return 0;
}

static const char *write_as(enum metrics_form form)
{
	struct error err;
	size_t size;
	FILE *to;

	free(text);
	text = NULL;
	to = open_memstream(&text, &size);
	assert_non_null(to);
	assert_int_equal(metrics_write(to, &metrics, form, &err), 0);
	fclose(to);
	return text;
}

/* Whether those are lines of the text, one after the other. */
static bool has(const char *lines)
{
	for (const char *at = text; (at = strstr(at, lines)); at++)
		if (at == text || at[-1] == '\n')
			return true;
	return false;
}

static unsigned int count(const char *part)
{
	unsigned int nr = 0;

	for (const char *at = text; (at = strstr(at, part)); at++)
		nr++;
	return nr;
}

static void as_openmetrics(void **state)
{
	(void)state;
	write_as(METRICS_OPENMETRICS);
	assert_true(has("# HELP kvm_exits VM exits that began.\n"
			"# TYPE kvm_exits counter\n"
			"kvm_exits_total{vm=\"a \\\"b\\\"\\\\\",reason=\"CPUID\"} 32\n"
			"kvm_exits_total{vm=\"a \\\"b\\\"\\\\\",reason=\"undefined\"} 1\n"
			"kvm_exits_total{vm=\"c\",reason=\"IOIO\"} 2\n"
			"# HELP kvm_exit_seconds "));
	assert_true(has(
		"# TYPE kvm_exit_seconds counter\n# UNIT kvm_exit_seconds seconds\n"
		"kvm_exit_seconds_total{vm=\"a \\\"b\\\"\\\\\",reason=\"CPUID\"} 6.000045014\n"));
	assert_true(has("kvm_vcpus{vm=\"a \\\"b\\\"\\\\\"} 2\n"));
	assert_true(has("# TYPE kvm_vm info\nkvm_vm_info{vm=\"a \\\"b\\\"\\\\\",pid=\"71\"} 1\n"));
	assert_true(has("exitcheck_exits_total 35\n"));
	assert_true(has(
		"exitcheck_build_info{version=\"0.1\",commit=\"abc\",isa=\"SVM\",kernel=\"6.12\","
		"source=\"eBPF\"} 1\n"));
	assert_true(has("exitcheck_look_seconds 0.25\n"));
	assert_true(has("exitcheck_cpu_seconds_total 1.5\n"));
	assert_true(has("exitcheck_start_time_seconds 1795000000\n"));
	assert_string_equal(strstr(text, "# EOF"), "# EOF\n");
}

static void as_prometheus(void **state)
{
	(void)state;
	write_as(METRICS_PROMETHEUS);
	assert_true(has("# HELP kvm_exits_total VM exits that began.\n"
			"# TYPE kvm_exits_total counter\nkvm_exits_total{vm="));
	assert_true(has("# TYPE kvm_vm_info gauge\nkvm_vm_info{"));
	assert_true(has(
		"# TYPE kvm_exit_duration_seconds histogram\nkvm_exit_duration_seconds_bucket{"));
	assert_int_equal(count("# EOF") + count("# UNIT"), 0);
}

static void histogram(void **state)
{
	(void)state;
	write_as(METRICS_PROMETHEUS);
#define CPUID "kvm_exit_duration_seconds_bucket{vm=\"a \\\"b\\\"\\\\\",reason=\"CPUID\","
	assert_true(has(CPUID "le=\"1.024e-06\"} 0\n" CPUID "le=\"2.048e-06\"} 30\n"));
	assert_true(has(
		CPUID
		"le=\"1.073741824\"} 30\n" CPUID "le=\"+Inf\"} 32\n"
		"kvm_exit_duration_seconds_sum{vm=\"a \\\"b\\\"\\\\\",reason=\"CPUID\"} 6.000045000\n"
		"kvm_exit_duration_seconds_count{vm=\"a \\\"b\\\"\\\\\",reason=\"CPUID\"} 32\n"));
	/* Of the TSC: 2^11 cycles of it, at 2 GHz. */
	meter.usage.khz = 2000000;
	write_as(METRICS_PROMETHEUS);
	assert_true(has(CPUID "le=\"1.024e-06\"} 30\n"));
	meter.usage.has_hist = false;
	write_as(METRICS_PROMETHEUS);
	assert_int_equal(count("kvm_exit_duration_seconds"), 0);
}

static void by_vcpu(void **state)
{
	(void)state;
	metrics.per_vcpu = true;
	write_as(METRICS_PROMETHEUS);
	assert_true(
		has("kvm_exits_total{vm=\"a \\\"b\\\"\\\\\",vcpu=\"0\",reason=\"CPUID\"} 11\n"
		    "kvm_exits_total{vm=\"a \\\"b\\\"\\\\\",vcpu=\"1\",reason=\"CPUID\"} 21\n"
		    "kvm_exits_total{vm=\"a \\\"b\\\"\\\\\",vcpu=\"1\",reason=\"undefined\"} 1\n"
		    "kvm_exits_total{vm=\"c\",vcpu=\"0\",reason=\"IOIO\"} 2\n"));
	assert_int_equal(count("_duration_seconds_count{vm=\"a"), 2);
}

/* The series that the text has of VMs. */
static unsigned int vm_series(void)
{
	return count("{vm=\"");
}

static void cap(void **state)
{
	unsigned int all, first;

	(void)state;
	for (int per_vcpu = 0; per_vcpu <= 1; per_vcpu++) {
		char dropped[80];

		metrics.per_vcpu = per_vcpu;
		metrics.max_series = 1000;
		write_as(METRICS_PROMETHEUS);
		all = vm_series();
		assert_true(has("exitcheck_dropped_vms 0\n"));
		assert_true(has("exitcheck_dropped_series 0\n"));
		metrics.max_series = all;
		write_as(METRICS_PROMETHEUS);
		assert_int_equal(vm_series(), all);
		/* One too many: the newest VM goes, as a whole. */
		metrics.max_series = all - 1;
		write_as(METRICS_PROMETHEUS);
		first = vm_series();
		assert_int_equal(count("vm=\"c\""), 0);
		snprintf(dropped, sizeof(dropped), "exitcheck_dropped_series %u\n", all - first);
		assert_true(has("exitcheck_dropped_vms 1\n"));
		assert_true(has(dropped));
		/* Their exits are still in the sum. */
		assert_true(has("exitcheck_exits_total 35\n"));
		metrics.max_series = first - 1;
		write_as(METRICS_PROMETHEUS);
		assert_int_equal(vm_series(), 0);
		assert_true(has("exitcheck_dropped_vms 2\n"));
	}
}

static void completeness(void **state)
{
	(void)state;
	write_as(METRICS_PROMETHEUS);
	assert_true(has("exitcheck_complete 1\n"));
	assert_int_equal(count("exitcheck_incomplete{"), count("\"} 0\nexitcheck_incomplete{") + 1);
	meter.proof.lost.nr[LOSS_ENTRIES] = 5;
	losses_say(&meter.proof.lost);
	write_as(METRICS_PROMETHEUS);
	assert_true(has("exitcheck_complete 0\n"));
	assert_true(has("exitcheck_incomplete{cause=\"lost\"} 1\n"));
	assert_true(has("exitcheck_incomplete{cause=\"kvm_statistic\"} 0\n"));
	assert_true(has("exitcheck_lost_events_total{kind=\"entries\"} 5\n"));
	meter.proof = (struct proof){ .vcpus = 1, .stat = { .vcpus = 1, .differ = 1, .fewer = 1 } };
	write_as(METRICS_PROMETHEUS);
	assert_true(has("exitcheck_complete 0\n"));
	assert_true(has("exitcheck_incomplete{cause=\"kvm_statistic\"} 1\n"));
	/* A host without VMs lacks nothing. */
	meter.proof = (struct proof){ 0 };
	write_as(METRICS_PROMETHEUS);
	assert_true(has("exitcheck_complete 1\n"));
}

static const char *label(unsigned int number)
{
	const struct exported_vm *vm = exported_find(&exported, number);

	return vm ? vm->label : NULL;
}

static void gone(void **state)
{
	static const char *const names[] = { "x", "y", "x", "", "y" };

	(void)state;
	/* Two of a name, and one without. */
	usage_begin(&meter.usage, 2);
	set(3, 0, 0x72, 5);
	set(4, 0, 0x72, 5);
	end((const char *const[]){ "a", "c", "c", "" });
	assert_string_equal(label(2), "c");
	assert_string_equal(label(3), "c (process 73)");
	assert_string_equal(label(4), "process 74");
	/* Shown for some time. */
	set_gone(2);
	usage_begin(&meter.usage, 10);
	end(names);
	assert_string_equal(label(2), "c");
	write_as(METRICS_PROMETHEUS);
	assert_true(has("kvm_exits_total{vm=\"c\",reason=\"IOIO\"} 2\n"));
	assert_true(has("kvm_vcpus{vm=\"c\"} 0\n"));
	usage_begin(&meter.usage, 10 + EXPORTED_STAY - 1);
	end(names);
	assert_non_null(label(2));
	usage_begin(&meter.usage, 10 + EXPORTED_STAY);
	end(names);
	assert_null(label(2));
	write_as(METRICS_PROMETHEUS);
	assert_int_equal(count("vm=\"c\""), 0);
	assert_true(has("exitcheck_exits_total 45\n"));
}

static void started_again(void **state)
{
	(void)state;
	set_gone(2);
	usage_begin(&meter.usage, 2);
	set(3, 0, 0x72, 5);
	end((const char *const[]){ "a", "c", "c" });
	assert_null(label(2));
	assert_string_equal(label(3), "c");
	/* Two VMs of a process. */
	usage_begin(&meter.usage, 3);
	for (unsigned int vm = 4; vm <= 5; vm++) {
		set(vm, 0, 0x72, 5);
		usage_vcpu(&meter.usage, vm * 100)->process = 99;
	}
	end((const char *const[]){ "a", "c", "c", "c", "c" });
	assert_string_equal(label(4), "c (process 99)");
	assert_string_equal(label(5), "c (process 99, VM 5)");
	/* What went so long ago that only the sum is left. */
	for (unsigned int i = 0; i < meter.usage.nr_vms; i++)
		set_gone(i + 1);
	usage_begin(&meter.usage, 4);
	usage_merge_missing(&meter.usage, usage_vcpu(&meter.usage, UINT64_MAX));
	end((const char *const[]){ "" });
	write_as(METRICS_PROMETHEUS);
	assert_int_equal(vm_series(), 0);
	assert_true(has("exitcheck_exits_total 50\n"));
}

/* Two reasons of one name would be two samples of one series. */
static void reasons_have_names_of_their_own(void **state)
{
	(void)state;
	for (enum exit_isa isa = EXIT_ISA_VMX; isa <= EXIT_ISA_SVM; isa++)
		for (unsigned int i = 0; i < exit_nr_defined(isa); i++)
			for (unsigned int j = 0; j < i; j++) {
				unsigned int a = 0, b = 0;

				exit_number(isa, i, &a);
				exit_number(isa, j, &b);
				assert_string_not_equal(exit_name(isa, a), exit_name(isa, b));
			}
}

static void negotiation(void **state)
{
	static const struct {
		const char *accept;
		enum metrics_form form;
	} table[] = {
		{ NULL, METRICS_PROMETHEUS },
		{ "", METRICS_PROMETHEUS },
		{ "*/*", METRICS_PROMETHEUS },
		{ "text/plain", METRICS_PROMETHEUS },
		{ "application/openmetrics-text", METRICS_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  METRICS_OPENMETRICS },
		{ "application/vnd.google.protobuf;q=0.9, application/openmetrics-text; version=0.0.1; q=0.5,"
		  "text/plain;q=0.3",
		  METRICS_OPENMETRICS },
		{ "text/plain;q=0.9,application/openmetrics-text;q=0.2", METRICS_PROMETHEUS },
		{ "application/openmetrics-text;q=0", METRICS_PROMETHEUS },
		{ "application/openmetrics-textual", METRICS_PROMETHEUS },
		{ ",,;q=,application/openmetrics-text", METRICS_OPENMETRICS },
	};

	(void)state;
	for (unsigned int i = 0; i < NR(table); i++)
		if (metrics_form_of(table[i].accept) != table[i].form)
			fail_msg("%s", table[i].accept);
}

static void addresses(void **state)
{
	static const char *const good[] = { "127.0.0.1:9798", "0.0.0.0:1", "[::1]:65535",
					    "[::]:9798" };
	static const char *const bad[] = {
		"",
		":",
		":9798",
		"9798",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:0",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"127.0.0.1: 1",
		"127.0.0.1:1x",
		"127.0.0:1",
		"localhost:9798",
		"::1:9798",
		"[::1]",
		"[::1]:",
		"[]:1",
		"[:1",
		"[127.0.0.1]:1",
		"[::1]x:1",
		"[::1:1",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1",
		"127.0.0.1:99999999999999999999",
	};
	struct http_address address;
	struct error err;

	(void)state;
	for (unsigned int i = 0; i < NR(good); i++) {
		assert_int_equal(http_parse(good[i], &address, &err), 0);
		assert_string_equal(address.text, good[i]);
	}
	assert_int_equal(address.address.ss_family, AF_INET6);
	for (unsigned int i = 0; i < NR(bad); i++)
		if (http_parse(bad[i], &address, &err) != STATUS_USAGE)
			fail_msg("%s", bad[i]);
}

static void every_metric_is_described(void **state)
{
	static char page[100000];
	FILE *file = fopen("user/exitcheck.8", "r");

	(void)state;
	assert_non_null(file);
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	for (unsigned int i = 0; i < NR_METRICS; i++) {
		static const char *const suffixes[] = {
			[METRICS_COUNTER] = "_total",
			[METRICS_GAUGE] = "",
			[METRICS_HISTOGRAM] = "",
			[METRICS_INFO] = "_info",
		};
		char name[64];

		snprintf(name, sizeof(name), "%s%s\n", metrics_families[i].name,
			 suffixes[metrics_families[i].type]);
		if (!strstr(page, name))
			fail_msg("the man page has no line that ends with %s", name);
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_openmetrics),
		TEST(as_prometheus),
		TEST(histogram),
		TEST(by_vcpu),
		TEST(cap),
		TEST(completeness),
		TEST(gone),
		TEST(started_again),
		cmocka_unit_test(reasons_have_names_of_their_own),
		cmocka_unit_test(negotiation),
		cmocka_unit_test(addresses),
		cmocka_unit_test(every_metric_is_described),
	};

	return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
