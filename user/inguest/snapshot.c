// SPDX-License-Identifier: GPL-2.0-only
#include "inguest/snapshot.h"

#include <time.h>

static int read_total(struct snapshot *snapshot, unsigned int which, const struct source *source,
		      struct reader *reader, struct error *err)
{
	const struct leaf_numbers *leaves = &source->leaves;
	struct reading *total = &snapshot->total[which];
	int status = 0;

	*total = (struct reading){ 0 };
	if (leaves->total_exits)
		status = source_read(source, reader, leaves->total_exits, 0, &total->exits, err);
	snapshot->own_total[which] = reader->executed;
	if (!status && leaves->total_cycles)
		status = source_read(source, reader, leaves->total_cycles, 0, &total->cycles, err);
	return status;
}

int snapshot_take(struct snapshot *snapshot, const struct source *source, struct reader *reader,
		  struct error *err)
{
	const struct leaf_numbers *leaves = &source->leaves;
	struct timespec now;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &now);
	snapshot->clock_ns = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;

	status = read_total(snapshot, 0, source, reader, err);
	for (unsigned int i = 0; i < source->nr && !status; i++) {
		struct reading *reason = &snapshot->reason[i];

		*reason = (struct reading){ 0 };
		status = source_read(source, reader, leaves->exits, source->number[i],
				     &reason->exits, err);
		if (!i)
			snapshot->own = reader->executed;
		/* Exits that have not happened took no time: half of the reads are saved. */
		if (!status && reason->exits && leaves->cycles)
			status = source_read(source, reader, leaves->cycles, source->number[i],
					     &reason->cycles, err);
	}
	return status ? status : read_total(snapshot, 1, source, reader, err);
}

bool snapshot_went_down(const struct source *source, const struct snapshot *from,
			const struct snapshot *to)
{
	for (unsigned int i = 0; i < source->nr; i++) {
		uint64_t before = from->reason[i].exits, after = to->reason[i].exits;

		/* Foreign counts have 32 bits and may wrap. */
		if (source->foreign ? (int32_t)(after - before) < 0 : after < before)
			return true;
	}
	return false;
}
