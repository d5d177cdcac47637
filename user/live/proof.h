/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PROOF_H
#define PROOF_H

/* Whether the numbers of a look are all that there are to be shown. */

#include <stdbool.h>

#include "live/losses.h"
#include "live/usage.h"

struct proof {
	struct losses lost;
	unsigned int vcpus, late; /* of these, vCPUs that had run before they were seen ... */
	bool late_unknown;	  /* ... or may have */
};

/* Takes the proof of the look that usage has. STATUS_CANNOT_RUN. */
int proof_take(struct proof *proof, const struct usage *usage, struct tracer *tracer,
	       struct error *err);

struct proof_verdict {
	bool complete;
	char text[512]; /* begins with "complete" or "INCOMPLETE" */
};

struct proof_verdict proof_verdict(const struct proof *proof);

#endif
