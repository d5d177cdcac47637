/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TOP_MODEL_H
#define TOP_MODEL_H

/* What `exitcheck top` has to show: rows of the last look, where the user is among them, and what each key does. */

#include <stdbool.h>
#include <stdint.h>

#include "live/columns.h"
#include "live/labels.h"
#include "live/top_keys.h"
#include "live/usage.h"

enum top_list {
	TOP_VMS,
	TOP_VCPUS,
	TOP_REASONS,
	TOP_HISTOGRAM, /* of one reason */
};

#define TOP_ANY_VCPU UINT64_MAX

/* What a row is of, or what all rows are of. */
struct top_id {
	unsigned int vm; /* 0: any */
	uint64_t vcpu;	 /* its key, TOP_ANY_VCPU: any */
	int index;	 /* of a reason, -1: any */
};

struct top_row {
	struct top_id id;
	unsigned int task;   /* the VM's process, or the vCPU's thread, 0: not known */
	unsigned int vcpus;  /* of a VM */
	unsigned int number; /* of a vCPU */
	bool gone;
	bool is_known; /* it has numbers: it was there in that time */
	struct usage_exits sum;
	double key; /* that it is sorted by; NAN: not known */
	struct label label;
};

/* Where the user is, or has come from. */
struct top_place {
	enum top_list list;
	struct top_id of;
	unsigned int first,
		cursor;	      /* rows: the first that the screen has, and the chosen one ... */
	struct top_id chosen; /* ... which may move */
	char filter[64];
};

#define TOP_MAX_DEPTH 4
#define TOP_BY_NAME NR_COLUMNS /* beside the columns: what rows may be sorted by */

struct top_model {
	enum exit_isa isa;
	const struct usage *usage; /* NULL before the first look */
	struct top_place places[TOP_MAX_DEPTH];
	unsigned int depth; /* of the present place */
	unsigned int page;  /* rows that the screen has */
	unsigned int sort;  /* enum column_id, or TOP_BY_NAME */
	bool reverse;
	bool totals; /* since the beginning, not since the last look */
	bool frozen; /* there shall be no further look */
	bool help, quit;
	bool types_filter;
	char former_filter[64];

	struct top_row *rows;
	unsigned int nr_rows, nr_unfiltered;
	struct usage_exits total;
	bool total_is_known;
	unsigned int first_bucket, nr_buckets; /* of TOP_HISTOGRAM */
	bool failed;			       /* no memory */
};

void top_open(struct top_model *model, enum exit_isa isa);
void top_close(struct top_model *model);

/* After a look; usage stays as it is until the next one. */
void top_update(struct top_model *model, const struct usage *usage);

/* A key was typed. */
void top_type(struct top_model *model, int key);

/* The screen has room for so many rows, or lines of a histogram. */
void top_set_page(struct top_model *model, unsigned int page);

const struct top_place *top_place(const struct top_model *model);

/* Whether a place can have a list. */
bool top_has_list(const struct top_place *place, enum top_list list);

/* A VM by its number, a vCPU by its key; NULL: there is none any more. */
const struct usage_vm *top_vm(const struct top_model *model, unsigned int number);
const struct usage_vcpu *top_vcpu(const struct top_model *model, uint64_t key);

/* Seconds that the rows are of. */
double top_seconds(const struct top_model *model);

#endif
