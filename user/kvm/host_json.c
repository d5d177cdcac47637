// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/host_json.h"

#include "kvm/exits.h"
#include "util/json.h"

json_t *json_host(const struct host *host)
{
	static const char *const exit_leaves[] = {
		[EXIT_LEAVES_ABSENT] = NULL,   [EXIT_LEAVES_OFF] = "off",
		[EXIT_LEAVES_OPTIN] = "optin", [EXIT_LEAVES_HOST] = "host",
		[EXIT_LEAVES_ALL] = "all",
	};

	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:o, s:o}", "cpu", host->cpu, "isa",
			 isa_name(host->isa), "kernel", host->kernel, "online_cpus", host->nr_cpus,
			 "clocksource", host->clocksource, "exit_leaves",
			 json_string_or_null(exit_leaves[host->exit_leaves]), "tsc_khz",
			 json_number(host->tsc_khz));
}
