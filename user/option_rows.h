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

#endif
