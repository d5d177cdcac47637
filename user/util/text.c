// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "util/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <wchar.h>

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

struct text text_real(double value)
{
	struct text text;

	/* Beyond what an int64_t holds, to be on the safe side by half. */
	if (fabs(value) < 4e18)
		return text_i64((int64_t)(value + (value < 0 ? -0.5 : 0.5)));
	snprintf(text.s, sizeof(text.s), "%.3g", value);
	return text;
}

struct text text_duration(double ns)
{
	static const char *const units[] = { "ns", "µs", "ms", "s" };
	struct text text;
	unsigned int unit = 0;

	/* 999.5 would be shown as 1000. */
	for (; ns >= 999.5 && unit < 3; unit++)
		ns /= 1000;
	snprintf(text.s, sizeof(text.s), "%.*f %s",
		 ns >= 99.95 || !unit ? 0 :
		 ns >= 9.995	      ? 1 :
					2,
		 ns, units[unit]);
	return text;
}

/* The length of the UTF-8 character at text, 0 if it is none that can be shown; and what it is. */
static size_t character(const char *text, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *byte = (const unsigned char *)text;
	size_t length = *byte < 0x80 ? 1 :
			*byte < 0xc2 ? 0 :
			*byte < 0xe0 ? 2 :
			*byte < 0xf0 ? 3 :
				       4;

	*code = length > 1 ? *byte & (0x7f >> length) : *byte;
	if (*byte > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (byte[i] & 0x3f);
	}
	if (*code < 0x20 || (*code >= 0x7f && *code < 0xa0) || *code < least[length] ||
	    (*code >= 0xd800 && *code < 0xe000) || (*code & 0xfffe) == 0xfffe || *code > 0x10ffff)
		return 0;
	return length;
}

/* Columns of the character at text; its length in *length. */
static int character_width(const char *text, size_t *length)
{
	uint32_t code;
	int width;

	*length = character(text, &code);
	width = *length ? wcwidth((wchar_t)code) : 1;
	*length = *length ?: 1;
	/* Unknown, such as all but ASCII where no locale is set. */
	return width < 0 ? 1 : width;
}

size_t text_fit(const char *text, int columns)
{
	size_t n = 0, length;

	while (text[n]) {
		columns -= character_width(text + n, &length);
		if (columns < 0)
			break;
		n += length;
	}
	return n;
}

int text_width(const char *text)
{
	int width = 0;
	size_t length;

	for (; *text; text += length)
		width += character_width(text, &length);
	return width;
}

bool text_is_clean(const char *text)
{
	size_t length;
	uint32_t code;

	while (*text && (length = character(text, &code)))
		text += length;
	return !*text;
}

void text_clean(char *text)
{
	uint32_t code;

	while (*text) {
		size_t length = character(text, &code);

		if (!length)
			*text = '?';
		text += length ? length : 1;
	}
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

#define COLUMNS 100
#define LEAST_COLUMNS 40 /* less is no terminal that anyone reads on */

int text_columns(FILE *to)
{
	struct winsize size;

	if (ioctl(fileno(to), TIOCGWINSZ, &size) || size.ws_col < LEAST_COLUMNS)
		return COLUMNS;
	return size.ws_col < COLUMNS ? size.ws_col : COLUMNS;
}

void text_wrapped(FILE *to, int indent, const char *text)
{
	const int columns = text_columns(to);
	int column = indent;

	for (;;) {
		int word = strcspn(text, " ");

		if (column > indent && column + 1 + word > columns) {
			fprintf(to, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', to);
			column++;
		}
		fprintf(to, "%.*s", word, text);
		column += word;
		text += word;
		if (!*text)
			break;
		text++;
	}
	fputc('\n', to);
}
