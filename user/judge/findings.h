/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FINDINGS_H
#define FINDINGS_H

/*
 * What --leaves finds in an implementation of the published assignment: defects, which make it wrong,
 * and remarks on what the assignment leaves open. exitcheck.8 says what each means.
 */

#include <stdbool.h>

/* The points of the assignment, each a check of its own. */
#define ASSIGNED_POINTS(X)          \
	X(EXITS, "EXITS")           \
	X(CYCLES, "CYCLES")         \
	X(ALL_EXITS, "ALL-EXITS")   \
	X(ALL_CYCLES, "ALL-CYCLES") \
	X(UNDEFINED, "UNDEFINED")   \
	X(NOT_ENABLED, "NOT-ENABLED")

enum assigned_point {
#define X(id, name) POINT_##id,
	ASSIGNED_POINTS(X)
#undef X
	NR_POINTS,
};

/* Those before the first remark are defects. */
#define FINDINGS(X)                                         \
	X(NOT_COUNTED, "not-counted")                       \
	X(LOST_UPDATE, "lost-update")                       \
	X(SHARED_STATE, "shared-state")                     \
	X(PER_CPU_SPLIT, "per-cpu-split")                   \
	X(PER_VCPU, "per-vcpu")                             \
	X(MISSED_FASTPATH, "missed-fastpath")               \
	X(EARLY_RETURN, "early-return")                     \
	X(WRONG_REASON, "wrong-reason")                     \
	X(DOUBLE_COUNT, "double-count")                     \
	X(MISCOUNTED, "miscounted")                         \
	X(WRONG_TOTAL, "wrong-total")                       \
	X(NOT_TIMED, "not-timed")                           \
	X(SOME_UNTIMED, "some-untimed")                     \
	X(CLOCK_STOPS_EARLY, "clock-stops-early")           \
	X(HI_LO_SWAPPED, "hi-lo-swapped")                   \
	X(TRUNCATED_32, "truncated-32")                     \
	X(UNIT, "unit")                                     \
	X(INCLUDES_GUEST, "includes-guest")                 \
	X(WRONG_CYCLE_TOTAL, "wrong-cycle-total")           \
	X(OUT_OF_BOUNDS, "out-of-bounds")                   \
	X(UNDEFINED_CONTRACT, "undefined-contract")         \
	X(DEFINED_REFUSED, "defined-refused")               \
	X(UNINITIALISED_REGISTER, "uninitialised-register") \
	X(SCOPE, "scope")                                   \
	X(HANDLER_ONLY, "handler-only")                     \
	X(COUNTS_OF_32_BITS, "counts-of-32-bits")           \
	X(LATER_EDITION, "later-edition")                   \
	X(LEFT_REGISTERS, "left-registers")                 \
	X(NOT_ASKED, "not-asked")                           \
	X(KERNEL_LOG, "kernel-log")                         \
	X(OTHER_VMS, "other-vms")                           \
	X(LATE_TRACEPOINT, "late-tracepoint")

enum finding_id {
#define X(id, name) FINDING_##id,
	FINDINGS(X)
#undef X
	NR_FINDINGS,
	FIRST_REMARK = FINDING_SCOPE,
};

struct finding {
	enum finding_id id;
	unsigned int points; /* that it touches: bits by enum assigned_point */
	char shows[400];     /* what was seen, as sentences */
	char where[240];     /* where it usually sits; "" for most remarks */
};

/* Whose exits a leaf has. */
enum published_scope {
	SCOPE_UNKNOWN,
	SCOPE_HOST,
	SCOPE_VM,
	SCOPE_VCPU,
	SCOPE_CPU,
};

const char *finding_name(enum finding_id id);
const char *point_name(enum assigned_point point);

/* A printf format whose only argument is "svm" or "vmx". */
const char *finding_where(enum finding_id id);

/* "host", "vm", "vcpu", "cpu" or "unknown" */
const char *scope_name(enum published_scope scope);

static inline bool finding_is_remark(enum finding_id id)
{
	return id >= FIRST_REMARK;
}

#endif
