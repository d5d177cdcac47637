/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LABELS_H
#define LABELS_H

/* What VMs, vCPUs and exit reasons are called on a screen and in tables. */

#include "exit_numbers.h"
#include "live/usage.h"

struct label {
	char s[128];
};

/* "web1", or which process it is if the name is not known. */
struct label vm_label(const struct usage_vm *vm);

/* "0x72 CPUID" */
struct label reason_label(enum exit_isa isa, unsigned int index);

/* Of all that the row is of: "web1 vCPU 0 0x72 CPUID". */
struct label row_label(enum exit_isa isa, const struct usage_row *row);

#endif
