// SPDX-License-Identifier: GPL-2.0-only
#include "compare/compare.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/file.h"
#include "report/parts.h"
#include "report/schema.h"
#include "util/stats.h"
#include "util/text.h"

#define NORMAL_95 1.96 /* standard errors to either side that hold 95 % */
#define SAME_TSC 0.01  /* rates that differ by less are those of one machine */

/* One of the two. */
struct document {
	const json_t *root;
	const char *isa;
	double tsc_khz;
};

struct context {
	struct document a, b;
	struct comparison *comparison;
	bool in_ns; /* two machines: their cycles are not the same */
	struct error *err;
};

static int no_memory(struct error *err)
{
	return error_set(err, STATUS_CANNOT_RUN, "out of memory");
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
	/* A character may have been cut in two. */
	text_clean(rows->name);
	return rows;
}

/* From a's and b's value and the interval of their difference. */
static void judge(const struct context *context, struct compare_row *row, double a, double b,
		  double low, double high)
{
	const struct comparison *comparison = context->comparison;

	row->change = a != 0 ? (b - a) / a * 100 : b != 0 ? INFINITY : 0;
	row->low = a != 0 ? low / a * 100 : row->change;
	row->high = a != 0 ? high / a * 100 : row->change;
	/* Without numbers nothing can be said. */
	if (!(low > 0) && !(high < 0))
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
	const json_t *number;
	double count;
	double truth;			/* NAN: nothing in the guest causes it */
	bool exact;			/* only exits above the truth come by chance */
	double leaf_cycles, bpf_cycles; /* mean; NAN: not known */
};

static double number_or_nan(const json_t *object, const char *name)
{
	return doc_is_null(object, name) ? NAN : doc_real(object, name);
}

static struct reason read_reason(const json_t *entry)
{
	const char *kind = doc_string(entry, "truth_kind");
	double truth = number_or_nan(entry, "truth");

	return (struct reason){
		.number = json_object_get(entry, "number"),
		.count = doc_real(entry, "bpf"),
		.truth = truth,
		.exact = !isnan(truth) && (!strcmp(kind, "exact") || !strcmp(kind, "at-least")),
		.leaf_cycles = number_or_nan(entry, "leaf_cycles"),
		.bpf_cycles = number_or_nan(entry, "bpf_cycles"),
	};
}

/* Whether both documents have that reason, with the same kind of truth. */
static bool find_reason(const struct document *document, const struct reason *like,
			struct reason *reason)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(document->root, "reasons"), i, entry) {
		*reason = read_reason(entry);
		if (json_equal(reason->number, like->number))
			/* The workloads differ, so the causes differ: nothing to compare. */
			return isnan(reason->truth) == isnan(like->truth);
	}
	return false;
}

static double all_exits(const struct document *document)
{
	const json_t *entry;
	double sum = 0;
	size_t i;

	json_array_foreach(json_object_get(document->root, "reasons"), i, entry)
		sum += doc_real(entry, "bpf");
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
	const json_t *bucket;
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
static double standard_error(const struct document *document, const json_t *number)
{
	struct spread spread = { 0 };
	const json_t *vcpu, *reason;
	double mean;
	size_t v, r;

	json_array_foreach(json_object_get(document->root, "vcpus"), v, vcpu) {
		if (strcmp(doc_string(vcpu, "phase"), "single"))
			continue;
		json_array_foreach(json_object_get(vcpu, "reasons"), r, reason)
			if (json_equal(json_object_get(reason, "number"), number))
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

static int compare_reason(struct context *context, const char *name, const struct reason *a,
			  const struct reason *b)
{
	int status = compare_counts(context, name, a, b);

	return status ? status : compare_times(context, name, a, b);
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

/* A row that is in both was compared with the first document. */
static int compare_reasons_of(struct context *context, const struct document *document)
{
	bool is_a = document == &context->a;
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(document->root, "reasons"), i, entry) {
		struct reason reason = read_reason(entry), other;
		struct reason_name name = report_reason(document->root, entry);
		int status = 0;

		if (!find_reason(is_a ? &context->b : &context->a, &reason, &other))
			status = only_in(context, name.s, &reason,
					 is_a ? COMPARE_ONLY_A : COMPARE_ONLY_B);
		else if (is_a)
			status = compare_reason(context, name.s, &reason, &other);
		if (status)
			return status;
	}
	return 0;
}

static int compare_runs(struct context *context)
{
	int status;

	if (strcmp(context->a.isa, context->b.isa))
		return error_set(context->err, STATUS_USAGE,
				 "one report is from SVM and the other from VMX: their exit reasons"
				 " differ");
	status = compare_reasons_of(context, &context->a);
	return status ? status : compare_reasons_of(context, &context->b);
}

/* ---- two benches ---- */

static const json_t *find_cost(const struct document *document, const json_t *like)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(document->root, "costs"), i, entry)
		if (!strcmp(doc_string(entry, "workload"), doc_string(like, "workload")) &&
		    !strcmp(doc_string(entry, "observer"), doc_string(like, "observer")))
			return entry;
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
			/* Too few samples say nothing. */
			if (!difference.has_interval)
				difference.low = -INFINITY, difference.high = INFINITY;
			judge(context, row, row->a, row->b, difference.low, difference.high);
		}
	}
	free(of_a);
	free(of_b);
	return status;
}

/* A row that is in both was compared with the first document. */
static int compare_costs_of(struct context *context, const struct document *document)
{
	bool is_a = document == &context->a;
	struct compare_row *row;
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(document->root, "costs"), i, entry) {
		const json_t *other = find_cost(is_a ? &context->b : &context->a, entry);
		int status = 0;
		char name[64];

		snprintf(name, sizeof(name), "%s %s", doc_string(entry, "workload"),
			 doc_string(entry, "observer"));
		if (!other) {
			row = add_row(context, name, time_unit(context));
			if (!row)
				return no_memory(context->err);
			row->verdict = is_a ? COMPARE_ONLY_A : COMPARE_ONLY_B;
		} else if (is_a) {
			status = compare_quantity(context, name, entry, other, "cycles");
			if (!status)
				status = compare_quantity(context, name, entry, other,
							  "instructions");
		}
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

static int read_host(const json_t *root, const char *name, struct document *document,
		     struct compare_origin *origin, struct error *err)
{
	const json_t *host = json_object_get(root, "host");

	if (report_is_error(root))
		return error_set(err, STATUS_USAGE, "%s is from a run that failed: %s", name,
				 report_closing(root));
	*document = (struct document){
		.root = root,
		.isa = doc_string(host, "isa"),
		.tsc_khz = doc_real(host, "tsc_khz"),
	};
	if (!(document->tsc_khz > 0))
		return error_set(err, STATUS_USAGE, "%s: host.tsc_khz is not above 0", name);
	snprintf(origin->cpu, sizeof(origin->cpu), "%s", doc_string(host, "cpu"));
	snprintf(origin->kernel, sizeof(origin->kernel), "%s", doc_string(host, "kernel"));
	text_clean(origin->cpu);
	text_clean(origin->kernel);
	return 0;
}

static int compare_both(struct context *context, const json_t *a, const json_t *b)
{
	struct comparison *comparison = context->comparison;
	bool bench = schema_is_bench(a);
	int status;

	status = read_host(a, "A", &context->a, &comparison->a, context->err);
	if (!status)
		status = read_host(b, "B", &context->b, &comparison->b, context->err);
	if (status)
		return status;
	if (bench != schema_is_bench(b))
		return error_set(
			context->err, STATUS_USAGE,
			"one file is from exitcheck bench and the other from exitcheck run: use"
			" two of the same kind");
	context->in_ns = fabs(context->a.tsc_khz - context->b.tsc_khz) >
			 SAME_TSC * context->a.tsc_khz;
	comparison->kind = bench ? "bench" : "run";
	return bench ? compare_benches(context) : compare_runs(context);
}

int compare_documents(const json_t *a, const json_t *b, double limit,
		      struct comparison **comparison, struct error *err)
{
	struct context context = { .err = err };
	int status;

	context.comparison = calloc(1, sizeof(*context.comparison));
	if (!context.comparison)
		return no_memory(err);
	context.comparison->has_limit = limit >= 0;
	context.comparison->limit = limit;
	status = compare_both(&context, a, b);
	if (status)
		compare_destroy(context.comparison);
	else
		*comparison = context.comparison;
	return status;
}

int compare_files(const char *a, const char *b, double limit, struct comparison **comparison,
		  struct error *err)
{
	json_t *of_a = NULL, *of_b = NULL;
	int status = report_read(a, &of_a, err);

	if (!status)
		status = report_read(b, &of_b, err);
	if (!status)
		status = compare_documents(of_a, of_b, limit, comparison, err);
	json_decref(of_a);
	json_decref(of_b);
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
