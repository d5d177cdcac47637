/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AUDIT_SHARED_H
#define AUDIT_SHARED_H

/* What the exits that KVM's account is wrong about have in common, and right ones have not. */

#include "judge/audit.h"
#include "run/result.h"

enum audit_sign {
	AUDIT_SIGN_COUNT,  /* not counted once */
	AUDIT_SIGN_CHARGE, /* charged nothing, or too much */
	AUDIT_SIGN_BIAS,   /* lack more cycles than others do */
};

struct audit_shared {
	enum audit_sign sign;
	char what[128]; /* "exits of L2", "vCPUs but the first of their VM" */
	double share;	/* 1: all wrong exits have it, and no right one; 0: it tells nothing */
	double next;	/* the same of the second best property */
	struct ec_audit exits; /* those that have it */
	uint64_t nr, wrong;    /* of them */
	int circumstance;      /* -1: it is something else */
	bool is_reason, is_cpu;
	bool is_several; /* vCPUs that run at the same time */
};

/* False: nothing is wrong, or all exits are. */
bool audit_find_shared(const struct result *result, const struct audit *audit,
		       struct audit_shared *shared);

#endif
