// SPDX-License-Identifier: GPL-2.0-only
#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/text.h"

int error_set(struct error *err, enum exit_status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	/* The text may quote anything, such as an argument, and end within a character. */
	text_clean(err->text);
	return status;
}
