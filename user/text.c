// SPDX-License-Identifier: GPL-2.0-only
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct text text_u64(uint64_t value)
{
	struct text text;
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	char *to = text.s;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

struct text text_i64(int64_t value)
{
	struct text text = text_u64(value < 0 ? -(uint64_t)value : (uint64_t)value);

	if (value < 0) {
		memmove(text.s + 1, text.s, strlen(text.s) + 1);
		text.s[0] = '-';
	}
	return text;
}

struct text text_exit(enum exit_isa isa, unsigned int number)
{
	struct text text;

	snprintf(text.s, sizeof(text.s), isa == EXIT_ISA_SVM ? "0x%02x" : "%u", number);
	return text;
}

void text_clean(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

#define WORD_MAX 31

/* Levenshtein's distance; words are cut at WORD_MAX characters. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[WORD_MAX + 1];
	unsigned int n = strnlen(a, WORD_MAX), m = strnlen(b, WORD_MAX);

	for (unsigned int j = 0; j <= m; j++)
		row[j] = j;
	for (unsigned int i = 1; i <= n; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (unsigned int j = 1; j <= m; j++) {
			unsigned int best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

bool text_is_near(const char *word, const char *candidate)
{
	size_t length = strlen(word);

	if (length >= 3 && strstr(candidate, word))
		return true;
	return length && distance(word, candidate) <= (length < 4 ? 1 : 2);
}
