// SPDX-License-Identifier: GPL-2.0-only
#include "live/losses.h"

#include <stddef.h>
#include <stdio.h>

#include "util/text.h"

const struct loss_kind loss_kinds[NR_LOSSES] = {
	[LOSS_SKIPPED] = { "skipped", "events that the kernel skipped" },
	[LOSS_NO_ROOM] = { "no_room", "exits of vCPUs for which there was no room" },
	[LOSS_MAP_FULL] = { "map_full", "events for which a map was full" },
	[LOSS_UNKNOWN_VCPU] = { "unknown_vcpu", "leaf reads of unknown vCPUs" },
	[LOSS_ENTRIES] = { "entries", "VM entries" },
	[LOSS_GONE] = { "gone_vcpus", "vCPUs that went, with their numbers" },
};

void losses_say(struct losses *losses)
{
	size_t n = 0;

	losses->s[0] = '\0';
	for (int i = 0; i < NR_LOSSES; i++)
		if (losses->nr[i] && n < sizeof(losses->s))
			n += snprintf(losses->s + n, sizeof(losses->s) - n, "%s%s %s",
				      n ? ", " : "", text_u64(losses->nr[i]).s, loss_kinds[i].what);
}

int losses_sum(struct losses *losses, const struct tracer *tracer, uint64_t lost_entries,
	       struct error *err)
{
	const struct ec_stats *stats = tracer_stats(tracer);
	unsigned long long missed = 0;
	int status = tracer_missed(tracer, &missed, err);

	*losses = (struct losses){ .nr = {
					   [LOSS_SKIPPED] = missed,
					   [LOSS_NO_ROOM] = stats->no_slot,
					   [LOSS_MAP_FULL] = stats->no_map,
					   [LOSS_UNKNOWN_VCPU] = stats->unread,
					   [LOSS_ENTRIES] = lost_entries,
				   } };
	losses_say(losses);
	return status;
}
