/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCH_HTML_H
#define BENCH_HTML_H

#include <jansson.h>
#include <stdio.h>

/* The page of a bench. */
void report_bench_html(FILE *to, const json_t *document);

#endif
