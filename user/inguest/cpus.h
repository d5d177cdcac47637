/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef INGUEST_CPUS_H
#define INGUEST_CPUS_H

/* The guest's CPUs, each of which is a vCPU, and on which of them this process runs. */

#include <stdbool.h>

#include "util/error.h"

#define CPUS_MAX 8192

struct cpus {
	unsigned long mask[CPUS_MAX / 8 / sizeof(unsigned long)];
};

/* Those that this process may run on; how many that are. */
int cpus_allowed(struct cpus *cpus, struct error *err);
unsigned int cpus_count(const struct cpus *cpus);

/* The next one from cpu on, -1 if there is none. */
int cpus_next(const struct cpus *cpus, int cpu);

/* Runs on this CPU alone from now on; or on those that were allowed before. */
int cpus_pin(int cpu, struct error *err);
void cpus_restore(const struct cpus *cpus);

/* How many CPUs the guest has online; 0: not known. */
unsigned int cpus_online(void);

/* How many a list such as "0-3,5" has; 0: it is malformed. */
unsigned int cpus_in_list(const char *list);

#endif
