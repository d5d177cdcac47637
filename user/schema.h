/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SCHEMA_H
#define SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

#include "error.h"

/*
 * Holds a document against user/report.schema.json, which exitcheck carries. Members that are
 * not in the schema are let through, unless strict. STATUS_USAGE, the first place that does not fit.
 */
int schema_check(const json_t *document, bool strict, struct error *err);

#endif
