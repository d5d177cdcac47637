// SPDX-License-Identifier: GPL-2.0-only
#include "live/losses.h"

#include <stddef.h>
#include <stdio.h>

#include "util/array.h"
#include "util/text.h"

int losses_sum(struct losses *losses, const struct tracer *tracer, uint64_t lost_entries,
	       struct error *err)
{
	const struct ec_stats *stats = tracer_stats(tracer);
	unsigned long long missed = 0;
	int status = tracer_missed(tracer, &missed, err);
	const struct {
		uint64_t nr;
		const char *what;
	} parts[] = {
		{ missed, "events that the kernel skipped" },
		{ stats->no_slot, "exits of vCPUs for which there was no room" },
		{ stats->no_map, "events for which a map was full" },
		{ stats->unread, "leaf reads of unknown vCPUs" },
		{ lost_entries, "VM entries" },
	};
	size_t n = 0;

	losses->s[0] = '\0';
	for (size_t i = 0; i < NR(parts); i++)
		if (parts[i].nr && n < sizeof(losses->s))
			n += snprintf(losses->s + n, sizeof(losses->s) - n, "%s%s %s",
				      n ? ", " : "", text_u64(parts[i].nr).s, parts[i].what);
	return status;
}
