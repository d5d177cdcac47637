// SPDX-License-Identifier: GPL-2.0-only
#include "inguest/table.h"

#include <stdlib.h>

static int dearer(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->cycles != y->cycles)
		return x->cycles < y->cycles ? 1 : -1;
	if (x->exits != y->exits)
		return x->exits < y->exits ? 1 : -1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static uint64_t exits_between(const struct source *source, uint64_t from, uint64_t to)
{
	return source->foreign ? (uint32_t)(to - from) : to - from;
}

static bool is_halt(enum exit_isa isa, uint32_t number)
{
	return isa == EXIT_ISA_VMX ? number == 12 : number == 0x78 || number == 0xa6;
}

/*
 * Takes own CPUID exits out of a row. Their number is exact; their time is not known one by one: the mean of
 * all CPUID exits stands for it.
 */
static void take_out(struct row *row, const struct row *cpuid, uint64_t own)
{
	double mean = cpuid->exits ? (double)cpuid->cycles / (double)cpuid->exits : 0;
	uint64_t cycles = (uint64_t)(mean * (double)own);

	row->cycles -= cycles < row->cycles ? cycles : row->cycles;
	row->exits -= own < row->exits ? own : row->exits;
	if (!row->exits)
		row->cycles = 0;
}

/* Exits of the total, whose reads are within those of every reason, that are of no reason. */
static struct row find_other(const struct source *source, const struct row *all,
			     const struct row *sum)
{
	struct row other = { 0 };

	if (!source->leaves.total_exits || all->exits <= sum->exits)
		return other;
	other.exits = all->exits - sum->exits;
	if (source->leaves.total_cycles && all->cycles > sum->cycles)
		other.cycles = all->cycles - sum->cycles;
	return other;
}

void table_make(struct table *table, const struct source *source, const struct snapshot *from,
		const struct snapshot *to, uint64_t base)
{
	static const struct reading zero;
	const struct reading *before = from ? &from->total[1] : &zero;
	const uint64_t own_in_total = to->own_total[0] - (from ? from->own_total[1] : base);
	struct row all = {
		.exits = exits_between(source, before->exits, to->total[0].exits),
		.cycles = to->total[0].cycles - before->cycles,
	};

	*table = (struct table){
		.cpu = -1,
		.since_birth = !from,
		.wall_ns = from ? to->clock_ns - from->clock_ns : 0,
		.own = to->own - (from ? from->own : base),
	};
	for (unsigned int i = 0; i < source->nr; i++) {
		struct row row = { .number = source->number[i] };

		before = from ? &from->reason[i] : &zero;
		row.exits = exits_between(source, before->exits, to->reason[i].exits);
		row.cycles = to->reason[i].cycles - before->cycles;
		if (!i) {
			take_out(&all, &row, own_in_total);
			take_out(&row, &row, table->own);
		}
		if (is_halt(source->isa, row.number)) {
			table->halted.exits += row.exits;
			table->halted.cycles += row.cycles;
		}
		table->total.exits += row.exits;
		table->total.cycles += row.cycles;
		if (row.exits || row.cycles)
			table->rows[table->nr++] = row;
	}
	table->other = find_other(source, &all, &table->total);
	table->total.exits += table->other.exits;
	table->total.cycles += table->other.cycles;
	qsort(table->rows, table->nr, sizeof(table->rows[0]), dearer);
}

double table_ns(const struct source *source, uint64_t cycles)
{
	return source->host.tsc_khz ? (double)cycles * 1e6 / source->host.tsc_khz : -1;
}
