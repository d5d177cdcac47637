// SPDX-License-Identifier: GPL-2.0-only
#include "inguest/forms.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kvm/exits.h"
#include "util/text.h"
#include "util/version.h"

#define COLUMNS 80
#define DEAREST 5 /* rows for a command */
#define NR_CELLS 6

/* ---- text ---- */

/* A row as it is shown: number, reason, exits, time, mean, share. */
struct line {
	struct text cell[NR_CELLS];
};

/* Time where the host's clock is known, cycles where it is not. */
static struct text time_text(const struct source *source, double cycles)
{
	if (source->host.tsc_khz)
		return text_duration(cycles * 1e6 / source->host.tsc_khz);
	return text_real(cycles);
}

static void fill(struct line *line, const struct form *form, const struct table *table,
		 const struct row *row)
{
	struct text *cell = &line->cell[2];

	*cell++ = text_u64(row->exits);
	if (!form->source->leaves.cycles)
		return;
	*cell++ = time_text(form->source, row->cycles);
	if (row->exits)
		*cell = time_text(form->source, (double)row->cycles / (double)row->exits);
	cell++;
	if (table->total.cycles)
		snprintf(cell->s, sizeof(cell->s), "%.1f %%",
			 100.0 * (double)row->cycles / (double)table->total.cycles);
}

static struct line reason_line(const struct form *form, const struct table *table,
			       const struct row *row)
{
	const char *name = exit_name(form->source->isa, row->number);
	struct line line = { 0 };

	line.cell[0] = text_exit(form->source->isa, row->number);
	snprintf(line.cell[1].s, sizeof(line.cell[1].s), "%s", name ? name : "");
	fill(&line, form, table, row);
	return line;
}

static struct line sum_line(const struct form *form, const struct table *table, const char *name,
			    const struct row *row)
{
	struct line line = { 0 };

	snprintf(line.cell[1].s, sizeof(line.cell[1].s), "%s", name);
	fill(&line, form, table, row);
	return line;
}

/* The rows that a command does not show. */
static struct row rest_of(const struct table *table, unsigned int from)
{
	struct row rest = { 0 };

	for (unsigned int i = from; i < table->nr; i++) {
		rest.exits += table->rows[i].exits;
		rest.cycles += table->rows[i].cycles;
	}
	return rest;
}

static void widen(int *width, const struct line *line)
{
	for (unsigned int i = 0; i < NR_CELLS; i++)
		if (text_width(line->cell[i].s) > width[i])
			width[i] = text_width(line->cell[i].s);
}

static void print_line(struct out *out, const int *width, const struct line *line, enum color color)
{
	out_color(out, color);
	for (unsigned int i = 0; i < NR_CELLS; i++) {
		if (!width[i])
			continue;
		out_print(out, "%s", i ? " " : "");
		if (i == 1)
			out_print(out, "%-*.*s", width[i], width[i], line->cell[i].s);
		else
			out_cell(out, width[i], line->cell[i].s);
	}
	out_color_end(out, color);
	out_print(out, "\n");
}

/* A reason is cut where the rest leaves it no room: the widest of all columns never come together. */
static void fit(int *width)
{
	int used = NR_CELLS - 1;

	for (unsigned int i = 0; i < NR_CELLS; i++)
		used += width[i];
	if (used > COLUMNS)
		width[1] -= used - COLUMNS;
}

static void print_rows(struct out *out, const struct form *form, const struct table *table)
{
	static const struct line with_time = {
		.cell = { { "exit" }, { "reason" }, { "exits" }, { "time" }, { "mean" }, { "share" } }
	};
	struct line head = with_time;
	unsigned int shown = form->command && table->nr > DEAREST ? DEAREST : table->nr;
	const struct row rest = rest_of(table, shown);
	int width[NR_CELLS] = { 10, 0, 10, 10, 10, 7 };
	struct line line;
	char more[28];

	if (!form->source->host.tsc_khz) {
		snprintf(head.cell[3].s, sizeof(head.cell[3].s), "cycles");
		width[3] = 17;
	}
	if (!form->source->leaves.cycles)
		memset(&width[3], 0, 3 * sizeof(width[0]));
	snprintf(more, sizeof(more), "%u more", table->nr - shown);
	widen(width, &(const struct line){ .cell[1] = { "reason" } });
	widen(width, &(const struct line){ .cell[2] = text_u64(table->total.exits) });
	for (unsigned int i = 0; i < shown; i++) {
		line = reason_line(form, table, &table->rows[i]);
		widen(width, &line);
	}
	fit(width);
	print_line(out, width, &head, COLOR_BOLD);
	for (unsigned int i = 0; i < shown; i++) {
		line = reason_line(form, table, &table->rows[i]);
		print_line(out, width, &line, COLOR_NONE);
	}
	if (shown < table->nr) {
		line = sum_line(form, table, more, &rest);
		print_line(out, width, &line, COLOR_NONE);
	}
	if (table->other.exits) {
		line = sum_line(form, table, "undefined", &table->other);
		print_line(out, width, &line, COLOR_NONE);
	}
	line = sum_line(form, table, "total", &table->total);
	print_line(out, width, &line, COLOR_BOLD);
}

static void print_heading(struct out *out, const struct form *form, const struct table *table)
{
	const struct source *source = form->source;
	struct text span = text_duration((double)table->wall_ns);
	char command[21];

	snprintf(command, sizeof(command), "%s", form->command ? form->command : "");
	text_clean(command);
	out_color(out, COLOR_BOLD);
	out_print(out, "VM exits of ");
	if (table->cpu >= 0)
		out_print(out, "the vCPU of CPU %d", table->cpu);
	else
		out_print(out, "%s",
			  source->foreign ? "this VM, or of the whole host" : "all vCPUs");
	if (table->anew || table->since_birth)
		out_print(out, " since %s",
			  source->foreign ? "the counters began" :
			  table->anew	  ? "the counters began anew" :
					    "the VM was created");
	else if (form->command)
		out_print(out, " while %s ran", command);
	else
		out_print(out, " in %s", span.s);
	out_color_end(out, COLOR_BOLD);
	out_print(out, "\n");

	out_color(out, COLOR_DIM);
	if (source->foreign)
		out_print(out, "%s; the leaves tell neither their scope nor the TSC's rate",
			  isa_name(source->isa));
	else
		out_print(out, "%s, host's TSC %s kHz", isa_name(source->isa),
			  text_u64(source->host.tsc_khz).s);
	out_color_end(out, COLOR_DIM);
	out_print(out, "\n");
}

static void print_remarks(struct out *out, const struct form *form, const struct table *table)
{
	const struct source *source = form->source;
	bool is_unstable = !source->foreign && !(source->host.features & LEAF_FEATURE_STABLE_TSC);

	if (!table->anew && !is_unstable)
		return;
	out_color(out, COLOR_YELLOW);
	if (table->anew)
		out_print(out, "The counters began anew: the VM was restored, or moved to another"
			       " host.\nIts exits before that are lost.\n");
	if (is_unstable)
		out_print(out, "The host's TSCs are not synchronized: the time of a vCPU that"
			       " changes CPUs\nmeans nothing.\n");
	out_color_end(out, COLOR_YELLOW);
}

/* "1,234 exits took 1.02 s: 25.5 % of 4.00 s on 1 vCPU." */
static void print_share(struct out *out, const struct form *form, const struct table *table)
{
	double ns = table_ns(form->source, table->total.cycles);
	double halted = table_ns(form->source, table->halted.cycles);
	double wall = (double)table->wall_ns * form->vcpus;

	if (!table->wall_ns || table->anew || ns < 0)
		return;
	out_print(out, "%s exits took %s", text_u64(table->total.exits).s, text_duration(ns).s);
	if (form->vcpus)
		out_print(out, ": %.1f %% of %s on %u vCPU%s", 100 * ns / wall,
			  text_duration((double)table->wall_ns).s, form->vcpus,
			  form->vcpus == 1 ? "" : "s");
	out_print(out, ".\n");
	if (form->vcpus)
		out_print(out, "Halted: %.1f %%.\n", 100 * halted / wall);
}

void form_text(struct out *out, const struct form *form, const struct table *table)
{
	print_heading(out, form, table);
	print_remarks(out, form, table);
	out_print(out, "\n");
	print_rows(out, form, table);
	out_print(out, "\n");
	print_share(out, form, table);
	out_print(out, "Left out: %s CPUID exit%s of exitcheck-guest itself.\n",
		  text_u64(table->own).s, table->own == 1 ? "" : "s");
}

/* ---- JSON ---- */

/* As in all documents of exitcheck: what a signed integer does not hold is a string. */
static struct text json_u64(uint64_t value)
{
	struct text text;

	snprintf(text.s, sizeof(text.s), value <= INT64_MAX ? "%" PRIu64 : "\"%" PRIu64 "\"",
		 value);
	return text;
}

/* A text that text_clean() has seen. */
static void json_string(struct out *out, const char *text)
{
	out_print(out, "\"");
	for (; *text; text++)
		out_print(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	out_print(out, "\"");
}

static void json_row(struct out *out, const struct form *form, const struct row *row)
{
	double ns = table_ns(form->source, row->cycles);
	uint64_t whole = ns < 0 ? 0 : ns < 1.8e19 ? (uint64_t)ns : UINT64_MAX;

	out_print(out, "\"exits\":%s,\"cycles\":", json_u64(row->exits).s);
	if (!form->source->leaves.cycles)
		out_print(out, "null,\"ns\":null");
	else if (ns < 0)
		out_print(out, "%s,\"ns\":null", json_u64(row->cycles).s);
	else
		out_print(out, "%s,\"ns\":%s", json_u64(row->cycles).s, json_u64(whole).s);
}

void form_json_begin(struct out *out, const struct form *form, const struct table *first)
{
	const struct source *source = form->source;

	out_print(out, "{\"schema_version\":%d,\"exitcheck_guest\":\"%s\",", INGUEST_SCHEMA_VERSION,
		  EXITCHECK_VERSION);
	out_print(out, "\"isa\":\"%s\",\"scope\":\"%s\",", isa_name(source->isa),
		  source->foreign  ? "unknown" :
		  source->per_vcpu ? "vcpu" :
				     "vm");
	if (source->foreign)
		out_print(out, "\"abi_version\":null,\"tsc_khz\":null,\"stable_tsc\":null,");
	else
		out_print(out, "\"abi_version\":%u,\"tsc_khz\":%u,\"stable_tsc\":%s,",
			  source->host.abi_version, source->host.tsc_khz,
			  source->host.features & LEAF_FEATURE_STABLE_TSC ? "true" : "false");
	out_print(out, "\"since\":\"%s\",\"anew\":%s,",
		  first->since_birth && !first->anew ? "birth" :
		  form->command			     ? "command" :
						       "interval",
		  first->anew ? "true" : "false");
	if (form->command)
		out_print(out, "\"command_status\":%d,", form->status);
	out_print(out, "\"vcpus\":");
	out_print(out, form->vcpus ? "%u" : "null", form->vcpus);
	out_print(out, ",\"tables\":[");
}

void form_json_table(struct out *out, const struct form *form, const struct table *table)
{
	out_print(out, "{\"cpu\":");
	out_print(out, table->cpu < 0 ? "null" : "%d", table->cpu);
	out_print(out, ",\"wall_ns\":%s,", table->wall_ns ? json_u64(table->wall_ns).s : "null");
	out_print(out, "\"own_exits\":%s,\"total\":{", json_u64(table->own).s);
	json_row(out, form, &table->total);
	out_print(out, "},\"undefined\":{");
	json_row(out, form, &table->other);
	out_print(out, "},\"halted\":{");
	json_row(out, form, &table->halted);
	out_print(out, "},\"reasons\":[");
	for (unsigned int i = 0; i < table->nr; i++) {
		const struct row *row = &table->rows[i];
		const char *name = exit_name(form->source->isa, row->number);

		out_print(out, "%s{\"number\":%u,\"name\":", i ? "," : "", row->number);
		out_print(out, name ? "\"%s\"," : "null,", name);
		json_row(out, form, row);
		out_print(out, "}");
	}
	out_print(out, "]}");
}

void form_json_end(struct out *out)
{
	out_print(out, "]}\n");
}

void form_json_error(struct out *out, const char *text)
{
	out_print(out, "{\"schema_version\":%d,\"error\":", INGUEST_SCHEMA_VERSION);
	json_string(out, text);
	out_print(out, "}\n");
}
