// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/leaf_numbers.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exitcheck.h"
#include "util/array.h"

static const struct {
	const char *name;
	size_t offset;
} keys[] = {
	{ "exits", offsetof(struct leaf_numbers, exits) },
	{ "cycles", offsetof(struct leaf_numbers, cycles) },
	{ "total-exits", offsetof(struct leaf_numbers, total_exits) },
	{ "total-cycles", offsetof(struct leaf_numbers, total_cycles) },
};

/* One "exits=0x4ffffffd" of length characters. */
static int parse_leaf(const char *text, size_t length, struct leaf_numbers *numbers,
		      struct error *err)
{
	const char *equals = memchr(text, '=', length);
	unsigned long long value;
	unsigned int key = 0;
	uint32_t *leaf;
	char *end;

	while (key < NR(keys) && !(equals && (size_t)(equals - text) == strlen(keys[key].name) &&
				   !strncmp(text, keys[key].name, equals - text)))
		key++;
	if (key == NR(keys))
		return error_set(err, STATUS_USAGE,
				 "--leaves: \"%.*s\" is not published, ascending, combined,"
				 " exits=LEAF, cycles=LEAF, total-exits=LEAF or total-cycles=LEAF",
				 (int)length, text);
	leaf = (uint32_t *)((char *)numbers + keys[key].offset);
	errno = 0;
	value = strtoull(equals + 1, &end, 0);
	/* strtoull() itself takes blanks and signs. */
	if (!isdigit((unsigned char)equals[1]) || end != text + length || errno || !value ||
	    value > UINT32_MAX)
		return error_set(err, STATUS_USAGE,
				 "--leaves: \"%.*s\": %s needs a leaf, 1 to 0xffffffff",
				 (int)length, text, keys[key].name);
	if (*leaf)
		return error_set(err, STATUS_USAGE, "--leaves: %s is given twice", keys[key].name);
	*leaf = value;
	return 0;
}

/* The numberings of the assignment's terms. */
static const struct {
	const char *name;
	struct leaf_numbers numbers;
} names[] = {
	{ "published", { LEAF_EXITS, LEAF_CYCLES, LEAF_TOTAL_EXITS, LEAF_TOTAL_CYCLES } },
	{ "ascending", { 0x4ffffffe, 0x4fffffff, 0x4ffffffc, 0x4ffffffd } },
	{ "combined", { 0x4ffffffe, 0, 0x4fffffff, 0x4fffffff } },
};

const char *leaf_numbers_name(const struct leaf_numbers *numbers)
{
	for (unsigned int i = 0; i < NR(names); i++)
		if (!memcmp(&names[i].numbers, numbers, sizeof(*numbers)))
			return names[i].name;
	return NULL;
}

struct leaf_numbers_text leaf_numbers_text(const struct leaf_numbers *numbers)
{
	struct leaf_numbers_text text = { "" };
	size_t n = 0;

	for (unsigned int key = 0; key < NR(keys); key++) {
		uint32_t leaf = *(const uint32_t *)((const char *)numbers + keys[key].offset);

		if (leaf)
			n += snprintf(text.s + n, sizeof(text.s) - n, "%s%s=0x%08x", n ? "," : "",
				      keys[key].name, leaf);
	}
	return text;
}

int leaf_numbers_parse(const char *text, struct leaf_numbers *numbers, struct error *err)
{
	int status;

	for (unsigned int i = 0; i < NR(names); i++) {
		if (strcmp(text, names[i].name))
			continue;
		*numbers = names[i].numbers;
		return 0;
	}
	*numbers = (struct leaf_numbers){ 0 };
	for (;;) {
		size_t length = strcspn(text, ",");

		status = parse_leaf(text, length, numbers, err);
		if (status)
			return status;
		text += length;
		if (!*text)
			break;
		text++;
	}
	if (!numbers->exits)
		return error_set(err, STATUS_USAGE, "--leaves: exits=LEAF is missing");
	return 0;
}
