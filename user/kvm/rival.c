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

struct rival {
	pthread_t thread;
	clockid_t clock;   /* its CPU time */
	cpu_set_t allowed; /* of the thread that started it, before */
	bool confined;
	atomic_bool ended;
	uint64_t ran_ns, tsc, ns; /* at the last call; its CPU time, and both clocks */
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

uint64_t rival_cycles(struct rival *rival)
{
	uint64_t ran_ns, tsc, ns, cycles = 0;

	if (!rival || !rival->confined)
		return 0;
	ran_ns = clock_ns(rival->clock);
	tsc = __rdtsc();
	ns = clock_ns(CLOCK_MONOTONIC);
	if (rival->ns && ns > rival->ns)
		cycles = (uint64_t)((double)(tsc - rival->tsc) * (double)(ran_ns - rival->ran_ns) /
				    (double)(ns - rival->ns) * CERTAIN);
	rival->ran_ns = ran_ns;
	rival->tsc = tsc;
	rival->ns = ns;
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
