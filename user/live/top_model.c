// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "live/top_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GONE_SECONDS 5 /* that what has gone still has a row */

static struct top_place *present(struct top_model *model)
{
	return &model->places[model->depth];
}

const struct top_place *top_place(const struct top_model *model)
{
	return &model->places[model->depth];
}

bool top_has_list(const struct top_place *place, enum top_list list)
{
	if (place->list == TOP_HISTOGRAM || list == TOP_HISTOGRAM)
		return place->list == list;
	if (list == TOP_REASONS)
		return true;
	return place->of.vcpu == TOP_ANY_VCPU && (list == TOP_VCPUS || !place->of.vm);
}

const struct usage_vm *top_vm(const struct top_model *model, unsigned int number)
{
	for (unsigned int i = 0; model->usage && i < model->usage->nr_vms; i++)
		if (model->usage->vms[i].number == number)
			return &model->usage->vms[i];
	return NULL;
}

const struct usage_vcpu *top_vcpu(const struct top_model *model, uint64_t key)
{
	for (unsigned int i = 0; model->usage && i < model->usage->nr_vcpus; i++)
		if (model->usage->vcpus[i]->key == key)
			return model->usage->vcpus[i];
	return NULL;
}

double top_seconds(const struct top_model *model)
{
	if (!model->usage)
		return 0;
	return model->totals ? model->usage->seconds : model->usage->interval;
}

/* ---- what has gone, and when ---- */

/* The look that saw it first; negative: it is there. */
static double vcpu_gone(const struct usage_vcpu *vcpu)
{
	return vcpu->gone ? vcpu->gone_at : -1;
}

static double vm_gone(const struct top_model *model, const struct usage_vm *vm)
{
	double last = 0;

	/* vCPUs of any VM that went long ago; and a VM that there is since the last look. */
	if (!vm->number || !vm->vcpus)
		return 0;
	if (vm->gone < vm->vcpus)
		return -1;
	for (unsigned int i = 0; i < model->usage->nr_vcpus; i++)
		if (model->usage->vcpus[i]->vm == vm->number)
			last = fmax(last, vcpu_gone(model->usage->vcpus[i]));
	return last;
}

/* ---- rows ---- */

/* Of what has gone, if it has (0: long ago): whether it has numbers, and whether a row. */
static bool is_known(const struct top_model *model, double gone)
{
	return gone < 0 || model->totals || gone == model->usage->seconds;
}

static bool is_shown(const struct top_model *model, double gone, bool has_exits)
{
	if (gone < 0)
		return true;
	if (model->totals)
		return has_exits;
	return gone > 0 && model->usage->seconds - gone < GONE_SECONDS;
}

/* All that there is in the present place has gone. */
static double place_gone(const struct top_model *model)
{
	const struct top_place *place = top_place(model);
	const struct usage_vcpu *vcpu =
		place->of.vcpu == TOP_ANY_VCPU ? NULL : top_vcpu(model, place->of.vcpu);
	const struct usage_vm *vm = place->of.vm ? top_vm(model, place->of.vm) : NULL;

	if (vcpu)
		return vcpu_gone(vcpu);
	return vm ? vm_gone(model, vm) : -1;
}

/* Rows of usage in the present place, by what its list has. */
struct found {
	struct usage_row *rows;
	unsigned int nr;
	struct usage_exits total;
};

static bool find(const struct top_model *model, bool now, struct found *found)
{
	const struct top_place *place = top_place(model);
	const struct usage_filter filter = {
		.vm = place->of.vm,
		.vcpu = place->of.vcpu == TOP_ANY_VCPU ? NULL : top_vcpu(model, place->of.vcpu),
	};
	unsigned int by = place->list == TOP_VMS   ? USAGE_BY_VM :
			  place->list == TOP_VCPUS ? USAGE_BY_VM | USAGE_BY_VCPU :
						     USAGE_BY_REASON;

	return usage_rows(model->usage, by, &filter, now, &found->rows, &found->nr, &found->total);
}

/* Adds a row with the exits that were found of the same. */
static void add_row(struct top_model *model, const struct found *found, struct usage_row wanted,
		    struct top_id id, double gone)
{
	struct top_row *row = &model->rows[model->nr_rows];
	bool has_exits = false;

	*row = (struct top_row){
		.id = id,
		.task = wanted.vcpu ? wanted.vcpu->thread :
			wanted.vm   ? wanted.vm->process :
				      0,
		.vcpus = wanted.vm ? wanted.vm->vcpus - wanted.vm->gone : 0,
		.number = wanted.vcpu ? wanted.vcpu->id : 0,
		.gone = gone >= 0,
		.is_known = is_known(model, gone),
	};
	for (unsigned int i = 0; i < found->nr && !has_exits; i++) {
		const struct usage_row *one = &found->rows[i];

		has_exits = one->vm == wanted.vm && one->vcpu == wanted.vcpu &&
			    one->index == wanted.index;
		if (has_exits)
			row->sum = one->sum;
	}
	/* Inside a VM its name would be the same in all rows. */
	if (top_place(model)->of.vm)
		wanted.vm = NULL;
	row->label = row_label(model->isa, &wanted);
	model->nr_rows += is_shown(model, gone, has_exits);
}

static void list_vms(struct top_model *model, const struct found *found)
{
	const struct usage *usage = model->usage;

	for (unsigned int i = 0; i < usage->nr_vms; i++) {
		const struct usage_vm *vm = &usage->vms[i];

		add_row(model, found, (struct usage_row){ .vm = vm, .index = -1 },
			(struct top_id){ vm->number, TOP_ANY_VCPU, -1 }, vm_gone(model, vm));
	}
}

static void list_vcpus(struct top_model *model, const struct found *found)
{
	const struct usage *usage = model->usage;
	unsigned int wanted = top_place(model)->of.vm;

	for (unsigned int i = 0; i < usage->nr_vcpus; i++) {
		const struct usage_vcpu *vcpu = usage->vcpus[i];

		if (wanted && vcpu->vm != wanted)
			continue;
		add_row(model, found,
			(struct usage_row){
				.vm = top_vm(model, vcpu->vm),
				.vcpu = vcpu,
				.index = -1,
			},
			(struct top_id){ vcpu->vm, vcpu->key, -1 }, vcpu->vm ? vcpu_gone(vcpu) : 0);
	}
}

/* A reason that has happened keeps its row while it does not. */
static void list_reasons(struct top_model *model, const struct found *found,
			 const struct found *ever)
{
	const struct top_place *place = top_place(model);
	double gone = place_gone(model);

	for (unsigned int i = 0; i < ever->nr; i++) {
		struct top_id id = place->of;

		id.index = ever->rows[i].index;
		if (place->list == TOP_HISTOGRAM && id.index != place->of.index)
			continue;
		add_row(model, found, (struct usage_row){ .index = id.index }, id, -1);
		model->rows[model->nr_rows - 1].gone = gone >= 0;
		model->rows[model->nr_rows - 1].is_known = is_known(model, gone);
	}
}

static bool list(struct top_model *model)
{
	const struct usage *usage = model->usage;
	struct found found = { 0 }, ever = { 0 };
	bool done = find(model, !model->totals, &found) && find(model, false, &ever);

	free(model->rows);
	model->rows =
		calloc(usage->nr_vcpus + usage->nr_vms + EXIT_NR_INDICES + 1, sizeof(*model->rows));
	model->nr_rows = 0;
	model->total = found.total;
	model->total_is_known = is_known(model, place_gone(model));
	done &= !!model->rows;
	if (done && top_place(model)->list == TOP_VMS)
		list_vms(model, &found);
	else if (done && top_place(model)->list == TOP_VCPUS)
		list_vcpus(model, &found);
	else if (done)
		list_reasons(model, &found, &ever);
	free(found.rows);
	free(ever.rows);
	return done;
}

static void filter(struct top_model *model)
{
	const char *text = top_place(model)->filter;
	unsigned int nr = 0;

	model->nr_unfiltered = model->nr_rows;
	for (unsigned int i = 0; i < model->nr_rows; i++)
		if (strcasestr(model->rows[i].label.s, text))
			model->rows[nr++] = model->rows[i];
	model->nr_rows = nr;
}

/* Rows that are alike stay where they are. */
static int by_id(const struct top_row *a, const struct top_row *b)
{
	if (a->id.vm != b->id.vm)
		return a->id.vm < b->id.vm ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	if (a->id.vcpu != b->id.vcpu)
		return a->id.vcpu < b->id.vcpu ? -1 : 1;
	return a->id.index - b->id.index;
}

/* What is not known comes last in either order. */
static int compare(const void *x, const void *y, void *context)
{
	const struct top_row *a = x, *b = y;
	const struct top_model *model = context;
	int order = 0;

	if (model->sort == TOP_BY_NAME)
		order = strverscmp(a->label.s, b->label.s);
	else if (isnan(a->key) || isnan(b->key))
		return isnan(a->key) == isnan(b->key) ? by_id(a, b) : isnan(a->key) ? 1 : -1;
	else if (a->key != b->key)
		order = a->key > b->key ? -1 : 1;
	if (!order)
		return by_id(a, b);
	return model->reverse ? -order : order;
}

static void sort(struct top_model *model)
{
	for (unsigned int i = 0; i < model->nr_rows && model->sort < NR_COLUMNS; i++) {
		struct top_row *row = &model->rows[i];
		const struct column_input input = {
			.usage = model->usage,
			.exits = &row->sum,
			.seconds = top_seconds(model),
		};

		if (!row->is_known || !columns[model->sort].value(&input, &row->key))
			row->key = NAN;
	}
	if (model->nr_rows)
		qsort_r(model->rows, model->nr_rows, sizeof(*model->rows), compare, model);
}

/* From the first bucket that has exits to the last one. */
static void find_buckets(struct top_model *model)
{
	unsigned int end = EC_HIST_BUCKETS;

	model->first_bucket = model->nr_buckets = 0;
	if (top_place(model)->list != TOP_HISTOGRAM || !model->nr_rows || !model->rows->is_known)
		return;
	while (end && !model->rows->sum.hist[end - 1])
		end--;
	while (model->first_bucket < end && !model->rows->sum.hist[model->first_bucket])
		model->first_bucket++;
	model->nr_buckets = end - model->first_bucket;
}

static bool is_same(const struct top_id *a, const struct top_id *b)
{
	return a->vm == b->vm && a->vcpu == b->vcpu && a->index == b->index;
}

static unsigned int nr_lines(const struct top_model *model)
{
	return top_place(model)->list == TOP_HISTOGRAM ? model->nr_buckets : model->nr_rows;
}

/* The cursor is in a row, and that on the screen. */
static void scroll(struct top_model *model)
{
	struct top_place *place = present(model);
	unsigned int nr = nr_lines(model), page = model->page ? model->page : 1;

	if (place->cursor >= nr)
		place->cursor = nr ? nr - 1 : 0;
	if (place->first > place->cursor)
		place->first = place->cursor;
	if (place->cursor >= place->first + page)
		place->first = place->cursor - page + 1;
	/* No room is left empty. */
	if (place->first + page > nr)
		place->first = nr > page ? nr - page : 0;
	if (place->cursor < model->nr_rows)
		place->chosen = model->rows[place->cursor].id;
}

/* The rows have changed. The cursor goes with its row; it stays at the top if it is there, unless it follows. */
static void rebuild(struct top_model *model, bool follows)
{
	struct top_place *place = present(model);

	if (!model->usage)
		return;
	if (!list(model)) {
		model->failed = true;
		model->nr_rows = 0;
		return;
	}
	filter(model);
	sort(model);
	find_buckets(model);
	for (unsigned int i = 0; i < model->nr_rows && (follows || place->cursor); i++) {
		if (place->list == TOP_HISTOGRAM || !is_same(&model->rows[i].id, &place->chosen))
			continue;
		place->cursor = i;
		break;
	}
	scroll(model);
}

void top_open(struct top_model *model, enum exit_isa isa)
{
	*model = (struct top_model){ .isa = isa, .page = 1, .sort = COLUMN_TIME };
	model->places[0].of = (struct top_id){ 0, TOP_ANY_VCPU, -1 };
}

void top_close(struct top_model *model)
{
	free(model->rows);
	model->rows = NULL;
}

/* A place may not be there any more: its VM or vCPU has been merged with others that went. */
static bool is_there(const struct top_model *model, const struct top_place *place)
{
	return (!place->of.vm || top_vm(model, place->of.vm)) &&
	       (place->of.vcpu == TOP_ANY_VCPU || top_vcpu(model, place->of.vcpu));
}

void top_update(struct top_model *model, const struct usage *usage)
{
	model->usage = usage;
	while (model->depth && !is_there(model, top_place(model)))
		model->depth--;
	rebuild(model, false);
}

void top_set_page(struct top_model *model, unsigned int page)
{
	model->page = page;
	scroll(model);
}

/* ---- keys ---- */

static void move(struct top_model *model, int rows)
{
	struct top_place *place = present(model);
	unsigned int last = nr_lines(model) ? nr_lines(model) - 1 : 0;
	bool scrolls = place->list == TOP_HISTOGRAM;
	long to = (long)(scrolls ? place->first : place->cursor) + rows;

	place->cursor = to < 0 ? 0 : to > (long)last ? last : (unsigned int)to;
	if (scrolls)
		place->first = place->cursor;
	scroll(model);
}

static void enter(struct top_model *model)
{
	const struct top_place *from = top_place(model);
	const struct top_row *row = &model->rows[from->cursor];

	if (from->list == TOP_HISTOGRAM || from->cursor >= model->nr_rows)
		return;
	/* vCPUs of any VM, which have gone. */
	if (from->list == TOP_VMS && !row->id.vm)
		return;
	model->places[model->depth + 1] = (struct top_place){
		.list = from->list == TOP_REASONS ? TOP_HISTOGRAM : TOP_REASONS,
		.of = row->id,
	};
	model->depth++;
	rebuild(model, false);
}

static void back(struct top_model *model)
{
	if (*top_place(model)->filter)
		present(model)->filter[0] = '\0';
	else if (model->depth)
		model->depth--;
	rebuild(model, true);
}

static void next_list(struct top_model *model)
{
	struct top_place *place = present(model);
	enum top_list list = place->list;

	if (list == TOP_HISTOGRAM)
		return;
	do {
		list = (list + 1) % TOP_HISTOGRAM;
	} while (!top_has_list(place, list));
	if (list != place->list)
		*place = (struct top_place){ .list = list, .of = place->of };
	rebuild(model, false);
}

/* Names stand before the columns; those that no source of this kind has are left out. */
static void sort_by(struct top_model *model, int step)
{
	do {
		model->sort = (model->sort + NR_COLUMNS + 1 + step) % (NR_COLUMNS + 1);
	} while (model->usage && !model->usage->has_hist && model->sort < NR_COLUMNS &&
		 columns[model->sort].needs_hist);
	rebuild(model, true);
}

static void act(struct top_model *model, enum top_action action)
{
	const int page = model->page ? (int)model->page : 1;

	switch (action) {
	case TOP_UP ... TOP_LAST:
		move(model, (const int[]){ -1, 1, -page, page, -(1 << 30), 1 << 30 }[action]);
		break;
	case TOP_ENTER:
		enter(model);
		break;
	case TOP_BACK:
		back(model);
		break;
	case TOP_NEXT_LIST:
		next_list(model);
		break;
	case TOP_SORT_BEFORE:
	case TOP_SORT_AFTER:
		sort_by(model, action == TOP_SORT_BEFORE ? -1 : 1);
		break;
	case TOP_REVERSE:
		model->reverse = !model->reverse;
		rebuild(model, false);
		break;
	case TOP_FILTER:
		model->types_filter = true;
		memcpy(model->former_filter, top_place(model)->filter,
		       sizeof(model->former_filter));
		break;
	case TOP_FREEZE:
		model->frozen = !model->frozen;
		break;
	case TOP_TOTALS:
		model->totals = !model->totals;
		rebuild(model, false);
		break;
	case TOP_HELP:
		model->help = true;
		break;
	case TOP_QUIT:
		model->quit = true;
		break;
	}
}

/* The last character, of as many bytes as it has. */
static void delete_last(char *text)
{
	size_t length = strlen(text);

	while (length && (text[--length] & 0xc0) == 0x80)
		;
	text[length] = '\0';
}

static void type_filter(struct top_model *model, int key)
{
	char *text = present(model)->filter;
	size_t length = strlen(text);

	if (key == TOP_KEY_ENTER || key == TOP_KEY_ESCAPE ||
	    (key == TOP_KEY_BACKSPACE && !length)) {
		model->types_filter = false;
		if (key == TOP_KEY_ESCAPE)
			memcpy(text, model->former_filter, sizeof(model->former_filter));
	} else if (key == TOP_KEY_BACKSPACE) {
		delete_last(text);
	} else if (key >= ' ' && key < TOP_KEY_UP && length + 1 < sizeof(model->former_filter)) {
		text[length] = (char)key;
		text[length + 1] = '\0';
	}
	rebuild(model, true);
}

void top_type(struct top_model *model, int key)
{
	if (key == TOP_KEY_OTHER)
		return;
	if (model->help) {
		model->help = false;
		return;
	}
	if (model->types_filter) {
		type_filter(model, key);
		return;
	}
	for (unsigned int i = 0; i < nr_top_bindings; i++)
		for (unsigned int k = 0; k < TOP_MAX_KEYS; k++)
			if (key && top_bindings[i].keys[k] == key)
				act(model, top_bindings[i].action);
}
