/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCH_DOCUMENT_H
#define BENCH_DOCUMENT_H

#include <jansson.h>

#include "bench/bench.h"

/* The JSON document of a bench, of which all forms are made; NULL: no memory. */
json_t *bench_document(const struct bench *bench);

#endif
