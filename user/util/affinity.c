// SPDX-License-Identifier: GPL-2.0-only
/* sched_setaffinity() and CPU_SET() */
#define _GNU_SOURCE
#include "util/affinity.h"

#include <stdlib.h>

struct affinity {
	cpu_set_t allowed;
};

int affinity_nth(const cpu_set_t *set, unsigned int n)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, set) && !n--)
			return cpu;
	return -1;
}

bool affinity_pin(pid_t thread, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return !sched_setaffinity(thread, sizeof(one), &one);
}

struct affinity *affinity_confine(void)
{
	struct affinity *before = malloc(sizeof(*before));
	const int cpu = sched_getcpu();

	if (before && cpu >= 0 && cpu < CPU_SETSIZE &&
	    !sched_getaffinity(0, sizeof(before->allowed), &before->allowed) &&
	    affinity_pin(0, cpu))
		return before;
	free(before);
	return NULL;
}

void affinity_release(struct affinity *before)
{
	if (before)
		sched_setaffinity(0, sizeof(before->allowed), &before->allowed);
	free(before);
}
