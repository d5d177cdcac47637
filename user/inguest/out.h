/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef INGUEST_OUT_H
#define INGUEST_OUT_H

/* Text to a file descriptor: as stdio, but nothing is allocated. */

#include <stdbool.h>
#include <stddef.h>

#include "util/color.h"

struct out {
	int fd;
	bool color;
	int failed; /* errno of a write that failed */
	size_t length;
	char text[4096];
};

__attribute__((format(printf, 2, 3))) void out_print(struct out *out, const char *format, ...);

/* One cell of a table, of that many columns: a negative width aligns to the left, as in printf(). */
void out_cell(struct out *out, int width, const char *text);

void out_color(struct out *out, enum color color);
void out_color_end(struct out *out, enum color color);

/* Writes what is left. False: this write, or one before it, failed. */
bool out_flush(struct out *out);

#endif
