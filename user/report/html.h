/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HTML_H
#define HTML_H

#include <jansson.h>
#include <stdio.h>

/* A page that needs no other file. */
void report_html(FILE *to, const json_t *document);

#endif
