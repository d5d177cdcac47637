// SPDX-License-Identifier: GPL-2.0-only
/*
 * exitcheck-guest's code, with the CPUID of a probe guest in the place of its own: its tables are what the
 * probe guest has executed, which knows how many exits it caused. And a second VM in the place of the first
 * one is one whose counters began anew. TAP.
 */
#include <stdio.h>
#include <stdlib.h>

#include "inguest/session.h"
#include "kvm/exits.h"
#include "kvm/host.h"
#include "kvm/kvm.h"
#include "kvm/test_vm.h"
#include "kvm/workload.h"
#include "util/array.h"

#define TIMEOUT_MS 60000

/* Each causes exits of its own number, and nothing else causes any. */
static const struct {
	enum probe_op op;
	uint64_t count;
} work[] = {
	{ PROBE_CPUID, 101 },	 { PROBE_OUT, 211 },   { PROBE_IN, 53 },
	{ PROBE_HYPERCALL, 31 }, { PROBE_RDMSR, 127 }, { PROBE_WRMSR, 67 },
};

#define NR_WORK NR(work)

static struct test_vm *vm;
static enum exit_isa isa;
static struct session session;
static struct table table;
static struct error err;
/* How many exits of that work's number the guest had caused when their counter was read last. */
static uint64_t caused[NR_WORK];
static unsigned int nr_tests, nr_failed;

__attribute__((noreturn)) static void die(void)
{
	printf("Bail out! %s\n", err.text);
	exit(STATUS_CANNOT_RUN);
}

static void result(bool ok, const char *name)
{
	nr_failed += !ok;
	printf("%s %u - %s\n", ok ? "ok" : "not ok", ++nr_tests, name);
}

static unsigned int number_of(enum probe_op op)
{
	const struct workload *workload = workload_of(op);

	return isa == EXIT_ISA_VMX ? workload->vmx : workload->svm;
}

static void run(enum probe_op op, uint64_t count)
{
	const char *unsupported = NULL;

	if (test_vm_run(vm, 0, op, count, &unsupported, &err))
		die();
	if (!unsupported)
		return;
	error_set(&err, STATUS_CANNOT_RUN, "%s", unsupported);
	die();
}

/* On SVM, RDMSR and WRMSR have the same number, as have IN and OUT on both. */
static uint64_t executed(unsigned int number)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < NR_WORK; i++)
		if (number_of(work[i].op) == number)
			sum += test_vm_executed(vm, 0, work[i].op);
	return sum;
}

/* The guest executes it, and then tells so, by an OUT. */
static void probe_cpuid(struct probe_read *read)
{
	struct probe_read *reads = test_vm_reads(vm, 0);

	for (unsigned int i = 0; i < NR_WORK; i++)
		if (read->function == LEAF_EXITS && read->index == number_of(work[i].op))
			caused[i] = executed(read->index) + (work[i].op == PROBE_CPUID);
	reads[0].function = read->function;
	reads[0].index = read->index;
	test_vm_set_nr_reads(vm, 0, 1);
	run(PROBE_READ_LEAVES, 1);
	read->eax = reads[0].eax;
	read->ebx = reads[0].ebx;
	read->ecx = reads[0].ecx;
	read->edx = reads[0].edx;
}

static void create(void)
{
	const struct test_vm_config config = {
		.isa = isa,
		.nr_vcpus = 1,
		.asks = KVM_X86_EXIT_LEAVES_ENABLE,
		.timeout_ms = TIMEOUT_MS,
	};

	if (test_vm_create(&vm, &config, &err))
		die();
}

static uint64_t shown(unsigned int number)
{
	for (unsigned int i = 0; i < table.nr; i++)
		if (table.rows[i].number == number)
			return table.rows[i].exits;
	return 0;
}

/* Every row is what the guest has caused since then; less what the reads themselves were. */
static bool is_true(const uint64_t *since)
{
	bool ok = true;

	for (unsigned int i = 0; i < NR_WORK; i++) {
		unsigned int number = number_of(work[i].op);
		uint64_t truth = caused[i] - since[i];

		if (work[i].op == PROBE_CPUID)
			truth -= table.own;
		printf("# %s: %llu shown, %llu caused\n", exit_name(isa, number),
		       (unsigned long long)shown(number), (unsigned long long)truth);
		ok &= shown(number) == truth && truth;
	}
	return ok;
}

static bool take(void)
{
	bool anew;

	if (session_take(&session, &anew, &err))
		die();
	return anew;
}

int main(void)
{
	static const uint64_t zero[NR_WORK];
	uint64_t before[NR_WORK];
	struct test_vm *first;
	struct host host;
	bool anew;

	setbuf(stdout, NULL);
	if (host_probe(&host, &err))
		die();
	isa = host.isa;
	create();
	for (unsigned int i = 0; i < NR_WORK; i++)
		run(work[i].op, work[i].count);
	if (session_open(&session, probe_cpuid, NULL, false, &err))
		die();
	take();
	session_table(&session, 0, true, &table);
	result(is_true(zero), "since the VM was created: what the guest has caused");
	result(shown(number_of(PROBE_CPUID)) == work[0].count,
	       "its CPUIDs are those that were not the reader's");
	result(session.source.isa == isa && session.source.host.tsc_khz > 1000,
	       "it knows the host");

	session_keep(&session);
	for (unsigned int i = 0; i < NR_WORK; i++) {
		before[i] = caused[i];
		run(work[i].op, 3 * work[i].count);
	}
	anew = take();
	session_table(&session, 0, false, &table);
	result(!anew && is_true(before), "between two snapshots: likewise");
	result(shown(number_of(PROBE_CPUID)) == 3 * work[0].count,
	       "its CPUIDs are those that were not the reader's");

	session_keep(&session);
	first = vm;
	create();
	for (unsigned int i = 0; i < NR_WORK; i++)
		run(work[i].op, work[i].count);
	anew = take();
	session_table(&session, 0, true, &table);
	result(anew && is_true(zero), "another VM in its place: the counters began anew");

	test_vm_destroy(vm);
	test_vm_destroy(first);
	session_close(&session);
	printf("1..%u\n", nr_tests);
	return nr_failed ? STATUS_MISMATCH : 0;
}
