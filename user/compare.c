// SPDX-License-Identifier: GPL-2.0-only
#include "compare.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "stats.h"
#include "text.h"

#define SCHEMA_VERSION 1
#define NORMAL_95 1.96 /* standard errors to either side that hold 95 % */
#define SAME_TSC 0.01  /* rates that differ by less are those of one machine */
#define MAX_BUCKETS 64

/* A document that was read. */
struct document {
	const char *path;
	json_t *root;
	bool bench;
	enum exit_isa isa;
	double tsc_khz;
};

struct context {
	struct document a, b;
	struct comparison *comparison;
	bool in_ns; /* two machines: their cycles are not the same */
	struct error *err;
};

/* ---- documents ---- */

static int no_memory(struct error *err)
{
	return error_set(err, STATUS_CANNOT_RUN, "out of memory");
}

static int malformed(const struct document *document, const char *why, struct error *err)
{
	return error_set(err, STATUS_USAGE,
			 "%s: not a report of exitcheck run or bench, or of another version: %s",
			 document->path, why);
}

static int read_host(struct document *document, struct compare_origin *origin, struct error *err)
{
	const char *cpu, *kernel, *isa;
	json_error_t why;

	if (json_unpack_ex(document->root, &why, 0, "{s:{s:s, s:s, s:s, s:F}}", "host", "cpu", &cpu,
			   "kernel", &kernel, "isa", &isa, "tsc_khz", &document->tsc_khz))
		return malformed(document, why.text, err);
	if (!(document->tsc_khz > 0))
		return malformed(document, "host.tsc_khz is not above 0", err);
	document->isa = !strcmp(isa, isa_name(EXIT_ISA_SVM)) ? EXIT_ISA_SVM : EXIT_ISA_VMX;
	snprintf(origin->cpu, sizeof(origin->cpu), "%s", cpu);
	snprintf(origin->kernel, sizeof(origin->kernel), "%s", kernel);
	return 0;
}

static int read_document(struct document *document, struct compare_origin *origin,
			 struct error *err)
{
	const char *failed = NULL;
	json_error_t why;
	int version = 0;

	document->root = json_load_file(document->path, 0, &why);
	if (!document->root && why.line < 0)
		return error_set(err, STATUS_USAGE, "%s", why.text);
	if (!document->root)
		return error_set(err, STATUS_USAGE, "%s: no JSON, line %d: %s", document->path,
				 why.line, why.text);
	if (json_unpack_ex(document->root, &why, 0, "{s:i, s?s}", "schema_version", &version,
			   "error", &failed))
		return malformed(document, why.text, err);
	if (version != SCHEMA_VERSION)
		return malformed(document, "its schema_version is not 1", err);
	if (failed)
		return error_set(err, STATUS_USAGE, "%s: of a run that failed: %s", document->path,
				 failed);
	document->bench = json_object_get(document->root, "costs");
	if (!document->bench && !json_object_get(document->root, "reasons"))
		return malformed(document, "it has neither reasons nor costs", err);
	return read_host(document, origin, err);
}

/* ---- rows ---- */

/* NULL: no memory. */
static struct compare_row *add_row(struct context *context, const char *name, const char *quantity)
{
	struct comparison *comparison = context->comparison;
	struct compare_row *rows;

	rows = realloc(comparison->rows, (comparison->nr_rows + 1) * sizeof(*rows));
	if (!rows)
		return NULL;
	comparison->rows = rows;
	rows += comparison->nr_rows++;
	*rows = (struct compare_row){ .quantity = quantity, .a = NAN, .b = NAN };
	snprintf(rows->name, sizeof(rows->name), "%s", name);
	return rows;
}

/* From a's and b's value and the interval of their difference. */
static void judge(const struct context *context, struct compare_row *row, double a, double b,
		  double low, double high)
{
	const struct comparison *comparison = context->comparison;

	row->change = a ? (b - a) / a * 100 : b ? INFINITY : 0;
	row->low = a ? low / a * 100 : row->change;
	row->high = a ? high / a * 100 : row->change;
	if (low <= 0 && high >= 0)
		row->verdict = COMPARE_SAME;
	else if (b < a)
		row->verdict = COMPARE_LESS;
	else if (comparison->has_limit && row->change > comparison->limit)
		row->verdict = COMPARE_OVER;
	else
		row->verdict = COMPARE_MORE;
}

static const char *time_unit(const struct context *context)
{
	return context->in_ns ? "ns" : "cycles";
}

/* What one cycle of that machine is in that unit. */
static double time_scale(const struct context *context, const struct document *document)
{
	return context->in_ns ? 1e6 / document->tsc_khz : 1;
}

/* ---- two runs ---- */

/* An exit reason of a run. */
struct reason {
	double number, count;
	double truth;			/* NAN: nothing in the guest causes it */
	bool exact;			/* only what is above the truth comes by chance */
	double leaf_cycles, bpf_cycles; /* mean; NAN: not known */
};

static double number_or_nan(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

static int read_reason(const struct document *document, json_t *entry, struct reason *reason,
		       struct error *err)
{
	const char *kind;
	json_error_t why;

	if (json_unpack_ex(entry, &why, 0, "{s:s, s:F}", "truth_kind", &kind, "bpf",
			   &reason->count))
		return malformed(document, why.text, err);
	reason->number = number_or_nan(entry, "number");
	reason->truth = number_or_nan(entry, "truth");
	reason->exact = !strcmp(kind, "exact") || !strcmp(kind, "at-least");
	if (reason->exact && isnan(reason->truth))
		return malformed(document, "a reason without its truth", err);
	reason->leaf_cycles = number_or_nan(entry, "leaf_cycles");
	reason->bpf_cycles = number_or_nan(entry, "bpf_cycles");
	return 0;
}

/* The reason of that number in a document; *found tells whether it is there. */
static int find_reason(const struct document *document, double number, struct reason *reason,
		       bool *found, struct error *err)
{
	json_t *entry;
	size_t i;

	*found = false;
	json_array_foreach(json_object_get(document->root, "reasons"), i, entry) {
		int status = read_reason(document, entry, reason, err);

		if (status)
			return status;
		if (reason->number == number) {
			*found = true;
			return 0;
		}
	}
	return 0;
}

static double all_exits(const struct document *document)
{
	json_t *entry;
	double sum = 0;
	size_t i;

	json_array_foreach(json_object_get(document->root, "reasons"), i, entry)
		sum += json_number_value(json_object_get(entry, "bpf"));
	return sum;
}

/*
 * How often a reason occurred for each time that it was caused, or for each exit of
 * the run where nothing in the guest causes it; and that figure's variance: what is
 * not caused by the guest comes at random times.
 */
static double rate(const struct document *document, const struct reason *reason, double *variance)
{
	double causes = isnan(reason->truth) ? all_exits(document) : reason->truth;
	double random = reason->exact ? fabs(reason->count - reason->truth) : reason->count;

	if (!(causes > 0)) {
		*variance = 0;
		return 0;
	}
	*variance = random / (causes * causes);
	return reason->count / causes;
}

static int compare_counts(struct context *context, const char *name, const struct reason *a,
			  const struct reason *b)
{
	struct compare_row *row = add_row(context, name, "exits");
	double variance_a, variance_b, rate_a, rate_b, error;

	if (!row)
		return no_memory(context->err);
	row->a = a->count;
	row->b = b->count;
	rate_a = rate(&context->a, a, &variance_a);
	rate_b = rate(&context->b, b, &variance_b);
	error = NORMAL_95 * sqrt(variance_a + variance_b);
	judge(context, row, rate_a, rate_b, rate_b - rate_a - error, rate_b - rate_a + error);
	return 0;
}

/* The time of single exits as the program's histograms have it. */
struct spread {
	double nr, sum, squares;
};

/* Adds a histogram: each exit counts as the middle of its bucket, as far as that is within min and max. */
static void add_histogram(struct spread *spread, const json_t *reason)
{
	double min = number_or_nan(reason, "min_ns"), max = number_or_nan(reason, "max_ns");
	json_t *bucket;
	size_t i;

	json_array_foreach(json_object_get(reason, "log2_ns"), i, bucket) {
		double low = fmax(ldexp(1, i), min), high = fmin(ldexp(1, i + 1), max);
		double nr = json_number_value(bucket);
		double middle = (low + high) / 2, width = fmax(high - low, 0);

		spread->nr += nr;
		spread->sum += nr * middle;
		spread->squares += nr * (middle * middle + width * width / 12);
	}
}

/* The standard error of a reason's mean time on the vCPUs that the table is about, ns. */
static double standard_error(const struct document *document, double number)
{
	struct spread spread = { 0 };
	json_t *vcpu, *reason;
	double mean;
	size_t v, r;

	json_array_foreach(json_object_get(document->root, "vcpus"), v, vcpu) {
		const char *phase = json_string_value(json_object_get(vcpu, "phase"));

		if (!phase || strcmp(phase, "single"))
			continue;
		json_array_foreach(json_object_get(vcpu, "reasons"), r, reason)
			if (number_or_nan(reason, "number") == number)
				add_histogram(&spread, reason);
	}
	if (spread.nr < 2)
		return INFINITY;
	mean = spread.sum / spread.nr;
	return sqrt(fmax(spread.squares / spread.nr - mean * mean, 0) / spread.nr);
}

static int compare_times(struct context *context, const char *name, const struct reason *a,
			 const struct reason *b)
{
	bool leaf = !isnan(a->leaf_cycles) && !isnan(b->leaf_cycles);
	double of_a = leaf ? a->leaf_cycles : a->bpf_cycles;
	double of_b = leaf ? b->leaf_cycles : b->bpf_cycles;
	double error_a = standard_error(&context->a, a->number);
	double error_b = standard_error(&context->b, b->number);
	struct compare_row *row;
	double error;

	if (isnan(of_a) || isnan(of_b))
		return 0;
	row = add_row(context, name, time_unit(context));
	if (!row)
		return no_memory(context->err);
	row->a = of_a * time_scale(context, &context->a);
	row->b = of_b * time_scale(context, &context->b);
	/* From ns: to the same unit. */
	error_a *= context->in_ns ? 1 : context->a.tsc_khz * 1e-6;
	error_b *= context->in_ns ? 1 : context->b.tsc_khz * 1e-6;
	error = NORMAL_95 * sqrt(error_a * error_a + error_b * error_b);
	judge(context, row, row->a, row->b, row->b - row->a - error, row->b - row->a + error);
	return 0;
}

static int only_in(struct context *context, const char *name, const struct reason *reason,
		   enum compare_verdict verdict)
{
	struct compare_row *row = add_row(context, name, "exits");

	if (!row)
		return no_memory(context->err);
	*(verdict == COMPARE_ONLY_A ? &row->a : &row->b) = reason->count;
	row->verdict = verdict;
	return 0;
}

static void name_reason(const struct document *document, const struct reason *reason, char *name,
			size_t size)
{
	const char *known;

	if (isnan(reason->number)) {
		snprintf(name, size, "other");
		return;
	}
	known = exit_name(document->isa, reason->number);
	snprintf(name, size, "%s %s", text_exit(document->isa, reason->number).s,
		 known ? known : "");
}

static int compare_reason(struct context *context, json_t *entry)
{
	struct reason a, b;
	char name[64];
	bool found;
	int status;

	status = read_reason(&context->a, entry, &a, context->err);
	if (!status)
		status = find_reason(&context->b, a.number, &b, &found, context->err);
	if (status)
		return status;
	name_reason(&context->a, &a, name, sizeof(name));
	/* Other workloads, and so not the same causes: nothing to compare. */
	if (!found || isnan(a.truth) != isnan(b.truth))
		return only_in(context, name, &a, COMPARE_ONLY_A);
	status = compare_counts(context, name, &a, &b);
	return status ? status : compare_times(context, name, &a, &b);
}

static int compare_runs(struct context *context)
{
	json_t *entry;
	int status = 0;
	size_t i;

	if (context->a.isa != context->b.isa)
		return error_set(context->err, STATUS_USAGE,
				 "%s is of SVM and %s of VMX, or the other way round: their exit "
				 "reasons are not the same",
				 context->a.path, context->b.path);
	json_array_foreach(json_object_get(context->a.root, "reasons"), i, entry) {
		status = compare_reason(context, entry);
		if (status)
			return status;
	}
	json_array_foreach(json_object_get(context->b.root, "reasons"), i, entry) {
		struct reason a, b;
		char name[64];
		bool found;

		status = read_reason(&context->b, entry, &b, context->err);
		if (!status)
			status = find_reason(&context->a, b.number, &a, &found, context->err);
		if (status)
			return status;
		if (found && isnan(a.truth) == isnan(b.truth))
			continue;
		name_reason(&context->b, &b, name, sizeof(name));
		status = only_in(context, name, &b, COMPARE_ONLY_B);
		if (status)
			return status;
	}
	return 0;
}

/* ---- two benches ---- */

static json_t *find_cost(const struct document *document, const char *workload,
			 const char *observer)
{
	json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(document->root, "costs"), i, entry) {
		const char *w = json_string_value(json_object_get(entry, "workload"));
		const char *o = json_string_value(json_object_get(entry, "observer"));

		if (w && o && !strcmp(w, workload) && !strcmp(o, observer))
			return entry;
	}
	return NULL;
}

/* The samples of a quantity, scaled; NULL if there are none (*nr is 0 then) or no memory. */
static double *samples_of(const json_t *cost, const char *quantity, double scale, unsigned int *nr)
{
	const json_t *list = json_object_get(json_object_get(cost, quantity), "samples");
	double *samples = NULL;

	*nr = json_array_size(list);
	if (*nr)
		samples = calloc(*nr, sizeof(*samples));
	for (unsigned int i = 0; samples && i < *nr; i++)
		samples[i] = json_number_value(json_array_get(list, i)) * scale;
	return samples;
}

static int compare_quantity(struct context *context, const char *name, const json_t *a,
			    const json_t *b, const char *quantity)
{
	bool cycles = !strcmp(quantity, "cycles");
	unsigned int nr_a, nr_b;
	double *of_a =
		samples_of(a, quantity, cycles ? time_scale(context, &context->a) : 1, &nr_a);
	double *of_b =
		samples_of(b, quantity, cycles ? time_scale(context, &context->b) : 1, &nr_b);
	struct estimate difference, base;
	struct compare_row *row;
	int status = 0;

	if (nr_a && nr_b) {
		row = add_row(context, name, cycles ? time_unit(context) : quantity);
		if (!of_a || !of_b || !row || !stats_estimate(of_a, nr_a, &base) ||
		    !stats_apart(of_b, nr_b, of_a, nr_a, &difference)) {
			status = no_memory(context->err);
		} else {
			row->a = base.median;
			row->b = base.median + difference.median;
			/* Of too few samples there is no telling. */
			if (!difference.has_interval)
				difference.low = -INFINITY, difference.high = INFINITY;
			judge(context, row, row->a, row->b, difference.low, difference.high);
		}
	}
	free(of_a);
	free(of_b);
	return status;
}

static int compare_cost(struct context *context, const json_t *a, const json_t *b,
			const char *workload, const char *observer)
{
	struct compare_row *row;
	char name[64];
	int status;

	snprintf(name, sizeof(name), "%s %s", workload, observer);
	if (a && b) {
		status = compare_quantity(context, name, a, b, "cycles");
		return status ? status : compare_quantity(context, name, a, b, "instructions");
	}
	row = add_row(context, name, time_unit(context));
	if (!row)
		return no_memory(context->err);
	row->verdict = a ? COMPARE_ONLY_A : COMPARE_ONLY_B;
	return 0;
}

static bool are_numbers(const json_t *list)
{
	const json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
		if (!json_is_number(element))
			return false;
	return json_array_size(list);
}

/* One that is in both is compared as the first document's. */
static int compare_costs_of(struct context *context, const struct document *document)
{
	json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(document->root, "costs"), i, entry) {
		const char *workload, *observer;
		json_t *a, *b, *samples;
		json_error_t why;
		int status;

		if (json_unpack_ex(entry, &why, 0, "{s:s, s:s, s:{s:o}}", "workload", &workload,
				   "observer", &observer, "cycles", "samples", &samples))
			return malformed(document, why.text, context->err);
		if (!are_numbers(samples))
			return malformed(document,
					 "a cost without samples, or one that is no number",
					 context->err);
		a = find_cost(&context->a, workload, observer);
		b = find_cost(&context->b, workload, observer);
		if (document == &context->b && a)
			continue;
		status = compare_cost(context, a, b, workload, observer);
		if (status)
			return status;
	}
	return 0;
}

static int compare_benches(struct context *context)
{
	int status = compare_costs_of(context, &context->a);

	return status ? status : compare_costs_of(context, &context->b);
}

/* ---- both ---- */

static int compare_documents(struct context *context)
{
	struct comparison *comparison = context->comparison;
	double rate_a, rate_b;
	int status;

	status = read_document(&context->a, &comparison->a, context->err);
	if (!status)
		status = read_document(&context->b, &comparison->b, context->err);
	if (status)
		return status;
	if (context->a.bench != context->b.bench)
		return error_set(context->err, STATUS_USAGE,
				 "%s is of exitcheck %s and %s of exitcheck %s: give two of the "
				 "same kind",
				 context->a.path, context->a.bench ? "bench" : "run",
				 context->b.path, context->b.bench ? "bench" : "run");
	rate_a = context->a.tsc_khz;
	rate_b = context->b.tsc_khz;
	context->in_ns = fabs(rate_a - rate_b) > SAME_TSC * rate_a;
	comparison->kind = context->a.bench ? "bench" : "run";
	return context->a.bench ? compare_benches(context) : compare_runs(context);
}

int compare_files(const char *a, const char *b, double limit, struct comparison **comparison,
		  struct error *err)
{
	struct context context = {
		.a = { .path = a },
		.b = { .path = b },
		.err = err,
	};
	int status;

	context.comparison = calloc(1, sizeof(*context.comparison));
	if (!context.comparison)
		return no_memory(err);
	context.comparison->has_limit = limit >= 0;
	context.comparison->limit = limit;
	status = compare_documents(&context);
	json_decref(context.a.root);
	json_decref(context.b.root);
	if (status)
		compare_destroy(context.comparison);
	else
		*comparison = context.comparison;
	return status;
}

void compare_destroy(struct comparison *comparison)
{
	if (!comparison)
		return;
	free(comparison->rows);
	free(comparison);
}

static bool is_compared(const struct compare_row *row)
{
	return row->verdict != COMPARE_ONLY_A && row->verdict != COMPARE_ONLY_B;
}

int compare_status(const struct comparison *comparison)
{
	int status = STATUS_INCONCLUSIVE;

	for (unsigned int i = 0; i < comparison->nr_rows; i++) {
		if (comparison->rows[i].verdict == COMPARE_OVER)
			return STATUS_MISMATCH;
		if (is_compared(&comparison->rows[i]))
			status = STATUS_PASS;
	}
	return status;
}
