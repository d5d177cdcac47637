/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MARKUP_H
#define MARKUP_H

#include <stdio.h>

/*
 * Writes HTML or XML: the format stands as it is, and has no conversion but %s, whose strings are
 * escaped for text and for attribute values in double quotes.
 */
__attribute__((format(printf, 2, 3))) void markup(FILE *to, const char *format, ...);

#endif
