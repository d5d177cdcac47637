/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MARKDOWN_H
#define MARKDOWN_H

#include <jansson.h>
#include <stdio.h>

void report_markdown(FILE *to, const json_t *document);

#endif
