/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef OPTION_ROWS_H
#define OPTION_ROWS_H

/* Rows of the commands' options. argp sorts the options of a group, so each help text stands alone. */

#include "options.h"

enum {
	GROUP_WORK = 1,
	GROUP_TRACER,
	GROUP_OUTPUT,
	GROUP_HELP = -1,
};

#define HEADING(text, group)                  \
	{                                     \
		NULL, 0, NULL, 0, text, group \
	}
#define HELP_OPTION                                                \
	{                                                          \
		"help", 'h', NULL, 0, "Show this help", GROUP_HELP \
	}
#define PATH_OPTION                                                                                   \
	{                                                                                             \
		"path", OPTION_PATH, "auto|btf|classic", 0,                                           \
			"How the eBPF program attaches: btf uses KVM's type information, classic the" \
			" classic tracepoints (default: auto, btf if KVM has type information)",      \
			GROUP_TRACER                                                                  \
	}

#define CLOCK_OPTION                                                                           \
	{                                                                                      \
		"clock", OPTION_CLOCK, "monotonic|tsc", 0,                                     \
			"The eBPF program's clock: CLOCK_MONOTONIC (default), or the TSC by a" \
			" function of the patched kvm.ko, which costs less",                   \
			GROUP_TRACER                                                           \
	}

/* Which VMs, and who counts their exits. */
#define ALL_OPTION                                                   \
	{                                                            \
		"all", 'a', NULL, 0, "All VMs (default)", GROUP_WORK \
	}
#define PID_OPTION                                                               \
	{                                                                        \
		"pid", 'p', "PID", 0, "Only the VMs of this process", GROUP_WORK \
	}
#define VM_OPTION                                                                           \
	{                                                                                   \
		"vm", OPTION_VM, "NAME", 0,                                                 \
			"Only the VM of this name: QEMU's -name (libvirt's), Firecracker's" \
			" --id, cloud-hypervisor's API socket, or the program's name",      \
			GROUP_WORK                                                          \
	}
#define SOURCE_OPTION                                                                           \
	{                                                                                       \
		"source", OPTION_SOURCE, "auto|kernel|ebpf|both", 0,                            \
			"Who counts: the patched KVM itself, which adds nothing to an exit but" \
			" has no quantiles, or an eBPF program, or that held against the"       \
			" kernel (default: auto, the kernel if it accounts for every VM)",      \
			GROUP_TRACER                                                            \
	}

/* The same for all that read a meter. */
#define VMS_OPTIONS HEADING("What:", GROUP_WORK), ALL_OPTION, PID_OPTION, VM_OPTION
#define METER_OPTIONS HEADING("Source:", GROUP_TRACER), SOURCE_OPTION, PATH_OPTION, CLOCK_OPTION

#define SECONDS_OPTION                                                                   \
	{                                                                                \
		"seconds", OPTION_SECONDS, "N", 0, "Stop after N seconds, 1 to 604,800", \
			GROUP_WORK                                                       \
	}

#endif
