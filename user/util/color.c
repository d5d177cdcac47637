// SPDX-License-Identifier: GPL-2.0-only
#include "util/color.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *color_begin(enum color color)
{
	static const char *const codes[] = {
		[COLOR_NONE] = "",	  [COLOR_BOLD] = "\033[1m",   [COLOR_DIM] = "\033[2m",
		[COLOR_RED] = "\033[31m", [COLOR_GREEN] = "\033[32m", [COLOR_YELLOW] = "\033[33m",
	};

	return codes[color];
}

const char *color_end(enum color color)
{
	return color == COLOR_NONE ? "" : "\033[0m";
}

bool color_wanted(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
}
