// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replaces libFuzzer: runs a target once with each file of its corpus, tests/fuzz/corpus/NAME for
 * fuzz_NAME. TAP; the process ends at the first file that breaks it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>

#include "fuzz.h"

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay(const char *path)
{
	FILE *file = fopen(path, "re");
	uint8_t *data = malloc(1 << 20);
	size_t size;

	must(file && data);
	size = fread(data, 1, 1 << 20, file);
	must(!ferror(file) && feof(file));
	fclose(file);
	/* Exactly as long as it is. */
	data = realloc(data, size + !size);
	must(data);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

int main(void)
{
	const char *name = strchr(program_invocation_short_name, '_');
	struct dirent **entries;
	char dir[64], path[sizeof(dir) + sizeof((*entries)->d_name)];
	int nr;

	snprintf(dir, sizeof(dir), "tests/fuzz/corpus/%s", name ? name + 1 : "");
	nr = scandir(dir, &entries, is_visible, alphasort);
	must(nr > 0);
	printf("1..%d\n", nr);
	for (int i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		replay(path);
		printf("ok %d - %s\n", i + 1, path);
		fflush(stdout);
		free(entries[i]);
	}
	free(entries);
	return 0;
}
