/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COLOR_H
#define COLOR_H

#include <stdbool.h>

enum color {
	COLOR_NONE,
	COLOR_BOLD,
	COLOR_DIM,
	COLOR_RED,
	COLOR_GREEN,
	COLOR_YELLOW
};

/* What a terminal is sent before a text of that colour, and after it. */
const char *color_begin(enum color color);
const char *color_end(enum color color);

/* Whether text to this file is coloured: a terminal, without NO_COLOR or TERM=dumb. */
bool color_wanted(int fd);

#endif
