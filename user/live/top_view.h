/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TOP_VIEW_H
#define TOP_VIEW_H

/* The screen of `exitcheck top`, line by line. */

#include "kvm/host.h"
#include "live/proof.h"
#include "live/top_model.h"

#define TOP_MAX_COLUMNS 512

/* What a part of the screen is, for the terminal to show as it can. */
enum top_role {
	TOP_PLAIN,
	TOP_BOLD,
	TOP_DIM,
	TOP_GOOD,
	TOP_BAD,
	TOP_HEADING,
	TOP_SORTED, /* in the heading */
	TOP_CURSOR,
};

struct top_line {
	char text[4 * TOP_MAX_COLUMNS + 1]; /* UTF-8 */
	enum top_role role;
	unsigned int from, width; /* columns that are of another role */
	enum top_role part;
};

struct top_view {
	const struct top_model *model;
	const struct host *host;
	const char *source; /* of the numbers, in words */
	const struct proof *proof;
	unsigned int interval;
};

typedef void (*top_put)(void *context, unsigned int y, const struct top_line *line);

/* Gives put each line that is not empty. */
void top_draw(const struct top_view *view, unsigned int width, unsigned int height, top_put put,
	      void *context);

/* How many rows, or lines of a histogram, a screen has room for. */
unsigned int top_page(const struct top_model *model, unsigned int height);

#endif
