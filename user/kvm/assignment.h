/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ASSIGNMENT_H
#define ASSIGNMENT_H

/* What the published assignment demands of an exit number. Where it leaves it open, nothing is. */

#include <stdbool.h>

#include "exit_numbers.h"

enum assigned {
	ASSIGNED_DEFINED,   /* the vendor's manual defines it */
	ASSIGNED_UNDEFINED, /* it never did */
	/* By later editions of the manual than the assignment, or by another document. */
	ASSIGNED_OPEN,
};

enum assigned assigned_number(enum exit_isa isa, unsigned int number);

/* Whether no KVM has ever enabled that exit, for a guest that is not nested. */
bool assigned_never_enabled(enum exit_isa isa, unsigned int number);

#endif
