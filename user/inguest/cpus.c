// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "inguest/cpus.h"

#include <ctype.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

int cpus_allowed(struct cpus *cpus, struct error *err)
{
	*cpus = (struct cpus){ 0 };
	if (!sched_getaffinity(0, sizeof(cpus->mask), (cpu_set_t *)cpus->mask))
		return 0;
	return error_set(err, STATUS_CANNOT_RUN, "sched_getaffinity: %m");
}

unsigned int cpus_count(const struct cpus *cpus)
{
	return CPU_COUNT_S(sizeof(cpus->mask), (cpu_set_t *)cpus->mask);
}

int cpus_next(const struct cpus *cpus, int cpu)
{
	for (; cpu < CPUS_MAX; cpu++)
		if (CPU_ISSET_S(cpu, sizeof(cpus->mask), (cpu_set_t *)cpus->mask))
			return cpu;
	return -1;
}

int cpus_pin(int cpu, struct error *err)
{
	struct cpus cpus = { 0 };

	CPU_SET_S(cpu, sizeof(cpus.mask), (cpu_set_t *)cpus.mask);
	if (!sched_setaffinity(0, sizeof(cpus.mask), (cpu_set_t *)cpus.mask))
		return 0;
	return error_set(err, STATUS_CANNOT_RUN, "cannot run on CPU %d: %m", cpu);
}

void cpus_restore(const struct cpus *cpus)
{
	sched_setaffinity(0, sizeof(cpus->mask), (const cpu_set_t *)cpus->mask);
}

unsigned int cpus_in_list(const char *list)
{
	unsigned int nr = 0;

	for (;;) {
		unsigned long first, last;
		char *end;

		if (!isdigit((unsigned char)*list))
			return 0;
		first = last = strtoul(list, &end, 10);
		if (*end == '-') {
			if (!isdigit((unsigned char)end[1]))
				return 0;
			last = strtoul(end + 1, &end, 10);
		}
		if (last < first || last >= CPUS_MAX)
			return 0;
		nr += last - first + 1;
		if (*end != ',')
			return *end && *end != '\n' ? 0 : nr;
		list = end + 1;
	}
}

unsigned int cpus_online(void)
{
	char list[4096];
	int fd = open("/sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, list, sizeof(list) - 1);
	close(fd);
	list[n < 0 ? 0 : n] = '\0';
	return cpus_in_list(list);
}
