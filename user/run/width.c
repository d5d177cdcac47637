// SPDX-License-Identifier: GPL-2.0-only
#include "run/width.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "kvm/kvm.h"
#include "run/sweep.h"
#include "util/array.h"

#define START "/sys/module/kvm/parameters/exit_leaves_start"
#define BEFORE 97 /* exits up to the width: more than the first reads take, fewer than the work */
#define WORK 211
#define VCPUS 2

/* What vCPUs that are created from now on begin with. */
static int set_start(uint64_t start, struct error *err)
{
	char text[24];
	int fd = open(START, O_WRONLY | O_CLOEXEC), length, status = 0;

	if (fd < 0)
		return system_error(err, START, errno);
	length = snprintf(text, sizeof(text), "%llu", (unsigned long long)start);
	if (write(fd, text, length) != length)
		status = system_error(err, START, errno);
	close(fd);
	return status;
}

static int create(struct session *session, struct test_vm **vm, uint64_t start, int started)
{
	const struct test_vm_config config = {
		.isa = session->host->isa,
		.nr_vcpus = VCPUS,
		.by_hand = true,
		.asks = KVM_X86_EXIT_LEAVES_ENABLE,
		.timeout_ms = WORKLOAD_TIMEOUT_MS,
	};
	struct error ignored;
	int status = test_vm_create(vm, &config, session->err);

	for (int v = 0; v < VCPUS && !status; v++) {
		const struct kvm_cpuid2 *cpuid = test_vm_cpuid(*vm);

		status = set_start(v < started ? start : 0, session->err);
		if (!status)
			status = test_vm_add_vcpu(*vm, &cpuid, 1, session->err);
	}
	set_start(0, &ignored);
	return status;
}

/* Every leaf, by the first vCPU. */
static int read_all(struct session *session, struct test_vm *vm, uint64_t start, int started)
{
	struct result *result = session->result;
	struct list list = { .reads = test_vm_reads(vm, 0) };
	const char *unsupported;
	uint64_t others = 0;
	int status;

	for (uint32_t leaf = LEAF_FIRST; leaf <= LEAF_LAST; leaf++)
		if (leaf != LEAF_DISCOVERY)
			list_add(&list, leaf, session_cpuid_number(session));
	test_vm_set_nr_reads(vm, 0, list.nr);
	for (int v = 1; v < VCPUS; v++)
		others += test_vm_executed(vm, v, PROBE_CPUID);
	status = test_vm_run(vm, 0, PROBE_READ_LEAVES, 1, &unsupported, session->err);
	for (unsigned int i = 0; i < list.nr && !status; i++) {
		const bool wide = leaf_is_vm_wide(list.reads[i].function);
		struct result_width *width = result_add_width(result);

		if (!width)
			return session_no_memory(session);
		*width = (struct result_width){
			.start = start,
			.begun = wide ? start * started : start,
			.executed = list.reads[i].cpuids + (wide ? others : 0),
			.read = list.reads[i],
		};
	}
	return status;
}

static int cross(struct session *session, uint64_t start, int started)
{
	const char *unsupported;
	struct test_vm *vm = NULL;
	int status = create(session, &vm, start, started);

	if (!status)
		status = read_all(session, vm, start, started);
	for (int v = 0; v < VCPUS && !status; v++)
		status = test_vm_run(vm, v, PROBE_CPUID, WORK, &unsupported, session->err);
	if (!status)
		status = read_all(session, vm, start, started);
	test_vm_destroy(vm);
	return status;
}

int phase_width(struct session *session)
{
	static const unsigned int widths[] = { 16, 32, 48 };
	int status = 0;

	if (!session_has_leaves(session) || !session->plan->opt_in || access(START, W_OK))
		return 0;
	session_progress("counters that begin close to 2^16, 2^32 and 2^48");
	for (unsigned int i = 0; i < NR(widths) && !status; i++)
		for (int started = 1; started <= VCPUS && !status; started++)
			status = cross(session, (1ull << widths[i]) - BEFORE, started);
	return status;
}
