// SPDX-License-Identifier: GPL-2.0-only
#include "inguest/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "util/text.h"

bool out_flush(struct out *out)
{
	size_t done = 0;

	while (done < out->length && !out->failed) {
		ssize_t n = write(out->fd, out->text + done, out->length - done);

		if (n < 0 && errno != EINTR)
			out->failed = errno;
		else if (n > 0)
			done += n;
	}
	out->length = 0;
	return !out->failed;
}

void out_print(struct out *out, const char *format, ...)
{
	va_list args;

	for (int attempt = 0; attempt < 2; attempt++) {
		size_t room = sizeof(out->text) - out->length;
		size_t length;

		va_start(args, format);
		length = vsnprintf(out->text + out->length, room, format, args);
		va_end(args);
		if (length < room) {
			out->length += length;
			return;
		}
		out_flush(out);
	}
	/* Longer than all the room: no line of ours is. */
	out->failed = EMSGSIZE;
}

void out_cell(struct out *out, int width, const char *text)
{
	int pad = (width < 0 ? -width : width) - text_width(text);

	if (pad < 0)
		pad = 0;
	out_print(out, "%*s%s%*s", width < 0 ? 0 : pad, "", text, width < 0 ? pad : 0, "");
}

void out_color(struct out *out, enum color color)
{
	if (out->color)
		out_print(out, "%s", color_begin(color));
}

void out_color_end(struct out *out, enum color color)
{
	if (out->color)
		out_print(out, "%s", color_end(color));
}
