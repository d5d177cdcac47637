// SPDX-License-Identifier: GPL-2.0-only
#include "run/clocks.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "util/clock.h"
#include "util/stats.h"

#define SUSPENDS "/sys/power/suspend_stats/success"
#define STEP_READINGS 256
#define CLOCKS_NS 50000000 /* between two checks: long against the time of one */

/* The closest of several pairs. */
struct result_clock clocks_read(void)
{
	struct result_clock best = { 0 };
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 16; i++) {
		uint64_t before = __rdtsc(), now = clock_ns(CLOCK_MONOTONIC), after = __rdtsc();

		if (after - before >= least)
			continue;
		least = after - before;
		best.tsc = before + (after - before) / 2;
		best.ns = now;
	}
	return best;
}

uint64_t clocks_tsc_step(void)
{
	uint64_t step = 0, last = __rdtsc();

	for (int i = 0; i < STEP_READINGS; i++) {
		const uint64_t now = __rdtsc();

		step = greatest_divisor(step, now - last);
		last = now;
	}
	return step;
}

struct result_clock clocks_mark(void)
{
	struct result_clock now = clocks_read();
	FILE *file = fopen(SUSPENDS, "re");
	unsigned long long suspends = 0;

	if (file) {
		if (fscanf(file, "%llu", &suspends) != 1)
			suspends = 0;
		fclose(file);
	}
	now.suspends = suspends;
	/* CLOCK_BOOTTIME goes on while CLOCK_MONOTONIC stands still. Preempted in between, they differ by less. */
	for (int i = 0; i < 16; i++) {
		uint64_t boot = clock_ns(CLOCK_BOOTTIME), ns = clock_ns(CLOCK_MONOTONIC);

		if (boot > ns + now.suspended_ns)
			now.suspended_ns = boot - ns;
	}
	return now;
}

/* Cycles of leaf and eBPF compare only while eBPF's clock runs at one rate: others may slew it. */
void clocks_check(struct session *session)
{
	struct result *result = session->result;
	struct result_clock now = clocks_read();
	char clocksource[sizeof(result->next_clocksource)];
	double khz;

	if (now.ns - session->clocks.ns < CLOCKS_NS)
		return;
	khz = (double)(now.tsc - session->clocks.tsc) / (double)(now.ns - session->clocks.ns) * 1e6;
	session->clocks = now;
	if (result->slowest_khz == 0 || khz < result->slowest_khz)
		result->slowest_khz = khz;
	if (khz > result->fastest_khz)
		result->fastest_khz = khz;
	host_read_clocksource(clocksource, sizeof(clocksource));
	if (!*result->next_clocksource && strcmp(clocksource, result->host.clocksource))
		memcpy(result->next_clocksource, clocksource, sizeof(clocksource));
}
