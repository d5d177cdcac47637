/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef JSON_H
#define JSON_H

/* Values as all documents have them. NULL: no memory. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* JSON's integers are signed here: what does not fit becomes a string. */
json_t *json_number(uint64_t value);

/* null for NULL and for "". */
json_t *json_string_or_null(const char *text);

#endif
