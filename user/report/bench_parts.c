// SPDX-License-Identifier: GPL-2.0-only
#include "report/bench_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/parts.h"
#include "util/stats.h"

bool bench_next(const json_t *document, struct bench_group *group)
{
	const json_t *costs = json_object_get(document, "costs"), *cost;
	const char *base = doc_string(document, "base");
	size_t i = group->from + group->nr;

	*group = (struct bench_group){ .from = i };
	for (; (cost = json_array_get(costs, i)); i++, group->nr++) {
		if (!group->nr)
			group->workload = doc_string(cost, "workload");
		else if (strcmp(group->workload, doc_string(cost, "workload")))
			break;
		if (!strcmp(doc_string(cost, "observer"), base))
			group->base = cost;
	}
	return group->nr;
}

/* Of fewer rounds, low and high are the smallest and the largest. */
static bool has_interval(const json_t *document)
{
	return doc_real(document, "rounds") >= STATS_MIN_SAMPLES;
}

const char *bench_column(const json_t *document, enum bench_column column)
{
	static const char *const names[BENCH_NR_COLUMNS] = {
		[BENCH_OBSERVER] = "observer", [BENCH_CYCLES] = "cycles",
		[BENCH_MAD] = "MAD",	       [BENCH_ADDED] = "added",
		[BENCH_RATIO] = "ratio",       [BENCH_INSTRUCTIONS] = "instr.",
	};

	if (names[column])
		return names[column];
	return has_interval(document) ? "95 % interval" : "min, max";
}

unsigned int bench_nr_columns(const json_t *document)
{
	return doc_is_null(document, "no_instructions") ? BENCH_NR_COLUMNS : BENCH_INSTRUCTIONS;
}

/* "1,234", and "[1,230, 1,240]", of an estimate; "-" for null. */
static void median(const json_t *estimate, char *text, size_t size)
{
	snprintf(text, size, "%s",
		 json_is_object(estimate) ? text_real(doc_real(estimate, "median")).s : "-");
}

static void interval(const json_t *estimate, char *text, size_t size)
{
	if (json_is_object(estimate))
		snprintf(text, size, "[%s, %s]", text_real(doc_real(estimate, "low")).s,
			 text_real(doc_real(estimate, "high")).s);
	else
		snprintf(text, size, "-");
}

void bench_row(const struct bench_group *group, const json_t *cost, struct bench_row *row)
{
	const json_t *cycles = json_object_get(cost, "cycles");
	const json_t *added = json_object_get(cycles, "added");
	const json_t *instructions =
		json_object_get(json_object_get(cost, "instructions"), "added");
	/* By the same differences: with that of the medians it could be less, and the ratio more. */
	double ratio = 1 + doc_real(added, "median") /
				   doc_real(json_object_get(group->base, "cycles"), "median");

	for (int c = 0; c < BENCH_NR_COLUMNS; c++)
		row->cell[c] = row->buffer[c];
	row->cell[BENCH_OBSERVER] = doc_string(cost, "observer");
	median(cycles, row->buffer[BENCH_CYCLES], sizeof(row->buffer[0]));
	interval(cycles, row->buffer[BENCH_INTERVAL], sizeof(row->buffer[0]));
	snprintf(row->buffer[BENCH_MAD], sizeof(row->buffer[0]), "%s",
		 json_array_size(json_object_get(cycles, "samples")) > 1 ?
			 text_real(doc_real(cycles, "mad")).s :
			 "-");
	median(added, row->buffer[BENCH_ADDED], sizeof(row->buffer[0]));
	interval(added, row->buffer[BENCH_ADDED_INTERVAL], sizeof(row->buffer[0]));
	if (json_is_object(added) && fabs(ratio) < 1e9)
		snprintf(row->buffer[BENCH_RATIO], sizeof(row->buffer[0]), "%.3f", ratio);
	else
		row->cell[BENCH_RATIO] = "-";
	median(instructions, row->buffer[BENCH_INSTRUCTIONS], sizeof(row->buffer[0]));
}

const char bench_clock_note[] =
	" Under an emulator whose clock counts instructions (QEMU’s -icount)"
	" cycles are instructions.";

struct bench_note bench_note(const json_t *document)
{
	struct bench_note note;

	snprintf(note.s, sizeof(note.s),
		 "Cycles of one execution: median, its %s, median absolute deviation (MAD); added: "
		 "the same of the differences from \"%.64s\" in the same round; ratio: of the "
		 "cost with what is added to that without%s",
		 has_interval(document) ? "95 % confidence interval" :
					  "smallest and largest sample",
		 doc_string(document, "base"),
		 bench_nr_columns(document) == BENCH_NR_COLUMNS ?
			 "; instr.: the kernel's instructions that are added" :
			 "");
	/* A character may have been cut in two. */
	text_clean(note.s);
	return note;
}
