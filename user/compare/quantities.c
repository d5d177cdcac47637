// SPDX-License-Identifier: GPL-2.0-only
#include "compare/quantities.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/parts.h"
#include "report/schema.h"
#include "util/text.h"

#define FLOOR 1e-4 /* of a cost: less is nobody's business, and seems exact where it is not */

bool quantities_begin(struct quantities *quantities, unsigned int nr_a, unsigned int nr_b,
		      bool in_ns, bool leaves)
{
	*quantities = (struct quantities){
		.nr_a = nr_a,
		.nr_files = nr_a + nr_b,
		.in_ns = in_ns,
		.leaves = leaves,
		.places = json_object(),
	};
	return quantities->places;
}

void quantities_end(struct quantities *quantities)
{
	free(quantities->list);
	free(quantities->values);
	json_decref(quantities->places);
}

static bool make_room(struct quantities *quantities)
{
	const size_t room = 2 * quantities->room + 64;
	struct quantity *list;
	double *values;

	if (quantities->nr < quantities->room)
		return true;
	list = realloc(quantities->list, room * sizeof(*list));
	if (list)
		quantities->list = list;
	values = realloc(quantities->values, room * quantities->nr_files * sizeof(*values));
	if (values)
		quantities->values = values;
	if (!list || !values)
		return false;
	quantities->room = room;
	return true;
}

/* The row of that name and unit, which may be a new one; NULL: no memory. */
static struct quantity *quantity_of(struct quantities *quantities, const struct quantity *like)
{
	char key[128];
	const json_t *place;

	snprintf(key, sizeof(key), "%s\t%s", like->unit, like->name);
	place = json_object_get(quantities->places, key);
	if (place)
		return &quantities->list[json_integer_value(place)];
	if (!make_room(quantities) ||
	    json_object_set_new(quantities->places, key, json_integer(quantities->nr)))
		return NULL;
	for (unsigned int f = 0; f < quantities->nr_files; f++)
		quantities->values[quantities->nr * quantities->nr_files + f] = NAN;
	quantities->list[quantities->nr] = *like;
	return &quantities->list[quantities->nr++];
}

/* A character may be cut in two. */
static void set_text(char text[64], const char *from)
{
	snprintf(text, 64, "%.63s", from);
	text_clean(text);
}

static bool set(struct quantities *quantities, const struct quantity *like, unsigned int file,
		double value)
{
	struct quantity *quantity;

	if (like->is_log)
		value = value > 0 ? log(value) : NAN;
	if (isnan(value))
		return true;
	quantity = quantity_of(quantities, like);
	if (!quantity)
		return false;
	/* What stands for one file may be smaller than what stands for another. */
	quantity->floor = fmax(quantity->floor, like->floor);
	quantity->exact &= like->exact;
	quantities->values[(quantity - quantities->list) * quantities->nr_files + file] = value;
	return true;
}

/* What one cycle of a machine is in the unit of times. */
static double time_scale(const struct quantities *quantities, const json_t *document)
{
	const double khz = doc_real(json_object_get(document, "host"), "tsc_khz");

	return quantities->in_ns ? 1e6 / khz : 1;
}

/* ---- a run ---- */

static double number_or_nan(const json_t *object, const char *name)
{
	return doc_is_null(object, name) ? NAN : doc_real(object, name);
}

static double all_exits(const json_t *document)
{
	const json_t *reason;
	double sum = 0;
	size_t i;

	json_array_foreach(json_object_get(document, "reasons"), i, reason)
		sum += doc_real(reason, "bpf");
	return sum;
}

/* Exits for each time that the guest caused one; where it causes none, in a thousand exits of the run. */
static bool add_rate(struct quantities *quantities, const json_t *reason, double all,
		     struct quantity *quantity, unsigned int file)
{
	const double truth = number_or_nan(reason, "truth");
	const double causes = isnan(truth) ? all / 1000 : truth;

	quantity->at_random = isnan(truth);
	quantity->unit = isnan(truth) ? "of 1,000 exits" : "exits per cause";
	quantity->is_log = false;
	quantity->is_rate = true;
	quantity->exact = !strcmp(doc_string(reason, "truth_kind"), "exact");
	if (!(causes > 0))
		return true;
	/* A single exit is the least difference. */
	quantity->floor = 1 / causes;
	return set(quantities, quantity, file, doc_real(reason, "bpf") / causes);
}

static bool add_reason(struct quantities *quantities, const json_t *document, const json_t *reason,
		       double all, unsigned int file)
{
	struct quantity quantity = { .floor = 0 };

	set_text(quantity.name, report_reason(document, reason).s);
	if (!add_rate(quantities, reason, all, &quantity, file))
		return false;
	quantity = (struct quantity){
		.unit = quantities->in_ns ? "ns" : "cycles",
		.is_log = true,
		.floor = FLOOR,
	};
	set_text(quantity.name, report_reason(document, reason).s);
	return set(quantities, &quantity, file,
		   number_or_nan(reason, quantities->leaves ? "leaf_cycles" : "bpf_cycles") *
			   time_scale(quantities, document));
}

/* ---- a bench ---- */

/* By workload: its cost under the observer that the others are compared with. NULL: no memory. */
static json_t *costs_of_base(const json_t *document)
{
	const char *base = doc_string(document, "base");
	json_t *bases = json_object(), *cost;
	size_t i;

	json_array_foreach(json_object_get(document, "costs"), i, cost)
		if (!strcmp(doc_string(cost, "observer"), base))
			json_object_set(bases, doc_string(cost, "workload"), cost);
	return bases;
}

/* By workload: the exit that it causes, "0x72 CPUID". NULL: no memory. */
static json_t *exits_of_workloads(const json_t *document)
{
	json_t *exits = json_object(), *workload;
	size_t i;

	json_array_foreach(json_object_get(document, "workloads"), i, workload)
		json_object_set_new(exits, doc_string(workload, "name"),
				    json_string(report_workload_exit(document, workload).s));
	return exits;
}

/* What is added, pair by pair of a round's samples; and the cost itself. */
static bool add_costs(struct quantities *quantities, const json_t *cost, const json_t *of_base,
		      const char *exit, double scale, bool instructions, unsigned int file)
{
	const char *key = instructions ? "instructions" : "cycles";
	const json_t *of = json_object_get(cost, key), *added = json_object_get(of, "added");
	const double base = doc_real(json_object_get(of_base, key), "median") * scale;
	struct quantity quantity = { .base = base, .floor = FLOOR * base };
	char name[128];

	if (!json_is_object(of))
		return true;
	snprintf(name, sizeof(name), "%.60s %.60s", doc_string(cost, "workload"),
		 doc_string(cost, "observer"));
	set_text(quantity.name, name);
	set_text(quantity.exit, exit);
	if (json_is_object(added)) {
		quantity.unit = instructions	  ? "added instructions" :
				quantities->in_ns ? "added ns" :
						    "added cycles";
		if (!set(quantities, &quantity, file, doc_real(added, "median") * scale))
			return false;
	}
	quantity.unit = instructions ? "instructions" : quantities->in_ns ? "ns" : "cycles";
	quantity.is_log = true;
	quantity.floor = FLOOR;
	quantity.base = 0;
	return set(quantities, &quantity, file, doc_real(of, "median") * scale);
}

static bool add_bench(struct quantities *quantities, const json_t *document, unsigned int file)
{
	const double scale = time_scale(quantities, document);
	json_t *bases = costs_of_base(document), *exits = exits_of_workloads(document), *cost;
	bool done = bases && exits;
	size_t i;

	json_array_foreach(json_object_get(document, "costs"), i, cost) {
		const json_t *base = json_object_get(bases, doc_string(cost, "workload"));
		const char *exit = doc_string(exits, doc_string(cost, "workload"));

		done = done && add_costs(quantities, cost, base, exit, scale, false, file) &&
		       add_costs(quantities, cost, base, exit, 1, true, file);
	}
	json_decref(bases);
	json_decref(exits);
	return done;
}

bool quantities_add(struct quantities *quantities, const json_t *document, unsigned int file)
{
	const double all = all_exits(document);
	const json_t *reason;
	size_t i;

	if (schema_kind(document) == SCHEMA_BENCH)
		return add_bench(quantities, document, file);
	json_array_foreach(json_object_get(document, "reasons"), i, reason)
		if (!add_reason(quantities, document, reason, all, file))
			return false;
	return true;
}

void quantities_complete(struct quantities *quantities)
{
	for (size_t i = 0; i < quantities->nr * quantities->nr_files; i++)
		if (quantities->list[i / quantities->nr_files].at_random &&
		    isnan(quantities->values[i]))
			quantities->values[i] = 0;
}
