/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPARISON_HTML_H
#define COMPARISON_HTML_H

#include <jansson.h>
#include <stdio.h>

/* The page of a comparison, below its verdict. */
void report_comparison_html(FILE *to, const json_t *document);

#endif
