/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_H
#define DIAGNOSE_H

/*
 * From the pattern over all reasons and checks to the likely defect: a pure
 * function of what was found. What each diagnosis means stands in exitcheck.8.
 */

struct result;
struct verdicts;

/* Of two that are equally sure, the first one here comes first. */
#define DIAGNOSES(X)                                        \
	X(WITNESS, "witness")                               \
	X(PER_CPU_SPLIT, "per-cpu-split")                   \
	X(HOST_WIDE, "host-wide")                           \
	X(SHARED_STATE, "shared-state")                     \
	X(LOST_UPDATE, "lost-update")                       \
	X(NOT_RESET, "not-reset")                           \
	X(STALE, "stale")                                   \
	X(MISSED_FASTPATH, "missed-fastpath")               \
	X(FLAG_NOT_MASKED, "flag-not-masked")               \
	X(EARLY_RETURN, "early-return")                     \
	X(WRONG_REASON, "wrong-reason")                     \
	X(DOUBLE_COUNT, "double-count")                     \
	X(OFF_BY_ONE, "off-by-one")                         \
	X(HI_LO_SWAPPED, "hi-lo-swapped")                   \
	X(TRUNCATED_32, "truncated-32")                     \
	X(MASKED_HIGH, "masked-high")                       \
	X(NOT_TIMED, "not-timed")                           \
	X(NOT_STORED, "not-stored")                         \
	X(UNIT, "unit")                                     \
	X(CLOCK_STOPS_EARLY, "clock-stops-early")           \
	X(INCLUDES_GUEST, "includes-guest")                 \
	X(HANDLER_ONLY, "handler-only")                     \
	X(UNINITIALISED_REGISTER, "uninitialised-register") \
	X(INDEX_CLAMPED, "index-clamped")                   \
	X(UNDEFINED_CONTRACT, "undefined-contract")         \
	X(ORDINARY_LEAF, "ordinary-leaf")                   \
	X(WRONG_TOTAL, "wrong-total")

enum diagnosis_id {
#define X(id, name) DIAGNOSIS_##id,
	DIAGNOSES(X)
#undef X
	NR_DIAGNOSES,
};

enum confidence {
	CONFIDENCE_CERTAIN, /* nothing else known has this pattern */
	CONFIDENCE_LIKELY,
	CONFIDENCE_POSSIBLE,
};

struct diagnosis {
	enum diagnosis_id id;
	enum confidence confidence;
	char shows[400]; /* what the numbers show, a sentence */
	char where[320]; /* where to look, a sentence */
};

/*
 * Fills in list (of NR_DIAGNOSES), the most likely one first; returns how many
 * there are: 0 where no check failed, or where no known defect fits.
 */
unsigned int diagnose(const struct result *result, const struct verdicts *verdicts,
		      struct diagnosis *list);

const char *diagnosis_name(enum diagnosis_id id);
const char *confidence_name(enum confidence confidence);

#endif
