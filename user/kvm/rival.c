// SPDX-License-Identifier: GPL-2.0-only
/* cpu_set_t */
#define _GNU_SOURCE
#include "kvm/rival.h"

#include <errno.h>
#include <pthread.h>
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
	clockid_t clock; /* its CPU time */
	bool has_clock;
	/* With the thread that started it. NULL: both run anywhere, and nothing is certain. */
	struct affinity *confined;
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

int rival_start(struct rival **started, struct error *err)
{
	struct rival *rival = calloc(1, sizeof(*rival));
	int status;

	*started = NULL;
	if (!rival)
		return system_error(err, "calloc", errno);
	rival->confined = affinity_confine();
	status = thread_start(&rival->thread, spin, rival, 0, err);
	if (status) {
		affinity_release(rival->confined);
		free(rival);
		return status;
	}
	rival->has_clock = !pthread_getcpuclockid(rival->thread, &rival->clock);
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

	if (!rival || !rival->confined || !rival->has_clock || !read_clocks(rival, &now))
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
	affinity_release(rival->confined);
	free(rival);
}
