// SPDX-License-Identifier: GPL-2.0-only
#include "report/markup.h"

#include <stdarg.h>
#include <string.h>

static void escaped(FILE *to, const char *text)
{
	for (;;) {
		size_t plain = strcspn(text, "&<>\"'");

		fwrite(text, 1, plain, to);
		text += plain;
		switch (*text++) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		case '\'':
			fputs("&#39;", to);
			break;
		default:
			return;
		}
	}
}

void markup(FILE *to, const char *format, ...)
{
	const char *at = format, *next;
	va_list args;

	va_start(args, format);
	while ((next = strstr(at, "%s"))) {
		fwrite(at, 1, next - at, to);
		escaped(to, va_arg(args, const char *));
		at = next + 2;
	}
	fputs(at, to);
	va_end(args);
}
