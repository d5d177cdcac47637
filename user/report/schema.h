/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SCHEMA_H
#define SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

#include "util/error.h"

/*
 * Whether it is a document of bench, by its member "document"; others are of run, or of an error.
 */
bool schema_is_bench(const json_t *document);

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
