/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EXITS_H
#define EXITS_H

/* Exit numbers and their names; bpf/exit_numbers.h defines which ones exist. */

#include <stdbool.h>

#include "exit_numbers.h"

/* "VMX" or "SVM". */
const char *isa_name(enum exit_isa isa);

/* The manual's name of an exit number, NULL if it is undefined for that ISA. */
const char *exit_name(enum exit_isa isa, unsigned int number);

/* The exit number behind a dense index; false for EXIT_INDEX_OTHER and beyond. */
bool exit_number(enum exit_isa isa, unsigned int index, unsigned int *number);

/* Whether it is the host that causes the exits of that dense index: interrupts, NMIs and SMIs. */
bool exit_is_hosts(enum exit_isa isa, int index);

/* How many numbers the manual defines, EXIT_NR_DEFINED_VMX or _SVM. */
unsigned int exit_nr_defined(enum exit_isa isa);

#endif
