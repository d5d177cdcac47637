// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints this machine's TSC rate in kHz.  The emulated host reads the same TSC, and cannot
 * measure it itself on a busy machine: it is itself kept waiting while it does.
 */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define NSEC_PER_SEC 1000000000LL
#define INTERVAL_NS 50000000LL
#define TRIES 100

struct instant {
	long long ns;
	long long tsc;
};

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

/* Both clocks at once: of several tries the one that was interrupted least. */
static struct instant instant_now(void)
{
	struct instant best = { 0 };
	long long shortest = NSEC_PER_SEC;

	for (int i = 0; i < TRIES; i++) {
		long long before = now_ns();
		long long tsc = (long long)__rdtsc();
		long long took = now_ns() - before;

		if (took < shortest) {
			shortest = took;
			best = (struct instant){ .ns = before + took / 2, .tsc = tsc };
		}
	}
	return best;
}

int main(void)
{
	const struct timespec interval = { .tv_nsec = INTERVAL_NS };
	struct instant start = instant_now(), end;

	nanosleep(&interval, NULL);
	end = instant_now();
	printf("%lld\n", (end.tsc - start.tsc) * 1000000 / (end.ns - start.ns));
	return 0;
}
