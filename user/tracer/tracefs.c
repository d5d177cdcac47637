// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tracer/tracefs.h"
#include "util/array.h"

#define MAX_RECORD 4096 /* a page: the ring buffer has no larger records */

/* What is left of the text. */
struct cursor {
	const char *at, *end;
};

static bool take(struct cursor *c, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length))
		return false;
	c->at += length;
	return true;
}

/* Up to (and over) delimiter, into *piece. */
static bool take_until(struct cursor *c, char delimiter, struct cursor *piece)
{
	const char *found = memchr(c->at, delimiter, c->end - c->at);

	if (!found)
		return false;
	*piece = (struct cursor){ c->at, found };
	c->at = found + 1;
	return true;
}

/* "<key>:<decimal>;" after blanks. */
static int take_number(struct cursor *c, const char *key, unsigned int *value)
{
	const char *start;

	while (take(c, "\t") || take(c, " "))
		;
	if (!take(c, key))
		return -EINVAL;
	*value = 0;
	for (start = c->at; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
		*value = *value * 10 + (*c->at - '0');
		if (*value > MAX_RECORD)
			return -E2BIG;
	}
	return c->at > start && take(c, ";") ? 0 : -EINVAL;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Whether a declaration ("unsigned int exit_reason", "char comm[16]") is that of name. */
static bool declares(struct cursor declaration, const char *name)
{
	const char *bracket = memchr(declaration.at, '[', declaration.end - declaration.at);
	const char *end = bracket ? bracket : declaration.end, *start;

	for (start = end; start > declaration.at && is_word(start[-1]); start--)
		;
	return (size_t)(end - start) == strlen(name) && !memcmp(start, name, end - start);
}

int tracefs_parse_field(const char *format, size_t length, const char *name,
			struct tracefs_field *field)
{
	struct cursor text = { format, format + length }, line;
	bool found = false;
	int err;

	while (take_until(&text, '\n', &line)) {
		unsigned int offset, size, is_signed;
		struct cursor declaration;

		if (!take(&line, "\tfield:"))
			continue;
		if (!take_until(&line, ';', &declaration))
			return -EINVAL;
		if (!declares(declaration, name))
			continue;
		err = take_number(&line, "offset:", &offset);
		if (!err)
			err = take_number(&line, "size:", &size);
		if (!err)
			err = take_number(&line, "signed:", &is_signed);
		if (err)
			return err;
		if (found || line.at != line.end || is_signed > 1)
			return -EINVAL;
		if (offset + size > MAX_RECORD)
			return -E2BIG;
		*field = (struct tracefs_field){ offset, size, is_signed };
		found = true;
	}
	return found ? 0 : -ENOENT;
}

int tracefs_read_format(const char *event, char *buffer, size_t size, size_t *length,
			struct error *err)
{
	static const char *const mounts[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[256];
	ssize_t got = 0;
	size_t i;
	int fd;

	for (i = 0; i < NR(mounts); i++) {
		snprintf(path, sizeof(path), "%s/events", mounts[i]);
		if (!access(path, X_OK))
			break;
		if (errno == EACCES)
			return error_set(err, STATUS_CANNOT_RUN,
					 "no permission to read %s: run as root", mounts[i]);
	}
	if (i == NR(mounts))
		return error_set(err, STATUS_CANNOT_RUN,
				 "tracefs is not mounted: mount -t tracefs tracefs %s", mounts[0]);

	snprintf(path, sizeof(path), "%s/events/%s/format", mounts[i], event);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, STATUS_CANNOT_RUN,
				 errno == ENOENT ?
					 "this kernel has no tracepoint %s: load the kvm module" :
					 "no permission to read tracepoint %s: run as root",
				 event);
	for (*length = 0; *length < size; *length += got) {
		got = read(fd, buffer + *length, size - *length);
		if (got <= 0)
			break;
	}
	close(fd);
	if (got < 0 || *length == size)
		return error_set(err, STATUS_CANNOT_RUN, "cannot read %s: %s", path,
				 got < 0 ? strerror(errno) : "it is too long");
	return 0;
}
