/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNCOVERED_H
#define UNCOVERED_H

/* Cycles that the guest's own clock has and the leaves have not: between hardware and the accounting. */

#include "run/result.h"

/* Whether a command was little else than exits, so that its cycles can be shared out to them. */
bool span_is_tight(const struct result_span *span);

/* Whether the leaves have more cycles than passed in the guest. */
bool span_has_too_much(const struct result_span *span);

/*
 * The spans of a vCPU, of one operation or (PROBE_NR_OPS) all: how many, cycles of an exit that the leaves
 * have not, and the mean of what they have of one. Zeros if there are none.
 */
struct uncovered {
	unsigned int spans, commands; /* commands: with those of too few exits */
	double most;		      /* by the span that has the fewest */
	double proven; /* by half of the spans, whatever else the host was busy with */
	double covered;
};

struct uncovered uncovered_of(const struct result *result, unsigned int vcpu, enum probe_op op);

/* The median of all commands of PHASE_SINGLE whose exits have that reason; false: there are none. */
bool uncovered_of_reason(const struct result *result, unsigned int index, double *median);

#endif
