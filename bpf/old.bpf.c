// SPDX-License-Identifier: GPL-2.0-only
/* The same as the classic tracepoints', for kernels before v5.17. */
#define EC_OLD
#include "classic.bpf.c"
