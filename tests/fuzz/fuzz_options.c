// SPDX-License-Identifier: GPL-2.0-only
/* Command lines: a word a line, the first of them a command. */
#include "fuzz.h"
#include "options.h"
#include "report/report.h"
#include "util/array.h"

#define MAX_WORDS 64

static const struct {
	const char *name;
	int (*parse)(struct options *options, int argc, char **argv, struct error *err);
} parsers[] = {
	{ "run", options_parse_run },
	{ "list", options_parse_list },
	{ "report", options_parse_report },
	{ "watch", options_parse_watch },
};

#define NR_PARSERS (NR(parsers))

static unsigned int nr_chosen(const struct options *options)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < OPTIONS_MAX_WORKLOADS; i++)
		nr += options->workload[i];
	return nr;
}

static void check(const struct options *options, char **argv, int argc)
{
	must(options->vcpus >= 1 && options->vcpus <= TEST_VM_MAX_VCPUS);
	must(options->count <= 10000000 && options->smp_exits <= 100000000);
	must(options->seconds <= OPTIONS_MAX_SECONDS);
	must(options->path <= TRACER_CLASSIC);
	must(nr_chosen(options) == options->nr_workloads && options->nr_workloads <= nr_workloads);
	for (unsigned int form = 0; form < NR_REPORT_FORMS; form++)
		must(!options->write[form] || *options->write[form]);
	must(options->nr_files <= 2);
	must(!options->command || (options->command > argv && options->command < argv + argc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = fuzz_string(data, size), *rest = line, *argv[MAX_WORDS + 1];
	struct options options;
	struct error err;
	json_t *document;
	int argc = 0, status;
	size_t parser;

	while (rest && argc < MAX_WORDS)
		argv[argc++] = strsep(&rest, "\n");
	argv[argc] = NULL;
	for (parser = 0; parser + 1 < NR_PARSERS; parser++)
		if (!strcmp(argv[0], parsers[parser].name))
			break;
	status = parsers[parser].parse(&options, argc, argv, &err);
	must(status == 0 || status == STATUS_USAGE);
	if (!status) {
		check(&options, argv, argc);
	} else {
		document = report_error_document(&err);
		must(document && *err.text);
		json_decref(document);
	}
	free(line);
	return 0;
}
