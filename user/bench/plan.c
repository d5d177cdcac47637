// SPDX-License-Identifier: GPL-2.0-only
#include "bench/plan.h"

#include <string.h>

#include "util/array.h"

const struct bench_observer bench_observers[] = {
	{
		.name = "none",
		.help = "nothing: no VM has the leaves, no eBPF program is attached",
	},
	{
		.name = "patch-other",
		.leaves = BENCH_LEAVES_OTHER,
		.help = "another VM has the leaves, this one does not",
	},
	{
		.name = "patch",
		.leaves = BENCH_LEAVES_OWN,
		.help = "the VM has the leaves: KVM counts and times",
	},
	{
		.name = "btf",
		.ebpf = true,
		.path = TRACER_BTF,
		.help = "exitcheck's eBPF program, attached by KVM's type information",
	},
	{
		.name = "btf-tsc",
		.ebpf = true,
		.path = TRACER_BTF,
		.clock = TRACER_TSC,
		.help = "the same with the TSC as its clock",
	},
	{
		.name = "detail",
		.ebpf = true,
		.path = TRACER_BTF,
		.details = true,
		.help = "the same as btf, and exits are told apart by their detail: stat --by detail",
	},
	{
		.name = "split",
		.ebpf = true,
		.path = TRACER_BTF,
		.split = true,
		.help = "the same as btf, and where their time goes: stat --split",
	},
	{
		.name = "split-tsc",
		.ebpf = true,
		.path = TRACER_BTF,
		.clock = TRACER_TSC,
		.split = true,
		.help = "the same with the TSC as its clock",
	},
	{
		.name = "classic",
		.ebpf = true,
		.path = TRACER_CLASSIC,
		.help = "exitcheck's eBPF program, on the classic tracepoints",
	},
	{
		.name = "patch+btf",
		.leaves = BENCH_LEAVES_OWN,
		.ebpf = true,
		.path = TRACER_BTF,
		.help = "patch and eBPF program: leaf reads are compared",
	},
	{
		.name = "audit",
		.leaves = BENCH_LEAVES_OWN,
		.ebpf = true,
		.path = TRACER_BTF,
		.audit = true,
		.help = "patch and eBPF program, as in the validation: each exit is compared",
	},
	{
		.name = "audit-tsc",
		.leaves = BENCH_LEAVES_OWN,
		.ebpf = true,
		.path = TRACER_BTF,
		.clock = TRACER_TSC,
		.audit = true,
		.help = "the same with the TSC as its clock",
	},
	{
		.name = "patch+classic",
		.leaves = BENCH_LEAVES_OWN,
		.ebpf = true,
		.path = TRACER_CLASSIC,
		.help = "patch and eBPF program, on the classic tracepoints",
	},
};

const unsigned int nr_bench_observers = NR(bench_observers);

_Static_assert(NR(bench_observers) <= BENCH_MAX_OBSERVERS, "room for all of them");

/* In a VM without leaves these are plain CPUID exits. */
const struct bench_read bench_reads[BENCH_NR_READS] = {
	{
		.workload = { .name = "leaf-vcpu", .op = PROBE_READ_LEAVES, .svm = 0x72, .vmx = 10 },
		.leaf = LEAF_VCPU_TOTAL_EXITS,
	},
	{
		.workload = { .name = "leaf-vm", .op = PROBE_READ_LEAVES, .svm = 0x72, .vmx = 10 },
		.leaf = LEAF_TOTAL_EXITS,
	},
};

const struct bench_observer *bench_observer_find(const char *name)
{
	for (unsigned int i = 0; i < nr_bench_observers; i++)
		if (!strcmp(bench_observers[i].name, name))
			return &bench_observers[i];
	return NULL;
}
