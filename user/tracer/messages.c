// SPDX-License-Identifier: GPL-2.0-only
/* vasprintf() */
#define _GNU_SOURCE
#include "tracer/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"

static struct {
	char text[16384];
	size_t length;
} messages;

int messages_keep(enum libbpf_print_level level, const char *format, va_list args)
{
	char *message;
	int length;

	if (level != LIBBPF_WARN)
		return 0;
	length = vasprintf(&message, format, args);
	if (length < 0)
		return 0;
	/* Of a long one (the verifier's), the end is what matters. */
	if ((size_t)length >= sizeof(messages.text)) {
		memcpy(messages.text, message + length - sizeof(messages.text) + 1,
		       sizeof(messages.text) - 1);
		messages.length = sizeof(messages.text) - 1;
	} else {
		size_t excess = messages.length + length >= sizeof(messages.text) ?
					messages.length + length - sizeof(messages.text) + 1 :
					0;

		memmove(messages.text, messages.text + excess, messages.length - excess);
		messages.length -= excess;
		memcpy(messages.text + messages.length, message, length);
		messages.length += length;
	}
	messages.text[messages.length] = '\0';
	free(message);
	return 0;
}

const char *messages_last(void)
{
	static const char *const noise[] = {
		"-- END PROG LOAD LOG",
		"-- BEGIN PROG LOAD LOG",
		"processed ",
		"failed to load",
		"failed to auto-attach",
		"BPF program load failed",
		"verification time",
		"stack depth",
	};
	const char *best = NULL;
	char *line, *rest = messages.text;
	size_t i;

	while ((line = strsep(&rest, "\n"))) {
		bool says_something = *line;

		for (i = 0; i < NR(noise); i++)
			if (strstr(line, noise[i]))
				says_something = false;
		if (says_something || (!best && *line))
			best = line;
	}
	messages.length = 0;
	return best ? best : "no message";
}
