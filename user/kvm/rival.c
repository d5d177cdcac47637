// SPDX-License-Identifier: GPL-2.0-only
/* sched_setaffinity() and CPU_SET() */
#define _GNU_SOURCE
#include "kvm/rival.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <x86intrin.h>

#include "kvm/kvm.h"
#include "kvm/thread.h"
#include "util/affinity.h"
#include "util/clock.h"

/* The share of its CPU time that is taken for certain: the clocks are not one. */
#define CERTAIN 0.97
/* Clocks that were read within so many ns were read at once: it runs for a millisecond or more at a time. */
#define AT_ONCE_NS 100000
#define TRIES 8

struct rival {
	pthread_t thread;
	clockid_t clock;   /* its CPU time */
	cpu_set_t allowed; /* of the thread that started it, before */
	bool confined;
	atomic_bool ended;
	struct clocks {
		uint64_t ran_ns, tsc, ns;
	} last; /* its CPU time, and both clocks, at the last call */
};

static void *spin(void *argument)
{
	struct rival *rival = argument;

	while (!atomic_load_explicit(&rival->ended, memory_order_relaxed))
		__builtin_ia32_pause();
	return NULL;
}

/* The calling thread, and so those that it creates, to the CPU that it is on. */
static void confine(struct rival *rival)
{
	int cpu = sched_getcpu();

	/* On a host with more CPUs than a mask has, both run anywhere: nothing is certain. */
	if (cpu < 0 || cpu >= CPU_SETSIZE ||
	    sched_getaffinity(0, sizeof(rival->allowed), &rival->allowed))
		return;
	rival->confined = affinity_pin(0, cpu);
}

static void release(const struct rival *rival)
{
	if (rival->confined)
		sched_setaffinity(0, sizeof(rival->allowed), &rival->allowed);
}

int rival_start(struct rival **started, struct error *err)
{
	struct rival *rival = calloc(1, sizeof(*rival));
	int status;

	*started = NULL;
	if (!rival)
		return system_error(err, "calloc", errno);
	confine(rival);
	status = thread_start(&rival->thread, spin, rival, 0, err);
	if (status) {
		release(rival);
		free(rival);
		return status;
	}
	rival->confined &= !pthread_getcpuclockid(rival->thread, &rival->clock);
	*started = rival;
	return 0;
}

/* False if it ran while they were read, each time: then they do not belong together. */
static bool read_clocks(const struct rival *rival, struct clocks *clocks)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t begin = clock_ns(CLOCK_MONOTONIC);

		clocks->ran_ns = clock_ns(rival->clock);
		clocks->tsc = __rdtsc();
		clocks->ns = clock_ns(CLOCK_MONOTONIC);
		if (clocks->ns - begin < AT_ONCE_NS)
			return true;
	}
	return false;
}

uint64_t rival_cycles(struct rival *rival)
{
	struct clocks now;
	uint64_t cycles = 0;

	if (!rival || !rival->confined || !read_clocks(rival, &now))
		return 0;
	if (rival->last.ns && now.ns > rival->last.ns)
		cycles = (uint64_t)((double)(now.tsc - rival->last.tsc) *
				    (double)(now.ran_ns - rival->last.ran_ns) /
				    (double)(now.ns - rival->last.ns) * CERTAIN);
	rival->last = now;
	return cycles;
}

void rival_end(struct rival *rival)
{
	if (!rival)
		return;
	atomic_store(&rival->ended, true);
	pthread_join(rival->thread, NULL);
	release(rival);
	free(rival);
}
