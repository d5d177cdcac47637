/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "exit_numbers.h"

/* A short text by value: usable as an argument, text_u64(n).s */
struct text {
	char s[28];
};

/* "1,234,567" */
struct text text_u64(uint64_t value);
struct text text_i64(int64_t value);

/* An exit number as the vendor's manual writes it: "0x72" on SVM, "10" on VMX. */
struct text text_exit(enum exit_isa isa, unsigned int number);

/* A real number, rounded to an integer: "1,234". */
struct text text_real(double value);

/* A time in nanoseconds with three digits and its unit: "12.8 µs". */
struct text text_duration(double ns);

/*
 * How many columns a UTF-8 text takes, and how many bytes of it fit in so many. Wide characters count as such only where
 * the locale (LC_CTYPE) is set.
 */
int text_width(const char *text);
size_t text_fit(const char *text, int columns);

/*
 * Whether a text is UTF-8 that can be shown on one line of any form of a report: no control
 * characters, none that XML forbids. text_clean() makes it so, with "?" for what cannot be.
 */
bool text_is_clean(const char *text);
void text_clean(char *text);

/* How many columns a text may take there: 100, or what a terminal that is narrower has. */
int text_columns(FILE *to);

/* Writes a text and a newline, broken between words, from column indent on. */
void text_wrapped(FILE *to, int indent, const char *text);

/* Whether word might be a mistyped candidate. */
bool text_is_near(const char *word, const char *candidate);

#endif
