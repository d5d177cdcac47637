// SPDX-License-Identifier: GPL-2.0-only
/* asprintf() */
#define _GNU_SOURCE
#include "report/file.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "report/schema.h"
#include "util/array.h"

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

#define MAX_LINKS 40

/* The directory that a name is in. */
static void directory_of(const char *name, char *directory, size_t size)
{
	const char *slash = strrchr(name, '/');

	if (slash)
		snprintf(directory, size, "%.*s", slash == name ? 1 : (int)(slash - name), name);
	else
		snprintf(directory, size, ".");
}

/*
 * What path leads to, past all links, is in name. Whether that is (or will be) a file that can be
 * replaced: not a device, a pipe, or a descriptor that only looks like a link.
 */
static bool is_replaceable(const char *path, char name[PATH_MAX])
{
	char directory[PATH_MAX], target[PATH_MAX];
	struct stat status;
	struct statfs system;
	int links = 0;

	if ((size_t)snprintf(name, PATH_MAX, "%s", path) >= PATH_MAX)
		return false;
	for (; links < MAX_LINKS; links++) {
		ssize_t length = readlink(name, target, sizeof(target) - 1);

		if (length < 0)
			return stat(name, &status) ? errno == ENOENT : S_ISREG(status.st_mode);
		target[length] = '\0';
		directory_of(name, directory, sizeof(directory));
		if (statfs(directory, &system) || system.f_type == PROC_SUPER_MAGIC)
			return false;
		if (*target == '/')
			*directory = '\0';
		if ((size_t)snprintf(name, PATH_MAX, "%s%s%s", directory, *directory ? "/" : "",
				     target) >= PATH_MAX)
			return false;
	}
	return false;
}

bool report_is_stdout(const char *path)
{
	static const char *const names[] = { "-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1" };

	for (unsigned int i = 0; i < NR(names); i++)
		if (!strcmp(path, names[i]))
			return true;
	return false;
}

bool report_is_same_file(const char *a, const char *b)
{
	char name_a[PATH_MAX], name_b[PATH_MAX];
	struct stat of_a, of_b;

	if (!strcmp(a, b))
		return true;
	if (!stat(a, &of_a) && !stat(b, &of_b))
		return S_ISREG(of_a.st_mode) && of_a.st_dev == of_b.st_dev &&
		       of_a.st_ino == of_b.st_ino;
	return is_replaceable(a, name_a) && is_replaceable(b, name_b) && !strcmp(name_a, name_b);
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
	char target[PATH_MAX], *name;
	int fd;

	if (!strcmp(path, "-"))
		return 0;
	if (is_directory(path)) {
		errno = EISDIR;
		return cannot_write(path, err);
	}
	if (!is_replaceable(path, target) || !access(target, F_OK)) {
		if (access(path, W_OK))
			return cannot_write(path, err);
		if (!is_replaceable(path, target))
			return 0;
	}
	fd = open_beside(target, &name);
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

/* A new file has the mode and the owner of the one that it replaces. */
static bool take_over(int fd, const char *target)
{
	struct stat former;
	mode_t mask = umask(0);

	umask(mask);
	if (stat(target, &former))
		return !fchmod(fd, 0666 & ~mask);
	/* Only root can give a file away. */
	if ((former.st_uid != geteuid() || former.st_gid != getegid()) &&
	    fchown(fd, former.st_uid, former.st_gid) && geteuid() == 0)
		return false;
	return !fchmod(fd, former.st_mode & 0777);
}

static int replace_file(const char *path, const char *target, const char *text, struct error *err)
{
	char *name;
	int fd = open_beside(target, &name), status = 0;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file || !write_stream(file, text) || !take_over(fd, target) || rename(name, target))
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
	char target[PATH_MAX];
	FILE *file;
	int status = 0;

	if (!strcmp(path, "-"))
		return write_stream(stdout, text) ? 0 : cannot_write("standard output", err);
	if (is_replaceable(path, target))
		return replace_file(path, target, text, err);
	/* Where another descriptor writes to the same file, what that wrote stays. */
	file = fopen(path, "ae");
	if (!file || !write_stream(file, text))
		status = cannot_write(path, err);
	if (file && fclose(file) && !status)
		status = cannot_write(path, err);
	return status;
}
