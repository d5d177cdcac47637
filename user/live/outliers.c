// SPDX-License-Identifier: GPL-2.0-only
#include "live/outliers.h"

#include <string.h>

#include "live/columns.h"
#include "live/labels.h"
#include "util/json.h"
#include "util/text.h"

#define AT_WIDTH 11

/* What the columns are computed from: of eBPF, which has the parts of each. */
static const struct usage has_parts = { .has_parts = true };

static const struct column *column(int i)
{
	return i ? &part_columns[i - 1] : &columns[COLUMN_TIME];
}

#define NR_OUTLIER_COLUMNS (1 + NR_PART_COLUMNS)

struct usage_row outlier_row(const struct usage *usage, const struct ec_outlier *outlier)
{
	struct usage_row row = {
		.index = (int)outlier->index,
		.has_detail = outlier->detail,
		.detail = outlier->detail,
		.sum = { .exits = 1, .ended = 1, .ns = outlier->time, .time_ns = outlier->time },
	};

	for (int i = 0; i < EC_NR_PARTS; i++)
		row.sum.part_ns[i] = outlier->part[i];
	for (unsigned int i = 0; i < usage->nr_vcpus; i++)
		if (usage->vcpus[i]->key == outlier->slot)
			row.vcpu = usage->vcpus[i];
	for (unsigned int i = 0; row.vcpu && i < usage->nr_vms; i++)
		if (usage->vms[i].number == row.vcpu->vm)
			row.vm = &usage->vms[i];
	return row;
}

/* The name of who ran meanwhile, clean; empty: nobody did. */
struct comm {
	char s[sizeof(((struct ec_outlier *)NULL)->ran.comm) + 1];
};

static struct comm comm_of(const struct ec_outlier *outlier)
{
	struct comm comm = { "" };

	if (outlier->ran.pid)
		memcpy(comm.s, outlier->ran.comm, sizeof(outlier->ran.comm));
	text_clean(comm.s);
	return comm;
}

static double seconds(const struct outliers *outliers, const struct ec_outlier *outlier)
{
	return (double)(int64_t)(outlier->end - outliers->begin) / 1e9;
}

static void show(FILE *to, enum exit_isa isa, const struct usage_row *row,
		 const struct outliers *outliers, const struct ec_outlier *outlier, int width)
{
	const struct column_input input = { .usage = &has_parts, .exits = &row->sum };
	const struct label label = row_label(isa, row);

	fprintf(to, "%s%*s%*.6f", label.s, width - text_width(label.s), "", AT_WIDTH,
		seconds(outliers, outlier));
	for (int i = 0; i < NR_OUTLIER_COLUMNS; i++) {
		const struct text cell = column_cell(column(i), &input);

		fprintf(to, " %*s%s", column(i)->width - text_width(cell.s), "", cell.s);
	}
	if (outlier->ran.pid)
		fprintf(to, "  %s (%u)", comm_of(outlier).s, outlier->ran.pid);
	fputc('\n', to);
}

void outliers_text(FILE *to, enum exit_isa isa, const struct usage *usage,
		   const struct outliers *outliers)
{
	char head[64];
	int width;

	snprintf(head, sizeof(head), "exit over %s", text_duration((double)outliers->over_ns).s);
	width = text_width(head);
	for (unsigned int i = 0; i < outliers->nr; i++) {
		const struct usage_row row = outlier_row(usage, &outliers->list[i]);
		const int wanted = text_width(row_label(isa, &row).s);

		width = wanted > width ? wanted : width;
	}
	if (outliers->nr) {
		fprintf(to, "%s%*s%*s", head, width - text_width(head), "", AT_WIDTH, "ended at s");
		for (int i = 0; i < NR_OUTLIER_COLUMNS; i++)
			fprintf(to, " %*s", column(i)->width, column(i)->head);
		fprintf(to, "  ran meanwhile\n");
	}
	for (unsigned int i = 0; i < outliers->nr; i++) {
		const struct usage_row row = outlier_row(usage, &outliers->list[i]);

		show(to, isa, &row, outliers, &outliers->list[i], width);
	}
	fprintf(to, "%s exit%s over %s", outliers->nr ? text_u64(outliers->nr).s : "no",
		outliers->nr > 1 ? "s" : "", text_duration((double)outliers->over_ns).s);
	if (outliers->dropped)
		fprintf(to, "; %s more were dropped: too many at a time",
			text_u64(outliers->dropped).s);
	fprintf(to, "\n\n");
}

void outlier_add_json(json_t *json, const struct outliers *outliers,
		      const struct ec_outlier *outlier)
{
	const struct usage none = { 0 };
	const struct usage_row row = outlier_row(&none, outlier);
	const struct column_input input = { .usage = &has_parts, .exits = &row.sum };

	json_object_set_new(json, "seconds", json_real(seconds(outliers, outlier)));
	for (int i = 0; i < NR_OUTLIER_COLUMNS; i++)
		column_add_json(json, column(i), &input);
	json_object_set_new(json, "ran_comm", json_string_or_null(comm_of(outlier).s));
	json_object_set_new(json, "ran_pid",
			    outlier->ran.pid ? json_integer(outlier->ran.pid) : json_null());
}
