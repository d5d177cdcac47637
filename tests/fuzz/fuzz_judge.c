// SPDX-License-Identifier: GPL-2.0-only
/*
 * Judges and reports a healthy run in which lines of input changed what guest, kernel and eBPF
 * said: "WHAT NUMBER WORD VALUE", the value in hexadecimal, 32 or 64 bits. Lists and their lengths,
 * which are exitcheck's own, stay.
 */
#include "fuzz.h"
#include "judge/document.h"
#include "judge/judge.h"
#include "report/plain.h"
#include "synthetic.h"
#include "util/array.h"

/* Memory that others write: nr elements, stride bytes apart, of size bytes each. */
struct region {
	const char *what;
	void *at;
	size_t nr, stride, size;
};

#define FIELDS(what, array, nr, first, last)                                   \
	{                                                                      \
		what, &(array)->first, nr, sizeof(*(array)),                   \
			(char *)(&(array)->last + 1) - (char *)&(array)->first \
	}

struct undo {
	uint32_t *at, former;
};

static struct result *run;

static void report(const struct verdicts *verdicts)
{
	json_t *document = run_document(run, verdicts);
	char *shown = NULL;
	size_t size;
	FILE *file = open_memstream(&shown, &size);

	must(document && file);
	report_text(file, document, true);
	fclose(file);
	/* The closing line is the last. */
	must(size > strlen(verdicts->closing));
	free(shown);
	json_decref(document);
}

/* What must hold for every verdict. */
static void check(const struct verdicts *verdicts)
{
	bool passed = verdicts->status == STATUS_PASS, failed = false, open = false;

	for (unsigned int i = 0; i < verdicts->nr_checks; i++) {
		failed |= verdicts->checks[i].verdict == VERDICT_FAIL;
		open |= verdicts->checks[i].verdict == VERDICT_INCONCLUSIVE;
		must(fuzz_is_line(verdicts->checks[i].detail));
	}
	must(failed == (verdicts->status == STATUS_MISMATCH));
	must(!passed || (!failed && !open));
	must(passed == !strncmp(verdicts->closing, "PASS: ", 6));
	must(!passed || !(run->stats.no_slot | run->stats.no_map | run->missed));
	must(!passed || !verdicts->differed);
	must(fuzz_is_line(verdicts->closing));
}

/* The word that a line changes, NULL if there is none. */
static uint32_t *find(const struct region *regions, size_t nr, const char *line, uint64_t *value)
{
	unsigned int number, word;
	char what[16];

	if (sscanf(line, "%15s %u %u %lx", what, &number, &word, value) != 4)
		return NULL;
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(regions[i].what, what))
			return (uint32_t *)((char *)regions[i].at +
					    number % regions[i].nr * regions[i].stride) +
			       word % (regions[i].size / sizeof(uint32_t) - 1);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct verdicts verdicts;
	static struct undo undo[512];
	char *text, *rest, *line;
	unsigned int nr = 0;

	if (!run) {
		/*
		 * VMX has fewer numbers than SVM; and reporting a workload costs as much as all the
		 * rest.
		 */
		run = synthetic_run(EXIT_ISA_VMX, LEAVES_PRESENT, DEFECT_NONE);
		run->nr_workloads = 1;
	}
	const struct region regions[] = {
		FIELDS("read", run->reads, run->nr_reads, function, cpuids),
		FIELDS("executed", run->vcpus, run->nr_vcpus, executed, executed),
		FIELDS("stat", run->vcpus, run->nr_vcpus, stat_exits, stat_exits),
		FIELDS("bpf", run->vcpus, run->nr_vcpus, bpf, bpf),
		FIELDS("sweep", run->sweeps, run->nr_sweeps, before, bpf_after),
		FIELDS("time", run->times, run->nr_times, cycles, timed),
		FIELDS("span", run->spans, run->nr_spans, elapsed, exits),
		FIELDS("width", run->widths, run->nr_widths, begun, read),
		FIELDS("cpuid", run->contract.reads, run->contract.nr_reads, read.in, read.out),
		FIELDS("call", run->contract.calls, run->contract.nr_calls, bits, answer),
		FIELDS("accounted", run->contract.vcpus, run->contract.nr_vcpus, accounted,
		       accounted),
		FIELDS("discovery", run, 1, discovery.abi_version, discovery.nr_counters),
		FIELDS("clock", run, 1, begin, end),
		FIELDS("lost", run, 1, stats, stats),
		FIELDS("missed", run, 1, missed, missed),
		FIELDS("mismatch", run->mismatches, EC_MAX_MISMATCHES, slot, at_exit),
	};

	text = fuzz_string(data, size);
	rest = text;
	while ((line = strsep(&rest, "\n")) && nr + 2 <= NR(undo)) {
		uint64_t value;
		uint32_t *at = find(regions, NR(regions), line, &value);

		for (int half = 0; at && half < (value >> 32 ? 2 : 1); half++) {
			undo[nr++] = (struct undo){ at, *at };
			*at++ = value >> (32 * half);
		}
	}
	free(text);
	for (unsigned int i = 0; i < EC_MAX_MISMATCHES; i++)
		if (run->mismatches[i].function)
			run->nr_mismatches = i + 1;
	judge_result(run, &verdicts);
	check(&verdicts);
	must(nr || verdicts.status == STATUS_PASS);
	report(&verdicts);
	run->nr_mismatches = 0;
	while (nr--)
		*undo[nr].at = undo[nr].former;
	return 0;
}
