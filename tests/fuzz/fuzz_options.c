// SPDX-License-Identifier: GPL-2.0-only
/* Command lines: a word a line, the first of them a command. */
#include "fuzz.h"
#include "commands.h"
#include "bench/plan.h"
#include "kvm/test_vm.h"
#include "report/error_document.h"
#include "util/array.h"

#define MAX_WORDS 64

static unsigned int nr_chosen(const struct options *options)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < WORKLOADS_MAX; i++)
		nr += options->workloads.chosen[i];
	return nr;
}

static void check(const struct command *command, const struct options *options, char **argv,
		  int argc)
{
	must(options->vcpus == command->vcpus ||
	     (options->vcpus >= 1 && options->vcpus <= TEST_VM_MAX_VCPUS));
	must(options->count <= 10000000 && options->smp_exits <= 100000000);
	must(options->seconds <= OPTIONS_MAX_SECONDS);
	must(options->path <= TRACER_CLASSIC);
	must(nr_chosen(options) == options->workloads.nr && options->workloads.nr <= nr_workloads);
	must(command->takes_leaf_reads || !options->leaf_reads);
	must(options->leaf_reads < 1u << BENCH_NR_READS);
	must(options->observers < 1u << nr_bench_observers);
	must(options->rounds >= 1 && options->rounds <= 1000);
	must(options->vms >= 1 && options->vms <= BENCH_MAX_VMS);
	must(options->fail_over == -1 || options->fail_over >= 0);
	for (unsigned int form = 0; form < NR_REPORT_FORMS; form++)
		must(!options->write[form] || *options->write[form]);
	must(options->help || options->nr_files == command->nr_files);
	must(!options->command || (options->command > argv && options->command < argv + argc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = fuzz_string(data, size), *rest = line, *argv[MAX_WORDS + 1];
	struct options options;
	struct error err;
	json_t *document;
	int argc = 0, status;
	const struct command *command;

	while (rest && argc < MAX_WORDS)
		argv[argc++] = strsep(&rest, "\n");
	argv[argc] = NULL;
	command = command_find(argv[0]);
	if (!command)
		command = &commands[0];
	status = options_parse(command, &options, argc, argv, &err);
	must(status == 0 || status == STATUS_USAGE);
	if (!status) {
		check(command, &options, argv, argc);
	} else {
		document = report_error_document(&err);
		must(document && *err.text);
		json_decref(document);
	}
	free(line);
	return 0;
}
