/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSES_H
#define DIAGNOSES_H

/* The defects that exitcheck can name. What each means stands in exitcheck.8. */

/* In order of precedence among equal confidence. */
#define DIAGNOSES(X)                                        \
	X(WITNESS, "witness")                               \
	X(PER_CPU_SPLIT, "per-cpu-split")                   \
	X(HOST_WIDE, "host-wide")                           \
	X(SHARED_STATE, "shared-state")                     \
	X(VCPUS_NEVER, "vcpus-never")                       \
	X(LOST_UPDATE, "lost-update")                       \
	X(NOT_RESET, "not-reset")                           \
	X(STALE, "stale")                                   \
	X(MISSED_FASTPATH, "missed-fastpath")               \
	X(FLAG_NOT_MASKED, "flag-not-masked")               \
	X(EARLY_RETURN, "early-return")                     \
	X(WRONG_REASON, "wrong-reason")                     \
	X(CLEARED, "cleared")                               \
	X(WRAPPED, "wrapped")                               \
	X(SATURATED, "saturated")                           \
	X(MIRROR_SWAPPED, "mirror-swapped")                 \
	X(DOUBLE_COUNT, "double-count")                     \
	X(OFF_BY_ONE, "off-by-one")                         \
	X(HI_LO_SWAPPED, "hi-lo-swapped")                   \
	X(TRUNCATED_32, "truncated-32")                     \
	X(MASKED_HIGH, "masked-high")                       \
	X(NOT_TIMED, "not-timed")                           \
	X(NOT_STORED, "not-stored")                         \
	X(CYCLES_ELSEWHERE, "cycles-elsewhere")             \
	X(UNIT, "unit")                                     \
	X(CLOCK_STOPS_EARLY, "clock-stops-early")           \
	X(CLOCK_STARTS_EARLY, "clock-starts-early")         \
	X(CLOCK_STOPS_LATE, "clock-stops-late")             \
	X(CHARGED_EARLY, "charged-early")                   \
	X(INCLUDES_GUEST, "includes-guest")                 \
	X(HANDLER_ONLY, "handler-only")                     \
	X(NARROW_WINDOW, "narrow-window")                   \
	X(UNINITIALISED_REGISTER, "uninitialised-register") \
	X(INDEX_CLAMPED, "index-clamped")                   \
	X(UNDEFINED_CONTRACT, "undefined-contract")         \
	X(ORDINARY_LEAF, "ordinary-leaf")                   \
	X(CONTRACT_CAPABILITY, "contract-capability")       \
	X(CONTRACT_VISIBILITY, "contract-visibility")       \
	X(CONTRACT_ENTRY, "contract-entry")                 \
	X(CONTRACT_REGISTERS, "contract-registers")         \
	X(CONTRACT_MODE, "contract-mode")                   \
	X(CONTRACT_SUM, "contract-sum")                     \
	X(CONTRACT_DISCOVERY, "contract-discovery")         \
	X(CONTRACT_EPOCH, "contract-epoch")                 \
	X(CONTRACT_CLOCK, "contract-clock")                 \
	X(SOME_UNCOUNTED, "some-uncounted")                 \
	X(SOME_UNTIMED, "some-untimed")                     \
	X(SOME_OVERCHARGED, "some-overcharged")             \
	X(WRONG_STATISTIC, "wrong-statistic")               \
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

/* "double-count"; "likely" */
const char *diagnosis_name(enum diagnosis_id id);
const char *confidence_name(enum confidence confidence);

/* Where to look for it: a printf format whose only argument is "svm" or "vmx". */
const char *diagnosis_where(enum diagnosis_id id);

#endif
