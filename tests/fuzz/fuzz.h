/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_H
#define FUZZ_H

/*
 * A fuzz target feeds any bytes to a parser and asserts what must hold afterwards. libFuzzer calls
 * it with its own bytes (make fuzz), replay.c with each file of the corpus (make unit).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process, as a sanitizer does, unless the condition holds. */
#define must(condition)                                                                   \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
				#condition);                                              \
			abort();                                                          \
		}                                                                         \
	} while (0)

/* The input as a string on the heap, where a sanitizer sees a read beyond; the caller frees it. */
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	must(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* Whether it is one line that a terminal shows as it is. */
static inline int fuzz_is_line(const char *text)
{
	for (; *text; text++)
		if (*text == '\n' || *text == '\r')
			return 0;
	return 1;
}

#endif
