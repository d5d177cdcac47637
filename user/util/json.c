// SPDX-License-Identifier: GPL-2.0-only
#include "util/json.h"

#include <inttypes.h>
#include <stdio.h>

json_t *json_number(uint64_t value)
{
	char text[24];

	if (value <= INT64_MAX)
		return json_integer((json_int_t)value);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_string(text);
}

json_t *json_string_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}
