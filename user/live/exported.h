/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EXPORTED_H
#define EXPORTED_H

/* The VMs that `exitcheck export` shows: each under a name of its own, and for some time after it went. */

#include <stdbool.h>

#include "live/usage.h"

/* So far Prometheus looks back: seconds for which a VM that went is still shown. */
#define EXPORTED_STAY 300

struct exported_vm {
	unsigned int number; /* of struct usage_vm */
	char label[128];     /* no other that is shown has it */
	bool gone;	     /* it was at the last look ... */
	double went;	     /* ... and not yet at this one, in seconds since the beginning */
	bool hidden;	     /* that was long ago, or another one has its name now */
};

struct exported {
	struct exported_vm *vms; /* as long as usage has them, in their order */
	unsigned int nr;
};

/* After a look. False: no memory. */
bool exported_update(struct exported *exported, const struct usage *usage);

/* The VM of that number, if it is shown. */
const struct exported_vm *exported_find(const struct exported *exported, unsigned int number);

void exported_release(struct exported *exported);

#endif
