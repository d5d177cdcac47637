/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RIVAL_H
#define RIVAL_H

#include <stdint.h>

#include "util/error.h"

/* A thread that never sleeps on the CPU of another one, which cannot leave it meanwhile. */
struct rival;

/* On the CPU of the calling thread. *rival is NULL after a failure. */
int rival_start(struct rival **rival, struct error *err);

/*
 * TSC cycles that it ran since the last call, for certain: 0 at the first call. The thread that started it
 * asks.
 */
uint64_t rival_cycles(struct rival *rival);

/* Ends it, and lets the calling thread have the CPUs that it had. NULL is allowed. */
void rival_end(struct rival *rival);

#endif
