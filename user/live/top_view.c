// SPDX-License-Identifier: GPL-2.0-only
#include "live/top_view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kvm/exits.h"
#include "util/array.h"
#include "util/text.h"

#define LEAST_LABEL 20 /* columns; those of numbers give way */
#define TALL 20	       /* lines, from which on the proof has two of them */

/* Columns that only a screen has. */
enum {
	COLUMN_TASK = NR_COLUMNS,
	COLUMN_VCPUS,
	NR_ALL_COLUMNS,
};

struct layout {
	unsigned int label;
	unsigned int width[NR_ALL_COLUMNS]; /* with the blank before it; 0: there is no room */
};

struct canvas {
	const struct top_view *view;
	unsigned int width, height, y;
	unsigned int end; /* there is no line from here on */
	top_put put;
	void *context;
	struct top_line line;
};

/* ---- lines ---- */

static void __attribute__((format(printf, 2, 3)))
append(struct canvas *canvas, const char *format, ...)
{
	char *text = canvas->line.text;
	size_t n = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + n, sizeof(canvas->line.text) - n, format, args);
	va_end(args);
}

static void pad(struct canvas *canvas, unsigned int columns)
{
	unsigned int width = text_width(canvas->line.text);

	if (columns > width)
		append(canvas, "%*s", (int)(columns - width), "");
}

/* Cuts a text that is wider, and shows that it does. */
static void cut(char *text, unsigned int columns)
{
	if ((unsigned int)text_width(text) > columns)
		strcpy(text + text_fit(text, (int)columns - 1), columns ? "…" : "");
}

static void next_line(struct canvas *canvas, enum top_role role)
{
	cut(canvas->line.text, canvas->width);
	/* A part that does not fit is no more one. */
	if (canvas->line.from + canvas->line.width > (unsigned int)text_width(canvas->line.text))
		canvas->line.width = canvas->line.from = 0;
	canvas->line.role = role;
	if (canvas->y < canvas->end && *canvas->line.text)
		canvas->put(canvas->context, canvas->y, &canvas->line);
	canvas->y++;
	canvas->line = (struct top_line){ 0 };
}

/* A text at the right edge, if that leaves what there is. */
static void append_right(struct canvas *canvas, const char *text)
{
	unsigned int width = text_width(text);

	if (width + 2 > canvas->width)
		return;
	cut(canvas->line.text, canvas->width - width - 2);
	pad(canvas, canvas->width - width);
	append(canvas, "%s", text);
}

/* As many words as a line has room for; what is left. */
static const char *append_words(struct canvas *canvas, const char *text)
{
	const char *end = text + text_fit(text, (int)canvas->width), *last = end;

	while (*end && last > text && *last != ' ')
		last--;
	if (last == text)
		last = end;
	append(canvas, "%.*s", (int)(last - text), text);
	return *last == ' ' ? last + 1 : last;
}

/* ---- above the table ---- */

static void draw_title(struct canvas *canvas)
{
	const struct top_model *model = canvas->view->model;
	const struct top_id *of = &top_place(model)->of;
	const struct usage_vm *vm = of->vm ? top_vm(model, of->vm) : NULL;
	const struct usage_vcpu *vcpu = of->vcpu == TOP_ANY_VCPU ? NULL : top_vcpu(model, of->vcpu);
	char right[64];

	append(canvas, "exitcheck top: %s", vm ? vm_label(vm).s : vcpu ? "(gone)" : "all VMs");
	if (vm)
		append(canvas, " (process %u%s)", vm->process,
		       vm->gone == vm->vcpus ? ", gone" : "");
	if (vcpu && vm)
		append(canvas, " > vCPU %u%s", vcpu->id,
		       vcpu->gone && vm->gone < vm->vcpus ? " (gone)" : "");
	if (of->index >= 0)
		append(canvas, " > %s", reason_label(model->isa, of->index).s);
	snprintf(right, sizeof(right), "%s%.1f s", model->frozen ? "FROZEN  " : "",
		 model->usage ? model->usage->seconds : 0);
	append_right(canvas, right);
	if (model->frozen) {
		canvas->line.from = text_width(canvas->line.text) - text_width(right);
		canvas->line.width = strlen("FROZEN");
		canvas->line.part = TOP_HEADING;
	}
	next_line(canvas, TOP_BOLD);
}

static void draw_proof(struct canvas *canvas)
{
	const struct proof_verdict verdict = proof_verdict(canvas->view->proof);
	unsigned int lines = canvas->height >= TALL ? 2 : 1;
	const char *rest = verdict.text;

	if (!canvas->view->model->usage) {
		append(canvas, "The first numbers come after %u s.", canvas->view->interval);
		next_line(canvas, TOP_PLAIN);
		canvas->y += lines - 1;
		return;
	}
	for (unsigned int i = 0; i < lines; i++) {
		if (i == lines - 1)
			append(canvas, "%s", rest);
		else
			rest = append_words(canvas, rest);
		/* What does not lack is one green word; what does is red. */
		canvas->line.width = i || !verdict.complete ? 0 : strlen("complete");
		canvas->line.part = TOP_GOOD;
		next_line(canvas, verdict.complete ? TOP_PLAIN : TOP_BAD);
	}
}

/* The lists that there are, and what the present one is of. */
static void draw_state(struct canvas *canvas)
{
	static const char *const lists[] = {
		[TOP_VMS] = "VMs",
		[TOP_VCPUS] = "vCPUs",
		[TOP_REASONS] = "exit reasons",
		[TOP_HISTOGRAM] = "histogram",
	};
	const struct top_model *model = canvas->view->model;
	const struct top_place *place = top_place(model);
	char right[40] = "";

	for (enum top_list list = 0; list < NR(lists); list++)
		if (top_has_list(place, list))
			append(canvas, list == place->list ? "[%s] " : " %s ", lists[list]);
	if (model->totals)
		append(canvas, " since the start");
	else
		append(canvas, " last %.1f s", top_seconds(model));
	if (place->list != TOP_HISTOGRAM)
		append(canvas, ", sorted by %s%s",
		       model->sort < NR_COLUMNS ? columns[model->sort].head : "name",
		       model->reverse ? ", reversed" : "");
	if (*place->filter)
		append(canvas, ", \"%s\": %u of %u", place->filter, model->nr_rows,
		       model->nr_unfiltered);
	text_clean(canvas->line.text);
	if (model->nr_rows > model->page && place->list != TOP_HISTOGRAM)
		snprintf(right, sizeof(right), "%u-%u of %u", place->first + 1,
			 place->first + model->page, model->nr_rows);
	append_right(canvas, right);
	next_line(canvas, TOP_PLAIN);
}

static void draw_head(struct canvas *canvas)
{
	const struct top_view *view = canvas->view;

	draw_title(canvas);
	append(canvas, "source: %s; %s, Linux %s, %s", view->source, isa_name(view->host->isa),
	       view->host->kernel, view->host->cpu);
	next_line(canvas, TOP_PLAIN);
	draw_proof(canvas);
	draw_state(canvas);
}

/* ---- the table ---- */

static const char *column_head(const struct canvas *canvas, unsigned int id)
{
	if (id < NR_COLUMNS)
		return columns[id].head;
	if (id == COLUMN_VCPUS)
		return "vCPUs";
	return top_place(canvas->view->model)->list == TOP_VMS ? "PID" : "TID";
}

static struct text cell(const struct canvas *canvas, const struct top_row *row, unsigned int id)
{
	const struct top_model *model = canvas->view->model;
	const struct column_input input = {
		.usage = model->usage,
		.exits = &row->sum,
		.seconds = top_seconds(model),
	};
	unsigned int number = id == COLUMN_TASK ? row->task : row->vcpus;
	struct text text = { "-" };

	if (id < NR_COLUMNS)
		return row->is_known ? column_text(id, &input) : text;
	/* The total has none. */
	if (row->id.vm && number)
		snprintf(text.s, sizeof(text.s), "%u", number);
	else if (!row->id.vm)
		text.s[0] = '\0';
	return text;
}

static struct top_row total(const struct canvas *canvas)
{
	const struct top_model *model = canvas->view->model;

	return (struct top_row){
		.is_known = model->total_is_known,
		.sum = model->total,
		.label = { "total" },
	};
}

static bool has_column(const struct top_model *model, unsigned int id)
{
	const enum top_list list = top_place(model)->list;

	if (id == COLUMN_TASK)
		return list == TOP_VMS || list == TOP_VCPUS;
	if (id == COLUMN_VCPUS)
		return list == TOP_VMS;
	return model->usage->has_hist || !columns[id].needs_hist;
}

static unsigned int column_width(const struct canvas *canvas, unsigned int id)
{
	const struct top_model *model = canvas->view->model;
	const struct top_row sum = total(canvas);
	unsigned int width = id == COLUMN_TASK ? 7 : id == COLUMN_VCPUS ? 5 : columns[id].width;

	for (unsigned int i = 0; i <= model->nr_rows; i++) {
		const struct top_row *row = i < model->nr_rows ? &model->rows[i] : &sum;
		unsigned int wanted = text_width(cell(canvas, row, id).s);

		width = wanted > width ? wanted : width;
	}
	return width + 1;
}

/* Columns in the order in which they get room: the one that rows are sorted by is always there. */
static struct layout lay_out(const struct canvas *canvas)
{
	static const unsigned int now[] = {
		COLUMN_RATE, COLUMN_TIME, COLUMN_SHARE, COLUMN_MEAN,  COLUMN_P99,
		COLUMN_MAX,  COLUMN_TASK, COLUMN_EXITS, COLUMN_VCPUS, COLUMN_P50,
	};
	static const unsigned int all[] = {
		COLUMN_EXITS, COLUMN_TIME, COLUMN_SHARE, COLUMN_MEAN,  COLUMN_P99,
		COLUMN_MAX,   COLUMN_TASK, COLUMN_RATE,	 COLUMN_VCPUS, COLUMN_P50,
	};
	const struct top_model *model = canvas->view->model;
	struct layout layout = { .label = LEAST_LABEL };
	unsigned int used = LEAST_LABEL;

	for (unsigned int i = 0; i <= NR(now); i++) {
		unsigned int id = !i ? model->sort : model->totals ? all[i - 1] : now[i - 1];
		unsigned int width;

		if (id == TOP_BY_NAME && !i)
			continue;
		if (layout.width[id] || !has_column(model, id))
			continue;
		width = column_width(canvas, id);
		if (used + width > canvas->width)
			continue;
		layout.width[id] = width;
		used += width;
	}
	/* Wide names get what is left. */
	for (unsigned int i = 0; i < model->nr_rows; i++) {
		unsigned int wanted = text_width(model->rows[i].label.s) +
				      (model->rows[i].gone ? strlen(" (gone)") : 0);

		if (wanted > layout.label)
			layout.label = wanted;
	}
	if (layout.label > LEAST_LABEL + canvas->width - used)
		layout.label = LEAST_LABEL + canvas->width - used;
	if (layout.label > canvas->width)
		layout.label = canvas->width;
	return layout;
}

/* What tells rows apart is kept of a name that is too long. */
static void append_label(struct canvas *canvas, const struct layout *layout,
			 const struct top_row *row)
{
	const struct top_place *place = top_place(canvas->view->model);
	struct label label = row->label;
	char end[40] = "";
	size_t length;

	if (place->list == TOP_VCPUS && row->id.vm)
		snprintf(end, sizeof(end), " vCPU %u", row->number);
	length = strlen(end);
	if (strlen(label.s) > length)
		label.s[strlen(label.s) - length] = '\0';
	else
		end[0] = '\0';
	if (row->gone)
		strcat(end, " (gone)");
	length = strlen(end);
	if (layout->label > length)
		cut(label.s, layout->label - length);
	append(canvas, "%s%s", label.s, end);
	pad(canvas, layout->label);
}

static void append_cell(struct canvas *canvas, unsigned int width, const char *text)
{
	append(canvas, "%*s%s", (int)width - text_width(text), "", text);
}

static void draw_heading(struct canvas *canvas, const struct layout *layout)
{
	static const char *const names[] = {
		[TOP_VMS] = "VM",
		[TOP_VCPUS] = "vCPU",
		[TOP_REASONS] = "exit reason",
		[TOP_HISTOGRAM] = "exit reason",
	};
	const struct top_model *model = canvas->view->model;

	append(canvas, "%s", names[top_place(model)->list]);
	pad(canvas, layout->label);
	if (model->sort == TOP_BY_NAME)
		canvas->line.width = layout->label;
	for (unsigned int i = 0; i < NR_ALL_COLUMNS; i++) {
		/* The columns that only a screen has come first. */
		unsigned int id = (i + NR_COLUMNS) % NR_ALL_COLUMNS;

		if (!layout->width[id])
			continue;
		append_cell(canvas, layout->width[id], column_head(canvas, id));
		if (id != model->sort || id >= NR_COLUMNS)
			continue;
		canvas->line.width = text_width(column_head(canvas, id));
		canvas->line.from = text_width(canvas->line.text) - canvas->line.width;
	}
	canvas->line.part = TOP_SORTED;
	pad(canvas, canvas->width);
	next_line(canvas, TOP_HEADING);
}

static void draw_row(struct canvas *canvas, const struct layout *layout, const struct top_row *row,
		     enum top_role role)
{
	append_label(canvas, layout, row);
	for (unsigned int i = 0; i < NR_ALL_COLUMNS; i++) {
		unsigned int id = (i + NR_COLUMNS) % NR_ALL_COLUMNS;

		if (layout->width[id])
			append_cell(canvas, layout->width[id], cell(canvas, row, id).s);
	}
	if (role == TOP_CURSOR)
		pad(canvas, canvas->width);
	next_line(canvas, role);
}

static void draw_rows(struct canvas *canvas, const struct layout *layout)
{
	const struct top_model *model = canvas->view->model;
	const struct top_place *place = top_place(model);
	const struct top_row sum = total(canvas);

	if (!model->nr_rows) {
		append(canvas,
		       model->nr_unfiltered ? "No name has this text." : "No VM has exited.");
		next_line(canvas, TOP_DIM);
		canvas->y--;
	}
	for (unsigned int i = place->first; i < place->first + model->page; i++) {
		const struct top_row *row = &model->rows[i];

		if (i >= model->nr_rows)
			canvas->y++;
		else
			draw_row(canvas, layout, row,
				 i == place->cursor		? TOP_CURSOR :
				 row->gone || !row->sum.time_ns ? TOP_DIM :
								  TOP_PLAIN);
	}
	draw_row(canvas, layout, &sum, TOP_BOLD);
}

/* ---- the histogram ---- */

static void draw_bucket(struct canvas *canvas, unsigned int bucket, double all, double before,
			double most)
{
	const struct top_model *model = canvas->view->model;
	const struct usage *usage = model->usage;
	const uint64_t *hist = model->rows->sum.hist;
	const double exits = (double)hist[bucket];
	struct text share, sum;
	unsigned int bar, room;

	append_cell(canvas, 9, text_duration(usage_bucket_ns(usage, bucket)).s);
	/* The last one has no end. */
	append_cell(canvas, 10,
		    bucket + 1 < EC_HIST_BUCKETS ?
			    text_duration(usage_bucket_ns(usage, bucket + 1)).s :
			    "-");
	append_cell(canvas, 12, text_u64(hist[bucket]).s);
	snprintf(share.s, sizeof(share.s), "%.1f %%", 100 * exits / all);
	append_cell(canvas, 9, share.s);
	snprintf(sum.s, sizeof(sum.s), "%.1f %%", 100 * (before + exits) / all);
	append_cell(canvas, 9, sum.s);
	append(canvas, "  ");
	room = text_width(canvas->line.text);
	room = canvas->width > room ? canvas->width - room : 0;
	bar = (unsigned int)(exits / most * room + 0.5);
	/* Few are more than none. */
	for (bar = hist[bucket] && !bar && room ? 1 : bar; bar; bar--)
		append(canvas, "#");
	next_line(canvas, TOP_PLAIN);
}

static void draw_histogram(struct canvas *canvas, const struct layout *layout)
{
	const struct top_model *model = canvas->view->model;
	const struct top_place *place = top_place(model);
	double all = 0, before = 0, most = 0;

	if (model->nr_rows)
		draw_row(canvas, layout, model->rows, TOP_PLAIN);
	canvas->y++;
	if (!model->nr_buckets) {
		append(canvas, model->usage->has_hist ?
				       "No such exit ended in this time." :
				       "KVM's own account has no histogram: use --source ebpf.");
		next_line(canvas, TOP_DIM);
		return;
	}
	append(canvas, "     from        to       exits    share    up to");
	pad(canvas, canvas->width);
	next_line(canvas, TOP_HEADING);
	for (unsigned int i = 0; i < model->nr_buckets; i++) {
		double exits = (double)model->rows->sum.hist[model->first_bucket + i];

		all += exits;
		most = exits > most ? exits : most;
	}
	for (unsigned int i = 0; i < model->nr_buckets; i++) {
		unsigned int bucket = model->first_bucket + i;

		if (i >= place->first && i < place->first + model->page)
			draw_bucket(canvas, bucket, all, before, most);
		before += (double)model->rows->sum.hist[bucket];
	}
}

/* ---- keys ---- */

static void draw_keys(struct canvas *canvas)
{
	const struct top_model *model = canvas->view->model;

	canvas->y = canvas->height - 1;
	canvas->end = canvas->height;
	if (model->types_filter) {
		append(canvas, "/%s_   Enter keeps the filter, Esc does not",
		       top_place(model)->filter);
		text_clean(canvas->line.text);
		next_line(canvas, TOP_BOLD);
		return;
	}
	for (unsigned int i = 0; i < nr_top_bindings; i++) {
		const char *brief = top_bindings[i].brief, *before = i ? "  " : "";

		if (brief &&
		    text_width(canvas->line.text) + strlen(before) + strlen(brief) <= canvas->width)
			append(canvas, "%s%s", *canvas->line.text ? before : "", brief);
	}
	next_line(canvas, TOP_PLAIN);
}

static void draw_help(struct canvas *canvas)
{
	static const char *const notes[] = {
		"",
		"time, share: from an exit to the same vCPU's next entry; 100 % is one vCPU.",
		"max: \"<\" is an upper limit.  -: not known, or it is gone.",
	};

	append(canvas, "exitcheck top: keys");
	append_right(canvas, "any key: back");
	next_line(canvas, TOP_BOLD);
	for (unsigned int i = 0; i < nr_top_bindings; i++) {
		append(canvas, "  %-18s %s", top_bindings[i].names, top_bindings[i].help);
		next_line(canvas, TOP_PLAIN);
	}
	for (unsigned int i = 0; i < NR(notes); i++) {
		append(canvas, "%s", notes[i]);
		next_line(canvas, TOP_PLAIN);
	}
}

unsigned int top_page(const struct top_model *model, unsigned int height)
{
	/* The head, and below it the heading, the total and the keys. */
	unsigned int others = (height >= TALL ? 5 : 4) + 3;

	/* The reason's row, an empty line, the histogram's heading; but no total. */
	if (top_place(model)->list == TOP_HISTOGRAM)
		others += 2;
	return height > others ? height - others : 1;
}

void top_draw(const struct top_view *view, unsigned int width, unsigned int height, top_put put,
	      void *context)
{
	struct canvas canvas = {
		.view = view,
		.width = width < TOP_MAX_COLUMNS ? width : TOP_MAX_COLUMNS,
		.height = height,
		/* The last line is of the keys. */
		.end = view->model->help ? height : height - 1,
		.put = put,
		.context = context,
	};
	struct layout layout;

	if (view->model->help) {
		draw_help(&canvas);
		return;
	}
	draw_head(&canvas);
	if (view->model->usage) {
		layout = lay_out(&canvas);
		draw_heading(&canvas, &layout);
		if (top_place(view->model)->list == TOP_HISTOGRAM)
			draw_histogram(&canvas, &layout);
		else
			draw_rows(&canvas, &layout);
	}
	draw_keys(&canvas);
}
