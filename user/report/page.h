/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PAGE_H
#define PAGE_H

/*
 * What the pages have in common. A page needs nothing but itself. All that it says is written in
 * it, so that it can be read without JavaScript; the charts are drawn (report.js) from the document,
 * which the page carries.
 */

#include <jansson.h>
#include <stdio.h>

/* The page's head: what it is, and of which kernel (or why there is nothing). */
void page_begin(FILE *to, const char *what, const char *of);

/* The box at the top, of that class in report.css; sign may be "". What follows is the main part. */
void page_header(FILE *to, const json_t *document, const char *class, const char *sign,
		 const char *title, const char *text);

/* The foot, and the scripts, but not on that of an error. */
void page_end(FILE *to, const json_t *document);

void section_begin(FILE *to, const char *id, const char *title);
void section_end(FILE *to);

/* One of a list, <dl class="figures">. */
void figure(FILE *to, const char *value, const char *what);

/* A place for a chart; text is what it shows, for those who do not see it. */
void canvas(FILE *to, const char *id, const char *title, const char *text);

/* What was looked at. */
void machine_section(FILE *to, const json_t *document);

/* A table that scrolls within the page where that is narrow. */
void table_begin(FILE *to, const char *caption);

/* The heads of the columns, up to NULL; those of numbers begin with "#". */
void table_heads(FILE *to, const char *const *heads);
void table_end(FILE *to);

void number_cell(FILE *to, const char *text);
void count_cell(FILE *to, const json_t *object, const char *key);

#endif
