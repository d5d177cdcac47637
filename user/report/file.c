// SPDX-License-Identifier: GPL-2.0-only
/* asprintf() */
#define _GNU_SOURCE
#include "report/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/schema.h"

/* A run of 64 vCPUs makes one of about 2 MB. */
#define MAX_SIZE (16 << 20)

/* ---- reading ---- */

int report_parse(const char *text, size_t size, json_t **document, struct error *err)
{
	json_error_t error;
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error), *version;
	struct error reason;
	int status;

	if (!root)
		return error_set(err, STATUS_USAGE, "not JSON: line %d, column %d: %s", error.line,
				 error.column, error.text);
	version = json_object_get(root, "schema_version");
	if (!json_is_integer(version))
		status = error_set(err, STATUS_USAGE, "not an exitcheck report: no schema_version");
	else if (json_integer_value(version) != schema_version(root))
		status = error_set(err, STATUS_USAGE,
				   "schema_version is %" JSON_INTEGER_FORMAT
				   ", this exitcheck reads %d: take the one that wrote it",
				   json_integer_value(version), schema_version(root));
	else if ((status = schema_check(root, false, &reason)))
		error_set(err, status, "not an exitcheck report: %s", reason.text);
	if (status)
		json_decref(root);
	else
		*document = root;
	return status;
}

/* All of a file, NULL if it cannot be read (errno; EFBIG: it has more than MAX_SIZE). */
static char *read_all(FILE *file, size_t *size)
{
	char *text = malloc(MAX_SIZE + 1), *shorter;

	if (!text)
		return NULL;
	*size = fread(text, 1, MAX_SIZE + 1, file);
	if (*size > MAX_SIZE)
		errno = EFBIG;
	if (ferror(file) || *size > MAX_SIZE) {
		free(text);
		return NULL;
	}
	shorter = realloc(text, *size + 1);
	return shorter ? shorter : text;
}

int report_read(const char *path, json_t **document, struct error *err)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	struct error reason;
	char *text = NULL;
	size_t size;
	int status;

	if (file)
		text = read_all(file, &size);
	if (text)
		status = report_parse(text, size, document, &reason);
	else
		status = error_set(&reason, STATUS_CANNOT_RUN, "cannot be read: %m");
	free(text);
	if (file && !is_stdin)
		fclose(file);
	if (status)
		error_set(err, status, "%s: %s", is_stdin ? "standard input" : path, reason.text);
	return status;
}

/* ---- writing ---- */

/* Whether path is (or will be) a file that can be replaced: not a device, a pipe ... */
static bool is_replaceable(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return errno == ENOENT;
	return S_ISREG(status.st_mode);
}

static bool is_directory(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISDIR(status.st_mode);
}

/* A new file beside path: its descriptor, or -1; name is to be freed. */
static int open_beside(const char *path, char **name)
{
	int fd;

	if (asprintf(name, "%s.XXXXXX", path) < 0) {
		*name = NULL;
		return -1;
	}
	fd = mkstemp(*name);
	if (fd < 0) {
		free(*name);
		*name = NULL;
	}
	return fd;
}

static int cannot_write(const char *path, struct error *err)
{
	return error_set(err, STATUS_CANNOT_RUN, "cannot write %s: %s", path, strerror(errno));
}

int report_can_write(const char *path, struct error *err)
{
	char *name;
	int fd;

	if (!strcmp(path, "-"))
		return 0;
	if (is_directory(path)) {
		errno = EISDIR;
		return cannot_write(path, err);
	}
	if (!is_replaceable(path))
		return access(path, W_OK) ? cannot_write(path, err) : 0;
	fd = open_beside(path, &name);
	if (fd < 0)
		return cannot_write(path, err);
	close(fd);
	unlink(name);
	free(name);
	return 0;
}

static bool write_stream(FILE *file, const char *text)
{
	size_t length = strlen(text);

	fwrite(text, 1, length, file);
	if (!length || text[length - 1] != '\n')
		fputc('\n', file);
	return !fflush(file) && !ferror(file);
}

static int replace_file(const char *path, const char *text, struct error *err)
{
	char *name;
	int fd = open_beside(path, &name), status = 0;
	mode_t mask = umask(0);
	FILE *file;

	umask(mask);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file || !write_stream(file, text) || fchmod(fd, 0666 & ~mask) || rename(name, path))
		status = cannot_write(path, err);
	if (file)
		fclose(file);
	else if (fd >= 0)
		close(fd);
	if (status && name)
		unlink(name);
	free(name);
	return status;
}

int report_write(const char *path, const char *text, struct error *err)
{
	FILE *file;
	int status = 0;

	if (!strcmp(path, "-"))
		return write_stream(stdout, text) ? 0 : cannot_write("standard output", err);
	if (is_replaceable(path))
		return replace_file(path, text, err);
	file = fopen(path, "w");
	if (!file || !write_stream(file, text))
		status = cannot_write(path, err);
	if (file)
		fclose(file);
	return status;
}
