// SPDX-License-Identifier: GPL-2.0-only
/* exitcheck-guest's tables: what it reads from a host, without its own reads. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_host.h"
#include "inguest/session.h"

static struct session session;
static struct table table;
static struct error err;

static int reset(void **state)
{
	(void)state;
	fake_reset();
	session_close(&session);
	session = (struct session){ 0 };
	return 0;
}

static int close_session(void **state)
{
	(void)state;
	session_close(&session);
	return 0;
}

static void open_or_fail(const struct leaf_numbers *foreign)
{
	int status = session_open(&session, fake_cpuid, foreign, false, &err);

	if (status)
		fail_msg("%s", err.text);
}

/* Whether the counters began anew. */
static bool take(void)
{
	bool anew;

	if (session_take(&session, &anew, &err))
		fail_msg("%s", err.text);
	return anew;
}

static const struct row *row_of(unsigned int number)
{
	for (unsigned int i = 0; i < table.nr; i++)
		if (table.rows[i].number == number)
			return &table.rows[i];
	return NULL;
}

static void expect_row(unsigned int number, uint64_t exits, uint64_t cycles)
{
	const struct row *row = row_of(number);

	if (!row)
		fail_msg("no row 0x%x", number);
	assert_int_equal(row->exits, exits);
	assert_int_equal(row->cycles, cycles);
}

static void since_birth_without_its_own(void **state)
{
	(void)state;
	fake_exit(0x72, 50, 50 * FAKE_CYCLES);
	fake_exit(0x400, 1000, 900000);
	fake_exit(0x78, 3, 5000000);
	open_or_fail(NULL);
	assert_false(take());
	session_table(&session, 0, true, &table);

	assert_int_equal(table.nr, 3);
	assert_true(table.since_birth);
	/* The dearest first. */
	assert_int_equal(table.rows[0].number, 0x78);
	assert_int_equal(table.rows[1].number, 0x400);
	expect_row(0x78, 3, 5000000);
	expect_row(0x400, 1000, 900000);
	assert_int_equal(row_of(0x72)->exits, 50);
	/* The read that counts itself is not timed yet. */
	assert_true(row_of(0x72)->cycles >= 49 * FAKE_CYCLES);
	assert_true(row_of(0x72)->cycles <= 50 * FAKE_CYCLES);
	assert_int_equal(table.total.exits, 1053);
	assert_int_equal(table.halted.cycles, 5000000);
	assert_int_equal(table.other.exits, 0);
	/* Whether CPUID is denied; three of discovery, twice; two of the total; CPUID's. */
	assert_int_equal(table.own, 1 + 3 + 3 + 2 + 1);
}

static void between_two_snapshots(void **state)
{
	unsigned int reads;

	(void)state;
	fake_exit(0x400, 1000, 900000);
	open_or_fail(NULL);
	take();
	session_keep(&session);
	reads = fake.reads;
	fake_exit(0x400, 7, 700);
	fake_exit(0x60, 1, 0);
	fake_exit(0x72, 5, 5 * FAKE_CYCLES);
	assert_false(take());
	session_table(&session, 0, false, &table);

	assert_int_equal(table.nr, 3);
	expect_row(0x400, 7, 700);
	expect_row(0x60, 1, 0);
	expect_row(0x72, 5, 5 * FAKE_CYCLES);
	assert_int_equal(table.total.exits, 13);
	assert_false(table.since_birth);
	/* As many as one pass takes, from one read of CPUID's exits to the next. */
	assert_true(table.own >= 190 && table.own <= 210);
	assert_true(fake.reads > reads + 190);
}

static void nothing_happened(void **state)
{
	(void)state;
	open_or_fail(NULL);
	take();
	session_keep(&session);
	take();
	session_table(&session, 0, false, &table);
	assert_int_equal(table.nr, 0);
	assert_int_equal(table.total.exits, 0);
	assert_int_equal(table.total.cycles, 0);
	assert_true(table.own);
}

static void another_cpuid(void)
{
	fake_exit(0x72, 1, FAKE_CYCLES);
	fake_exit(0x78, 1, 10);
}

/* Between whichever of its reads it comes: it shows once, in this table or in the next. */
static void exits_between_its_reads(void **state)
{
	(void)state;
	for (unsigned int read = 1; read <= 850; read++) {
		uint64_t cpuids = 0, halts = 0;

		fake_reset();
		fake.event_read = read;
		fake.event = another_cpuid;
		session_close(&session);
		open_or_fail(NULL);
		take();
		session_table(&session, 0, true, &table);
		cpuids += row_of(0x72) ? row_of(0x72)->exits : 0;
		halts += row_of(0x78) ? row_of(0x78)->exits : 0;
		for (int i = 0; i < 3; i++) {
			session_keep(&session);
			take();
			session_table(&session, 0, false, &table);
			cpuids += row_of(0x72) ? row_of(0x72)->exits : 0;
			halts += row_of(0x78) ? row_of(0x78)->exits : 0;
			assert_int_equal(table.other.exits, 0);
		}
		assert_int_equal(cpuids, read <= fake.last_read[0x72]);
		assert_int_equal(halts, read <= fake.last_read[0x78]);
	}
}

static void moved_meanwhile(void **state)
{
	(void)state;
	fake_exit(0x400, 1000, 900000);
	open_or_fail(NULL);
	take();
	session_keep(&session);
	fake_new_epoch();
	fake_exit(0x72, 5, 5 * FAKE_CYCLES);
	fake_exit(0x7b, 11, 1100);
	assert_true(take());
	session_table(&session, 0, true, &table);
	assert_int_equal(table.nr, 2);
	expect_row(0x7b, 11, 1100);
	assert_int_equal(row_of(0x72)->exits, 5);
	/* Those before are not in the new counters: discovery, two of the total, CPUID's. */
	assert_int_equal(table.own, 3 + 2 + 1);

	/* And is the first of two again. */
	session_keep(&session);
	fake_exit(0x7b, 2, 20);
	assert_false(take());
	session_table(&session, 0, false, &table);
	assert_int_equal(table.nr, 1);
	expect_row(0x7b, 2, 20);
}

/* In the midst of the second snapshot, at any of its reads: all that is shown is of the new epoch. */
static void moved_in_a_snapshot(void **state)
{
	unsigned int first, last;

	(void)state;
	open_or_fail(NULL);
	take();
	first = fake.reads + 1;
	session_keep(&session);
	take();
	last = fake.reads - 2; /* the epoch that it looks at last */
	for (unsigned int read = first; read <= last; read++) {
		fake_reset();
		fake_exit(0x400, 1000, 900000);
		fake.event_read = read;
		fake.event = fake_new_epoch;
		session_close(&session);
		open_or_fail(NULL);
		take();
		session_keep(&session);
		assert_true(take());
		session_table(&session, 0, true, &table);
		assert_null(row_of(0x400));
		assert_int_equal(table.other.exits, 0);
		/* Since it was found to be another epoch; those before count as the guest's. */
		assert_int_equal(table.own, 3 + 2 + 1);
	}
}

static void without_an_epoch(void **state)
{
	(void)state;
	fake.abi_version = 1;
	fake_exit(0x400, 1000, 900000);
	open_or_fail(NULL);
	take();
	session_keep(&session);
	fake_new_epoch();
	fake_exit(0x400, 9, 90);
	assert_true(take());
}

static void a_host_that_counts_wrongly(void **state)
{
	bool anew;

	(void)state;
	fake_exit(0x400, 1000, 900000);
	open_or_fail(NULL);
	take();
	session_keep(&session);
	fake.exits[0x400] = 999;
	assert_int_equal(session_take(&session, &anew, &err), STATUS_CANNOT_RUN);
	assert_non_null(strstr(err.text, "went down"));

	fake.exits[0x400] = 1000;
	fake.edx = 1;
	assert_int_equal(session_take(&session, &anew, &err), STATUS_CANNOT_RUN);
	assert_non_null(strstr(err.text, "0x4fffffff"));
}

static void no_leaves(void **state)
{
	bool anew;

	(void)state;
	fake.no_leaves = true;
	assert_int_equal(session_open(&session, fake_cpuid, NULL, false, &err), STATUS_CANNOT_RUN);
	assert_non_null(strstr(err.text, "no exit leaves here"));
	assert_null(strchr(err.text, '\n'));

	fake.no_leaves = false;
	session_close(&session);
	open_or_fail(NULL);
	take();
	/* The VM was moved to a host that has none. */
	fake.no_leaves = true;
	assert_int_equal(session_take(&session, &anew, &err), STATUS_CANNOT_RUN);
	fake.no_leaves = false;
	fake.khz = 0;
	assert_int_equal(session_take(&session, &anew, &err), STATUS_CANNOT_RUN);
}

static void a_newer_host(void **state)
{
	(void)state;
	fake.counters++;
	fake.next = 0xa7;
	fake_exit(0xa7, 4, 400);
	open_or_fail(NULL);
	take();
	session_table(&session, 0, true, &table);
	expect_row(0xa7, 4, 400);
	assert_int_equal(table.other.exits, 0);
}

static void an_older_host(void **state)
{
	(void)state;
	fake.counters = 160;
	fake_exit(0x400, 4, 400);
	open_or_fail(NULL);
	take();
	session_table(&session, 0, true, &table);
	expect_row(0x400, 4, 400);
}

static void vmx(void **state)
{
	(void)state;
	fake.isa = EXIT_ISA_VMX;
	fake.counters = EXIT_NR_DEFINED_VMX;
	fake_exit(10, 6, 6 * FAKE_CYCLES);
	fake_exit(12, 2, 2000);
	open_or_fail(NULL);
	take();
	session_table(&session, 0, true, &table);
	assert_int_equal(row_of(10)->exits, 6);
	assert_int_equal(table.halted.exits, 2);
	assert_int_equal(table.nr, 2);
}

static void exits_of_no_number(void **state)
{
	(void)state;
	fake_exit(0x400, 4, 400);
	open_or_fail(NULL);
	take();
	session_keep(&session);
	fake.nowhere = 3;
	take();
	session_table(&session, 0, false, &table);
	assert_int_equal(table.other.exits, 3);
	assert_int_equal(table.total.exits, 3);
}

static void each_vcpu(void **state)
{
	(void)state;
	fake_exit(0x400, 4, 400);
	assert_int_equal(session_open(&session, fake_cpuid, NULL, true, &err), 0);
	assert_true(session.nr_scopes >= 1);
	take();
	session_table(&session, session.nr_scopes - 1, true, &table);
	assert_int_equal(table.cpu, session.scopes[session.nr_scopes - 1].cpu);
	expect_row(0x400, 4, 400);
}

/* ---- other implementations ---- */

static void published(void **state)
{
	struct leaf_numbers numbers;

	(void)state;
	assert_int_equal(leaf_numbers_parse("published", &numbers, &err), 0);
	fake.foreign = true;
	/* Their counts have 32 bits. */
	fake_exit(0x400, 0xfffffff0, 400);
	open_or_fail(&numbers);
	assert_int_equal(session.source.isa, EXIT_ISA_SVM);
	take();
	session_table(&session, 0, true, &table);
	expect_row(0x400, 0xfffffff0, 400);
	/* No read has looked for a signature: denial, vendor, two of CPUID, two of the total, CPUID's. */
	assert_int_equal(table.own, 1 + 1 + 2 + 2 + 1);
	session_keep(&session);
	fake_exit(0x400, 0x20, 100);
	fake_exit(0x72, 5, 5 * FAKE_CYCLES);
	assert_false(take());
	session_table(&session, 0, false, &table);
	expect_row(0x400, 0x20, 100);
	expect_row(0x72, 5, 5 * FAKE_CYCLES);
	assert_true(table_ns(&session.source, 1) < 0);
	session_keep(&session);
	fake.exits[0x400] -= 5;
	assert_true(take());
}

static void not_published(void **state)
{
	struct leaf_numbers numbers;

	(void)state;
	assert_int_equal(leaf_numbers_parse("published", &numbers, &err), 0);
	fake.no_leaves = true;
	assert_int_equal(session_open(&session, fake_cpuid, &numbers, false, &err),
			 STATUS_CANNOT_RUN);
	assert_non_null(strstr(err.text, "no such leaves here: 0x4ffffffd"));

	/* Intel's: the exit of a CPUID is number 10. */
	fake_reset();
	fake.foreign = true;
	fake.isa = EXIT_ISA_VMX;
	fake.vendor = "GenuineIntel";
	session_close(&session);
	open_or_fail(&numbers);
	assert_int_equal(session.source.isa, EXIT_ISA_VMX);
}

static void numbers_of_leaves(void **state)
{
	static const struct {
		const char *text, *error;
		struct leaf_numbers numbers;
	} cases[] = {
		{ "published", NULL, { 0x4ffffffd, 0x4ffffffc, 0x4fffffff, 0x4ffffffe } },
		{ "ascending", NULL, { 0x4ffffffe, 0x4fffffff, 0x4ffffffc, 0x4ffffffd } },
		{ "combined", NULL, { 0x4ffffffe, 0, 0x4fffffff, 0x4fffffff } },
		{ "exits=0x4ffffffe,cycles=0x4fffffff", NULL, { 0x4ffffffe, 0x4fffffff, 0, 0 } },
		{ "total-cycles=1,exits=2,total-exits=3", NULL, { 2, 0, 3, 1 } },
		{ "", "\"\" is not published", { 0 } },
		{ "publishe", "is not published", { 0 } },
		{ "cycles=1", "exits=LEAF is missing", { 0 } },
		{ "exits=1,", "\"\" is not published", { 0 } },
		{ "exits=1,,cycles=2", "\"\" is not published", { 0 } },
		{ "exits=1,exits=2", "given twice", { 0 } },
		{ "exits=", "needs a leaf", { 0 } },
		{ "exits=0", "needs a leaf", { 0 } },
		{ "exits=-1", "needs a leaf", { 0 } },
		{ "exits= 1", "needs a leaf", { 0 } },
		{ "exits=0x100000000", "needs a leaf", { 0 } },
		{ "exits=99999999999999999999", "needs a leaf", { 0 } },
		{ "exits=0x4ffffffdg", "needs a leaf", { 0 } },
		{ "exit=1", "\"exit=1\" is not", { 0 } },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct leaf_numbers numbers;
		int status = leaf_numbers_parse(cases[i].text, &numbers, &err);

		if (cases[i].error) {
			assert_int_equal(status, STATUS_USAGE);
			if (!strstr(err.text, cases[i].error))
				fail_msg("%s: %s", cases[i].text, err.text);
			continue;
		}
		assert_int_equal(status, 0);
		assert_memory_equal(&numbers, &cases[i].numbers, sizeof(numbers));
	}
}

/* ---- CPUID faulting ---- */

/* As the kernel answers a CPUID that faults, and this instruction: SIGSEGV. */
static void denied_cpuid(struct probe_read *read)
{
	(void)read;
	__asm__ volatile("hlt");
}

static void cpuid_is_denied(void **state)
{
	(void)state;
	assert_int_equal(session_open(&session, denied_cpuid, NULL, false, &err),
			 STATUS_CANNOT_RUN);
	assert_non_null(strstr(err.text, "CPUID faulting"));
}

#define ARCH_CPUID_FAULT 0x1012

/* By the kernel itself, where the CPU can. */
static void cpuid_faults(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		if (syscall(SYS_arch_prctl, ARCH_CPUID_FAULT, 0))
			_exit(77);
		status = session_open(&session, reader_cpuid, NULL, false, &err);
		_exit(status == STATUS_CANNOT_RUN && strstr(err.text, "CPUID faulting") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void lists_of_cpus(void **state)
{
	(void)state;
	assert_int_equal(cpus_in_list("0\n"), 1);
	assert_int_equal(cpus_in_list("0-3\n"), 4);
	assert_int_equal(cpus_in_list("0-3,8,10-11"), 7);
	assert_int_equal(cpus_in_list(""), 0);
	assert_int_equal(cpus_in_list("\n"), 0);
	assert_int_equal(cpus_in_list("3-0"), 0);
	assert_int_equal(cpus_in_list("0-"), 0);
	assert_int_equal(cpus_in_list("0,"), 0);
	assert_int_equal(cpus_in_list("0-99999999"), 0);
	assert_int_equal(cpus_in_list("0 1"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(since_birth_without_its_own, reset),
		cmocka_unit_test_setup(between_two_snapshots, reset),
		cmocka_unit_test_setup(nothing_happened, reset),
		cmocka_unit_test_setup(exits_between_its_reads, reset),
		cmocka_unit_test_setup(moved_meanwhile, reset),
		cmocka_unit_test_setup(moved_in_a_snapshot, reset),
		cmocka_unit_test_setup(without_an_epoch, reset),
		cmocka_unit_test_setup(a_host_that_counts_wrongly, reset),
		cmocka_unit_test_setup(no_leaves, reset),
		cmocka_unit_test_setup(a_newer_host, reset),
		cmocka_unit_test_setup(an_older_host, reset),
		cmocka_unit_test_setup(vmx, reset),
		cmocka_unit_test_setup(exits_of_no_number, reset),
		cmocka_unit_test_setup(each_vcpu, reset),
		cmocka_unit_test_setup(published, reset),
		cmocka_unit_test_setup(not_published, reset),
		cmocka_unit_test(numbers_of_leaves),
		cmocka_unit_test_setup(cpuid_is_denied, reset),
		cmocka_unit_test_setup(cpuid_faults, reset),
		cmocka_unit_test(lists_of_cpus),
	};

	return cmocka_run_group_tests_name("exitcheck-guest's tables", tests, NULL, close_session);
}
