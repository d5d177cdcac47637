// SPDX-License-Identifier: GPL-2.0-only
#include "compare/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare/quantities.h"
#include "report/parts.h"
#include "report/schema.h"
#include "util/permutation.h"
#include "util/text.h"

#define SAME_TSC 0.01 /* rates that differ by less are those of one machine */

struct context {
	struct comparison *comparison;
	struct quantities quantities;
	struct error *err;
};

static int no_memory(struct error *err)
{
	return error_set(err, STATUS_CANNOT_RUN, "out of memory");
}

static unsigned int nr_files(const struct comparison *comparison)
{
	return comparison->a.nr + comparison->b.nr;
}

static const json_t *document_at(const struct comparison *comparison, unsigned int file)
{
	return file < comparison->a.nr ? comparison->a.documents[file] :
					 comparison->b.documents[file - comparison->a.nr];
}

static const char *name_at(const struct comparison *comparison, unsigned int file)
{
	return file < comparison->a.nr ? comparison->a.names[file] :
					 comparison->b.names[file - comparison->a.nr];
}

/* ---- documents ---- */

static double tsc_khz(const json_t *document)
{
	return doc_real(json_object_get(document, "host"), "tsc_khz");
}

static int check_document(struct context *context, unsigned int file)
{
	const struct comparison *comparison = context->comparison;
	const json_t *document = document_at(comparison, file), *first = document_at(comparison, 0);
	const char *name = name_at(comparison, file);

	if (report_is_error(document))
		return error_set(context->err, STATUS_USAGE, "%s is from a run that failed: %s",
				 name, report_closing(document));
	if (schema_kind(document) == SCHEMA_COMPARISON)
		return error_set(context->err, STATUS_USAGE,
				 "%s is a comparison: use what it is of", name);
	if (!(tsc_khz(document) > 0))
		return error_set(context->err, STATUS_USAGE, "%s: host.tsc_khz is not above 0",
				 name);
	if (schema_kind(document) != schema_kind(first))
		return error_set(
			context->err, STATUS_USAGE,
			"one file is from exitcheck bench and the other from exitcheck run: use"
			" files of the same kind");
	if (strcmp(doc_string(json_object_get(document, "host"), "isa"),
		   doc_string(json_object_get(first, "host"), "isa")) &&
	    schema_kind(document) == SCHEMA_RUN)
		return error_set(context->err, STATUS_USAGE,
				 "one report is from SVM and the other from VMX: their exit reasons"
				 " differ");
	return 0;
}

static int collect(struct context *context)
{
	const struct comparison *comparison = context->comparison;
	struct quantities *quantities = &context->quantities;
	const double khz = tsc_khz(document_at(comparison, 0));
	bool in_ns = false, leaves = true;
	int status = 0;

	for (unsigned int f = 0; f < nr_files(comparison) && !status; f++) {
		const json_t *document = document_at(comparison, f);

		status = check_document(context, f);
		in_ns |= fabs(tsc_khz(document) - khz) > SAME_TSC * khz;
		leaves &= !strcmp(doc_string(json_object_get(document, "leaves"), "state"),
				  "present");
	}
	if (status)
		return status;
	if (!quantities_begin(quantities, comparison->a.nr, comparison->b.nr, in_ns, leaves))
		return no_memory(context->err);
	for (unsigned int f = 0; f < nr_files(comparison); f++)
		if (!quantities_add(quantities, document_at(comparison, f), f))
			return no_memory(context->err);
	quantities_complete(quantities);
	return 0;
}

/* ---- rows ---- */

/* Whether what all files of a group have is the same; *value. */
static bool is_constant(const double *values, unsigned int nr, double *value)
{
	*value = values[0];
	for (unsigned int i = 0; i < nr; i++)
		if (!(values[i] == values[0]))
			return false;
	return nr > 0;
}

static enum compare_verdict direction(const struct comparison *comparison,
				      const struct compare_row *row)
{
	if (row->b < row->a)
		return COMPARE_LESS;
	return comparison->has_limit && row->change > comparison->limit ? COMPARE_OVER :
									  COMPARE_MORE;
}

/* A difference of the values, as per cent of what a is. */
static double per_cent(const struct quantity *quantity, const struct permuted *of,
		       double difference)
{
	double base = quantity->base > 0 ? quantity->base : of->mean_a;

	if (quantity->is_log)
		return (exp(difference) - 1) * 100;
	if (base > 0)
		return difference / base * 100;
	return difference > 0 ? INFINITY : difference < 0 ? -INFINITY : 0;
}

static void judge_row(struct comparison *comparison, const struct quantity *quantity,
		      const double *values, const struct permutation *permutation,
		      const struct permuted *of, struct compare_row *row)
{
	const double difference = of->mean_b - of->mean_a;
	const double reach = permutation->critical * of->error;
	double all_a, all_b;

	memcpy(row->name, quantity->name, sizeof(row->name));
	memcpy(row->exit, quantity->exit, sizeof(row->exit));
	row->quantity = quantity->unit;
	row->is_log = quantity->is_log;
	row->a = quantity->is_log ? exp(of->mean_a) : of->mean_a;
	row->b = quantity->is_log ? exp(of->mean_b) : of->mean_b;
	row->change = row->low = row->high = row->p = NAN;
	row->verdict = of->nr_a ? COMPARE_ONLY_A : COMPARE_ONLY_B;
	if (!of->nr_a || !of->nr_b)
		return;
	row->change = per_cent(quantity, of, difference);
	row->exact = quantity->exact && is_constant(values, comparison->a.nr, &all_a) &&
		     is_constant(values + comparison->a.nr, comparison->b.nr, &all_b);
	if (row->exact) {
		row->low = row->high = row->change;
		row->verdict = all_a == all_b ? COMPARE_SAME : direction(comparison, row);
		return;
	}
	row->verdict = COMPARE_TOO_FEW;
	if (permutation->too_few)
		return;
	row->p = of->p;
	row->low = per_cent(quantity, of, difference - reach);
	row->high = per_cent(quantity, of, difference + reach);
	/* No rate is below 0. */
	if (quantity->is_rate)
		row->low = fmax(row->low, -100);
	row->verdict = of->p <= PERMUTATION_ALPHA ? direction(comparison, row) : COMPARE_SAME;
	if (!comparison->has_limit || row->verdict == COMPARE_OVER ||
	    row->high <= comparison->limit)
		return;
	if (row->verdict == COMPARE_SAME)
		row->verdict = COMPARE_TOO_FEW;
	comparison->may_be_over++;
}

static int judge(struct context *context)
{
	struct comparison *comparison = context->comparison;
	const struct quantities *quantities = &context->quantities;
	struct permutation permutation = {
		.nr_a = comparison->a.nr,
		.nr_b = comparison->b.nr,
		.nr_rows = quantities->nr,
		.values = quantities->values,
		.floors = calloc(quantities->nr + 1, sizeof(double)),
	};
	struct permuted *permuted = calloc(quantities->nr + 1, sizeof(*permuted));
	bool done = permutation.floors && permuted;

	comparison->rows = calloc(quantities->nr + 1, sizeof(*comparison->rows));
	for (size_t r = 0; r < quantities->nr && permutation.floors; r++)
		permutation.floors[r] = quantities->list[r].floor;
	done = done && comparison->rows && permutation_test(&permutation, permuted);
	comparison->labellings = permutation.labellings;
	for (size_t r = 0; r < quantities->nr && done; r++)
		judge_row(comparison, &quantities->list[r],
			  quantities->values + r * nr_files(comparison), &permutation, &permuted[r],
			  &comparison->rows[comparison->nr_rows++]);
	free(permutation.floors);
	free(permuted);
	return done ? 0 : no_memory(context->err);
}

int compare_documents(const struct compare_side *a, const struct compare_side *b, double limit,
		      struct comparison **comparison, struct error *err)
{
	struct context context = { .err = err };
	int status;

	context.comparison = calloc(1, sizeof(*context.comparison));
	if (!context.comparison)
		return no_memory(err);
	context.comparison->a = *a;
	context.comparison->b = *b;
	context.comparison->has_limit = limit >= 0;
	context.comparison->limit = limit;
	context.comparison->kind = schema_kind(a->documents[0]) == SCHEMA_BENCH ? "bench" : "run";
	status = collect(&context);
	if (!status)
		status = judge(&context);
	quantities_end(&context.quantities);
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

/* ---- the whole ---- */

size_t compare_count(const struct comparison *comparison, enum compare_verdict verdict)
{
	size_t nr = 0;

	for (size_t i = 0; i < comparison->nr_rows; i++)
		nr += comparison->rows[i].verdict == verdict;
	return nr;
}

unsigned int compare_verdicts(const struct compare_side *side, const char *verdict)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < side->nr; i++)
		nr += !strcmp(report_verdict(side->documents[i]), verdict);
	return nr;
}

int compare_status(const struct comparison *comparison)
{
	const size_t only = compare_count(comparison, COMPARE_ONLY_A) +
			    compare_count(comparison, COMPARE_ONLY_B);

	if (compare_count(comparison, COMPARE_OVER) ||
	    (compare_verdicts(&comparison->b, "FAIL") && !compare_verdicts(&comparison->a, "FAIL")))
		return STATUS_MISMATCH;
	if (compare_count(comparison, COMPARE_TOO_FEW) || comparison->may_be_over ||
	    comparison->nr_rows == only)
		return STATUS_INCONCLUSIVE;
	return STATUS_PASS;
}
