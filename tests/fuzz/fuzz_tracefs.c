// SPDX-License-Identifier: GPL-2.0-only
/* The text of a tracepoint's `format` file; before it, on a line of its own, the field to look up. */
/* memmem() */
#define _GNU_SOURCE
#include <errno.h>

#include "fuzz.h"
#include "tracer/tracefs.h"

#define MAX_RECORD 4096

static int parse(const char *format, size_t length, const char *name)
{
	struct tracefs_field field;
	int ret = tracefs_parse_field(format, length, name, &field);

	must(ret == 0 || ret == -ENOENT || ret == -EINVAL || ret == -E2BIG);
	if (!ret) {
		must(field.offset <= MAX_RECORD && field.size <= MAX_RECORD - field.offset);
		must(memmem(format, length, name, strlen(name)));
	}
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	char *name, *format;
	size_t length;

	if (!end)
		return 0;
	name = fuzz_string(data, end - data);
	/* Without a NUL at its end. */
	length = data + size - end - 1;
	format = malloc(length + !length);
	must(format);
	memcpy(format, end + 1, length);
	parse(format, length, name);
	parse(format, length, "exit_reason");
	free(format);
	free(name);
	return 0;
}
