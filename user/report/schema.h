/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SCHEMA_H
#define SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

#include "util/error.h"

/* What a document is of, by its member "document". */
enum schema_kind {
	SCHEMA_RUN, /* or an error */
	SCHEMA_BENCH,
	SCHEMA_COMPARISON,
	NR_SCHEMA_KINDS,
};

enum schema_kind schema_kind(const json_t *document);

/* The schema_version that this exitcheck knows of such a document. */
int schema_version(const json_t *document);

/*
 * Checks a document against its schema, which exitcheck carries. Unknown members are allowed,
 * unless strict. STATUS_USAGE with the first place that does not fit.
 */
int schema_check(const json_t *document, bool strict, struct error *err);

/* The same against any schema. */
int schema_check_by(const json_t *schema, const json_t *document, bool strict, struct error *err);

#endif
