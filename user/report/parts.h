/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef REPORT_PARTS_H
#define REPORT_PARTS_H

/*
 * What the forms for people share. They take a document that fits the schema, and treat a missing
 * member (one that was added later) as empty.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/text.h"

/* ---- members of an object ---- */

/* A string, "" for null. */
const char *doc_string(const json_t *object, const char *key);

/* A count, as text_u64() has it, and unbroken; "-" for null. */
struct text doc_count(const json_t *object, const char *key);
struct text doc_digits(const json_t *object, const char *key);

/* A real number or an integer; 0 for null. */
double doc_real(const json_t *object, const char *key);

bool doc_is_null(const json_t *object, const char *key);

/* ---- parts ---- */

/* Whether it is from a failed run: it has "error" and no report. */
bool report_is_error(const json_t *document);

/* The verdict, a word, and the rest of the closing line; ERROR and the reason for a failed run. */
const char *report_verdict(const json_t *document);
const char *report_closing(const json_t *document);

/* The time of the start, in UTC, as strftime() formats it. */
struct text report_time(const json_t *document, const char *format);

/* The header of the report: what was examined. */
#define REPORT_MAX_FACTS 7

struct report_fact {
	const char *name;
	char text[512];
};

/* Returns how many there are. */
unsigned int report_facts(const json_t *document, struct report_fact *facts);

/* The table by reason. */
enum report_column {
	COLUMN_EXIT,
	COLUMN_REASON,
	COLUMN_TRUTH,
	COLUMN_LEAF,
	COLUMN_BPF,
	COLUMN_DIFFERENCE,
	COLUMN_LEAF_CYCLES,
	COLUMN_BPF_CYCLES,
	COLUMN_BIAS,
	COLUMN_UNCOVERED,
	COLUMN_VERDICT,
	NR_COLUMNS,
};

struct report_row {
	const char *cell[NR_COLUMNS]; /* into the document, or into: */
	char buffer[NR_COLUMNS][32];
};

extern const char *const report_columns[NR_COLUMNS];

/* What the table is about, one line. */
struct report_title {
	char s[256];
};

struct report_title report_title(const json_t *document);

/* What its columns are. */
extern const char report_legend[];

/* Words begin at the left of their column, numbers end at its right. */
static inline bool report_is_words(enum report_column column)
{
	return column == COLUMN_REASON || column == COLUMN_VERDICT;
}

/* A row of "reasons"; filled in place, as it points into itself. */
void report_row(const json_t *document, const json_t *reason, struct report_row *row);

/* "0x72 CPUID", of a row of "reasons", "latency" ... */
struct reason_name {
	char s[96];
};

struct reason_name report_reason(const json_t *document, const json_t *reason);

/* The same for a row of bench's "workloads"; "-" if it has no exit of its own. */
struct reason_name report_workload_exit(const json_t *document, const json_t *workload);

/* Of run --leaves: "3 of 6 points: EXITS, CYCLES, ALL-EXITS"; a remark touches none. */
struct points_text {
	char s[96];
};

struct points_text report_points(const json_t *document, const json_t *finding);

/* Whether a report has them in the place of diagnoses: defects, then remarks. */
const json_t *report_findings(const json_t *document, bool remarks);
bool report_is_published(const json_t *document);

/* Shown for a failed run without a diagnosis. */
#define REPORT_NO_DIAGNOSIS "None: the failures match no known defect."

#endif
