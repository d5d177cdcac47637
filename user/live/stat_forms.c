// SPDX-License-Identifier: GPL-2.0-only
#include "live/stat_forms.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "kvm/exit_details.h"
#include "kvm/exits.h"
#include "live/columns.h"
#include "live/labels.h"
#include "util/json.h"
#include "util/text.h"
#include "util/version.h"

/* What the forms are made of. */
struct rows {
	struct usage_row *row;
	unsigned int nr;
	struct usage_exits total;
	double seconds;
};

static bool take_rows(struct rows *rows, const struct stat_form *form)
{
	const struct usage_filter all = { 0 };

	rows->seconds = form->is_last ? form->usage->seconds : form->usage->interval;
	return usage_rows(form->usage, form->by, &all, !form->is_last, &rows->row, &rows->nr,
			  &rows->total);
}

static int written(FILE *to, const char *what, bool failed, struct error *err)
{
	if (!failed && !fflush(to) && !ferror(to))
		return 0;
	return error_set(err, STATUS_CANNOT_RUN, "cannot write %s: %s", what, strerror(errno));
}

/* ---- text ---- */

#define LABEL_WIDTH 22

/* The columns of the table. */
static unsigned int shown(const struct usage *usage, const struct column *list[])
{
	unsigned int nr = 0;

	for (int id = 0; id < (usage->has_parts ? COLUMN_MEAN : NR_COLUMNS); id++)
		list[nr++] = &columns[id];
	for (int i = 0; usage->has_parts && i < NR_PART_COLUMNS; i++)
		list[nr++] = &part_columns[i];
	return nr;
}

/* input: NULL for the heads. */
static void show_line(FILE *to, const struct usage *usage, const char *label, int width,
		      const struct column_input *input)
{
	const struct column *list[NR_COLUMNS + NR_PART_COLUMNS];
	unsigned int nr = shown(usage, list);

	fprintf(to, "%s%*s", label, width - text_width(label), "");
	for (unsigned int i = 0; i < nr; i++) {
		const struct text text = input ? column_cell(list[i], input) : (struct text){ "" };
		const char *cell = input ? text.s : list[i]->head;

		fprintf(to, " %*s%s", list[i]->width - text_width(cell), "", cell);
	}
	fputc('\n', to);
}

static void show_heading(FILE *to, const struct stat_form *form, const struct rows *rows)
{
	const struct usage *usage = form->usage;

	if (!form->is_last) {
		fprintf(to, "%.1f s\n", usage->seconds);
		return;
	}
	fprintf(to, "VM exits of %u VM%s", usage->nr_vms, usage->nr_vms == 1 ? "" : "s");
	if (usage->nr_vms == 1 && *usage->vms[0].name)
		fprintf(to, " (%s, process %u)", usage->vms[0].name, usage->vms[0].process);
	if (form->command)
		fprintf(to, " while %s ran, %.1f s\n", form->command, rows->seconds);
	else
		fprintf(to, " in %.1f s\n", rows->seconds);
	fprintf(to, "%s, %s, Linux %s, source: %s\n\n", form->host->cpu, isa_name(form->host->isa),
		form->host->kernel, form->source);
}

int stat_text(FILE *to, const struct stat_form *form, struct error *err)
{
	const struct proof_verdict verdict = proof_verdict(form->proof);
	struct column_input input = { .usage = form->usage };
	int width = LABEL_WIDTH;
	struct rows rows;

	if (!take_rows(&rows, form))
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	input.seconds = rows.seconds;
	show_heading(to, form, &rows);
	for (unsigned int i = 0; i < rows.nr; i++) {
		int wanted = text_width(row_label(form->host->isa, &rows.row[i]).s);

		width = wanted > width ? wanted : width;
	}
	if (rows.nr)
		show_line(to, form->usage,
			  form->by == USAGE_BY_VM    ? "VM" :
			  form->by & USAGE_BY_VCPU   ? "VM, vCPU" :
			  form->by & USAGE_BY_DETAIL ? "exit reason, detail" :
						       "exit reason",
			  width, NULL);
	for (unsigned int i = 0; i < rows.nr; i++) {
		input.exits = &rows.row[i].sum;
		show_line(to, form->usage, row_label(form->host->isa, &rows.row[i]).s, width,
			  &input);
	}
	input.exits = &rows.total;
	show_line(to, form->usage, "total", width, &input);
	fputc('\n', to);
	if (form->outliers)
		outliers_text(to, form->host->isa, form->usage, form->outliers);
	if (form->is_last)
		fprintf(to, "%s\n", verdict.text);
	else if (!verdict.complete)
		fprintf(to, "%s\n\n", verdict.text);
	free(rows.row);
	return written(to, "the table", false, err);
}

/* ---- JSON ---- */

static json_t *exits_json(const struct column_input *input)
{
	const struct usage_exits *exits = input->exits;
	json_t *json = json_object();

	for (int id = 0; id < NR_COLUMNS; id++)
		column_add_json(json, &columns[id], input);
	for (int i = 0; input->usage->has_parts && i < NR_PART_COLUMNS; i++)
		column_add_json(json, &part_columns[i], input);
	json_object_set_new(json, "ended", json_number(exits->ended));
	json_object_set_new(json, "ended_ns", json_number(exits->ns));
	json_object_set_new(json, "max_is_bound", json_boolean(exits->max_is_bound));
	return json;
}

/* Where a quantile is for sure. */
static void add_range(json_t *json, const char *name, const struct column_input *input, double part)
{
	struct usage_quantile quantile;

	json_object_set_new(json, name,
			    usage_quantile(input->usage, input->exits, part, &quantile) ?
				    json_pack("[f, f]", quantile.low, quantile.high) :
				    json_null());
}

static struct exit_detail row_detail(const struct stat_form *form, const struct usage_row *row)
{
	if (!row->has_detail)
		return (struct exit_detail){ .text = "" };
	return exit_detail(form->host->isa, row->index, row->detail);
}

static void add_detail(json_t *json, const struct stat_form *form, const struct usage_row *row)
{
	const struct exit_detail detail = row_detail(form, row);

	json_object_set_new(json, "detail", json_string_or_null(detail.text));
	json_object_set_new(json, "detail_number",
			    detail.has_number ? json_number(detail.number) : json_null());
	json_object_set_new(json, "access", json_string_or_null(detail.access));
	json_object_set_new(json, "bytes", detail.bytes ? json_integer(detail.bytes) : json_null());
}

/* What the exits of a row have in common. */
static void add_what(json_t *json, const struct stat_form *form, const struct usage_row *row,
		     bool has_detail)
{
	unsigned int number;

	if (row->vm) {
		json_object_set_new(json, "vm", json_integer(row->vm->number));
		json_object_set_new(json, "vm_name", json_string_or_null(row->vm->name));
		json_object_set_new(json, "process", json_integer(row->vm->process));
	}
	if (row->vcpu)
		json_object_set_new(json, "vcpu", json_integer(row->vcpu->id));
	if (has_detail)
		add_detail(json, form, row);
	if (row->index < 0)
		return;
	if (!exit_number(form->host->isa, row->index, &number)) {
		json_object_set_new(json, "number", json_null());
		json_object_set_new(json, "reason", json_null());
		return;
	}
	json_object_set_new(json, "number", json_integer(number));
	json_object_set_new(json, "reason", json_string(exit_name(form->host->isa, number)));
}

static json_t *row_json(const struct stat_form *form, const struct column_input *input,
			const struct usage_row *row)
{
	json_t *json = exits_json(input);

	add_range(json, "p50_range_ns", input, 0.5);
	add_range(json, "p99_range_ns", input, 0.99);
	add_what(json, form, row, form->by & USAGE_BY_DETAIL);
	return json;
}

static json_t *outliers_json(const struct stat_form *form)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < form->outliers->nr; i++) {
		const struct ec_outlier *outlier = &form->outliers->list[i];
		const struct usage_row row = outlier_row(form->usage, outlier);
		json_t *json = json_object();

		outlier_add_json(json, form->outliers, outlier);
		add_what(json, form, &row, true);
		json_array_append_new(list, json);
	}
	return json_pack("{s:o, s:o, s:o}", "over_ns", json_number(form->outliers->over_ns), "list",
			 list, "dropped", json_number(form->outliers->dropped));
}

static json_t *stat_json_of(const struct proof_stat *stat)
{
	return json_pack("{s:o, s:i, s:o, s:i, s:i, s:o, s:o}", "not_compared",
			 json_string_or_null(stat->not_compared), "vcpus", (int)stat->vcpus,
			 "exits", json_number(stat->exits), "under_way", (int)stat->under_way,
			 "differ", (int)stat->differ, "more", json_number(stat->more), "fewer",
			 json_number(stat->fewer));
}

static json_t *vms_json(const struct usage *usage)
{
	json_t *vms = json_array();

	for (unsigned int i = 0; i < usage->nr_vms; i++) {
		const struct usage_vm *vm = &usage->vms[i];

		json_array_append_new(vms, json_pack("{s:i, s:o, s:i, s:i, s:i, s:i}", "vm",
						     (int)vm->number, "vm_name",
						     json_string_or_null(vm->name), "process",
						     (int)vm->process, "vcpus", (int)vm->vcpus,
						     "gone", (int)vm->gone, "late", (int)vm->late));
	}
	return vms;
}

int stat_json(FILE *to, const struct stat_form *form, struct error *err)
{
	const struct proof_verdict verdict = proof_verdict(form->proof);
	struct column_input input = { .usage = form->usage };
	json_t *document, *list = json_array(), *total;
	struct rows rows;
	bool failed;

	if (!take_rows(&rows, form)) {
		json_decref(list);
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	}
	input.seconds = rows.seconds;
	for (unsigned int i = 0; i < rows.nr; i++) {
		input.exits = &rows.row[i].sum;
		json_array_append_new(list, row_json(form, &input, &rows.row[i]));
	}
	input.exits = &rows.total;
	total = exits_json(&input);
	add_range(total, "p50_range_ns", &input, 0.5);
	add_range(total, "p99_range_ns", &input, 0.99);
	document = json_pack("{s:i, s:s, s:s, s:s, s:f, s:f, s:b, s:o, s:o, s:o, s:o, s:i, s:o,"
			     " s:o, s:b, s:s}",
			     "schema_version", STAT_SCHEMA_VERSION, "document", "stat", "isa",
			     isa_name(form->host->isa), "source", form->source, "seconds",
			     form->usage->seconds, "interval_seconds", rows.seconds, "is_last",
			     form->is_last, "vms", vms_json(form->usage), "rows", list, "total",
			     total, "lost", json_string_or_null(form->proof->lost.s), "unaccounted",
			     (int)form->proof->unaccounted, "kvm_statistic",
			     stat_json_of(&form->proof->stat), "kvm_account",
			     stat_json_of(&form->proof->account), "complete", verdict.complete,
			     "verdict", verdict.text);
	json_object_set_new(document, "outliers",
			    form->outliers ? outliers_json(form) : json_null());
	failed = !document || json_dumpf(document, to, JSON_COMPACT) || fputc('\n', to) == EOF;
	json_decref(document);
	free(rows.row);
	return written(to, "JSON", failed, err);
}

/* ---- CSV ---- */

/* Quoted, whatever is in it. */
static void csv_string(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++)
		fprintf(to, *text == '"' ? "\"\"" : "%c", *text);
	fputc('"', to);
}

static void csv_column(FILE *to, const struct column *column, const struct column_input *input)
{
	double value;

	fputc(',', to);
	if (column->value(input, &value))
		fprintf(to, column->is_whole ? "%.0f" : "%.6g", value);
}

static void csv_row(FILE *to, const struct stat_form *form, const struct column_input *input,
		    const struct usage_row *row)
{
	unsigned int number;

	fprintf(to, "%.3f,%.3f,%s,", form->usage->seconds, input->seconds,
		form->is_last ? "all" : "interval");
	if (row->vm) {
		fprintf(to, "%u,", row->vm->number);
		csv_string(to, row->vm->name);
		fprintf(to, ",%u,", row->vm->process);
	} else {
		fprintf(to, ",,,");
	}
	if (row->vcpu)
		fprintf(to, "%u", row->vcpu->id);
	if (row->index >= 0 && exit_number(form->host->isa, row->index, &number))
		fprintf(to, ",%u,%s", number, exit_name(form->host->isa, number));
	else
		fprintf(to, ",,");
	for (int id = 0; id < NR_COLUMNS; id++)
		csv_column(to, &columns[id], input);
	fputc(',', to);
	if (row->has_detail)
		csv_string(to, row_detail(form, row).text);
	for (int i = 0; input->usage->has_parts && i < NR_PART_COLUMNS; i++)
		csv_column(to, &part_columns[i], input);
	fputc('\n', to);
}

int stat_csv(FILE *to, const struct stat_form *form, bool is_first, struct error *err)
{
	struct column_input input = { .usage = form->usage };
	struct rows rows;

	if (!take_rows(&rows, form))
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	input.seconds = rows.seconds;
	if (is_first) {
		fprintf(to, "seconds,interval_seconds,of,vm,vm_name,process,vcpu,number,reason");
		for (int id = 0; id < NR_COLUMNS; id++)
			fprintf(to, ",%s", columns[id].name);
		fprintf(to, ",detail");
		for (int i = 0; form->usage->has_parts && i < NR_PART_COLUMNS; i++)
			fprintf(to, ",%s", part_columns[i].name);
		fputc('\n', to);
	}
	for (unsigned int i = 0; i < rows.nr; i++) {
		input.exits = &rows.row[i].sum;
		csv_row(to, form, &input, &rows.row[i]);
	}
	free(rows.row);
	return written(to, "CSV", false, err);
}
