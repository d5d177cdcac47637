/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SCHEMA_H
#define SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

#include "util/error.h"

/*
 * The documents that are read again are those of run, those of bench (their member "document" says
 * so), and that of an error of either.
 */
bool schema_is_bench(const json_t *document);

/* The schema_version that this exitcheck knows of such a document. */
int schema_version(const json_t *document);

/*
 * Holds a document against its schema, user/report/report.schema.json or user/report/bench.schema.json, which
 * exitcheck carries. Members that are not in the schema are let through, unless strict.
 * STATUS_USAGE, the first place that does not fit.
 */
int schema_check(const json_t *document, bool strict, struct error *err);

#endif
