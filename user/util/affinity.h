/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AFFINITY_H
#define AFFINITY_H

/* Whoever includes this needs _GNU_SOURCE for cpu_set_t. */

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

/* The number of the n-th CPU of the set, from 0 on; -1: it has no more than n. */
int affinity_nth(const cpu_set_t *set, unsigned int n);

/* Has a thread (0: the calling one) run on that CPU alone. False: it may not, or the CPU is off. */
bool affinity_pin(pid_t thread, int cpu);

/*
 * Keeps the calling thread, and those that it creates, on the CPU that it is on, until affinity_release() frees what
 * this returns. NULL: it cannot be kept there, for example on a host with more CPUs than a mask has.
 */
struct affinity *affinity_confine(void);
void affinity_release(struct affinity *before);

#endif
