// SPDX-License-Identifier: GPL-2.0-only
#include "bench.h"

#include <inttypes.h>
#include <string.h>

#include "options.h"
#include "text.h"

static int64_t rounded(double value)
{
	return (int64_t)(value + (value < 0 ? -0.5 : 0.5));
}

/* "1,234 [1,230, 1,240]" */
static void print_interval(FILE *to, const struct estimate *estimate)
{
	char interval[64];

	snprintf(interval, sizeof(interval), "[%s, %s]", text_i64(rounded(estimate->low)).s,
		 text_i64(rounded(estimate->high)).s);
	fprintf(to, " %10s %-22s", text_i64(rounded(estimate->median)).s, interval);
}

static bool print_row(FILE *to, const struct bench *bench, unsigned int work, unsigned int watch)
{
	unsigned int base = bench_base(bench), nr = bench->rounds;
	struct estimate cost, added, instructions;

	if (!stats_estimate(bench_cycles(bench, work, watch), nr, &cost) ||
	    !stats_paired(bench_cycles(bench, work, watch), bench_cycles(bench, work, base), nr,
			  &added) ||
	    !stats_paired(bench_instructions(bench, work, watch),
			  bench_instructions(bench, work, base), nr, &instructions))
		return false;
	fprintf(to, "%-16s %-13s", bench->works[work].workload->name,
		bench->watches[watch].observer->name);
	print_interval(to, &cost);
	fprintf(to, " %8s", text_i64(rounded(cost.mad)).s);
	if (watch != base) {
		print_interval(to, &added);
		if (!*bench->no_instructions)
			fprintf(to, " %8s", text_i64(rounded(instructions.median)).s);
	}
	fputc('\n', to);
	return true;
}

static void print_header(FILE *to, const struct bench *bench)
{
	const struct host *host = &bench->host;

	fprintf(to, "exitcheck %s: what watching costs\n\n", EXITCHECK_VERSION);
	fprintf(to, "%-11s%s; %s; %d online\n", "CPU", host->cpu, isa_name(host->isa),
		host->nr_cpus);
	fprintf(to, "%-11s%s; %s\n", "kernel", host->kernel,
		host->exit_leaves == EXIT_LEAVES_ABSENT ? "kvm.ko is not patched" :
							  "kvm.ko is patched");
	fprintf(to, "%-11s%s kHz\n", "TSC", text_u64(bench->tsc_khz).s);
	fprintf(to, "%-11s%u, each in a new random order, after one that is dropped\n", "rounds",
		bench->rounds);
	if (bench->vms * bench->vcpus > 1)
		fprintf(to, "%-11s%u, each with %u vCPUs, all at once\n", "VMs", bench->vms,
			bench->vcpus);
	if (*bench->no_instructions)
		fprintf(to, "%-11snot counted: %s\n", "instr.", bench->no_instructions);
	fprintf(to, "%-11s%" PRIu64 " (--seed %" PRIu64 " repeats the order)\n\n", "seed",
		bench->seed, bench->seed);
}

void bench_text(FILE *to, const struct bench *bench)
{
	const char *base = bench->watches[bench_base(bench)].observer->name;
	bool complete = true;

	print_header(to, bench);
	fprintf(to,
		"Cycles of one execution: median, its %s, median absolute deviation (MAD);\n"
		"added: the same of the differences from \"%s\" in the same round\n\n",
		bench->rounds < STATS_MIN_SAMPLES ? "smallest and largest sample" :
						    "95 % confidence interval",
		base);
	fprintf(to, "%-16s %-13s %10s %-22s %8s %10s%s\n", "workload", "observer", "cycles", "",
		"MAD", "added", *bench->no_instructions ? "" : "                        instr.");
	for (unsigned int work = 0; work < bench->nr_works; work++)
		for (unsigned int watch = 0; watch < bench->nr_watches && complete; watch++)
			if (bench_has(bench, work, watch))
				complete = print_row(to, bench, work, watch);
	if (!complete)
		fprintf(to, "out of memory\n");
	fputc('\n', to);
	for (unsigned int work = 0; work < bench->nr_works; work++)
		if (bench->works[work].unsupported)
			fprintf(to, "%s did not run: %s\n", bench->works[work].workload->name,
				bench->works[work].unsupported);
	for (unsigned int watch = 0; watch < bench->nr_watches; watch++)
		if (*bench->watches[watch].skipped.text)
			fprintf(to, "%s did not run: %s\n", bench->watches[watch].observer->name,
				bench->watches[watch].skipped.text);
}
