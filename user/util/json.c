// SPDX-License-Identifier: GPL-2.0-only
#include "util/json.h"

#include <inttypes.h>
#include <stdio.h>

json_t *json_number(uint64_t value)
{
	char text[24];

	if (value <= INT64_MAX)
		return json_integer((json_int_t)value);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_string(text);
}

json_t *json_string_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

json_t *json_host(const struct host *host, uint32_t tsc_khz)
{
	static const char *const exit_leaves[] = {
		[EXIT_LEAVES_ABSENT] = NULL,
		[EXIT_LEAVES_OFF] = "off",
		[EXIT_LEAVES_OPTIN] = "optin",
		[EXIT_LEAVES_ALL] = "all",
	};

	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:o, s:o}", "cpu", host->cpu, "isa",
			 isa_name(host->isa), "kernel", host->kernel, "online_cpus", host->nr_cpus,
			 "clocksource", host->clocksource, "exit_leaves",
			 json_string_or_null(exit_leaves[host->exit_leaves]), "tsc_khz",
			 json_number(tsc_khz));
}
