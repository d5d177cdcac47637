// SPDX-License-Identifier: GPL-2.0-only
#include "bench/document.h"

#include "kvm/exits.h"
#include "kvm/host_json.h"
#include "util/json.h"
#include "util/stats.h"
#include "util/version.h"

static json_t *observers_json(const struct bench *bench)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < bench->nr_watches; i++) {
		const struct bench_watch *watch = &bench->watches[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", watch->observer->name,
					"help", watch->observer->help, "skipped",
					json_string_or_null(watch->skipped.text), "exits",
					json_number(watch->exits), "counted",
					watch->observer->ebpf ? json_number(watch->counted) :
								json_null()));
	}
	return list;
}

static json_t *workloads_json(const struct bench *bench)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < bench->nr_works; i++) {
		const struct bench_work *work = &bench->works[i];
		int64_t exit = workload_exit(work->workload, bench->host.isa);
		json_t *number = exit >= 0 ? json_integer(exit) : json_null();

		json_array_append_new(
			list, json_pack("{s:s, s:o, s:o, s:I, s:o}", "name", work->workload->name,
					"exit", number, "exit_name",
					json_string_or_null(
						exit < 0 ? NULL : exit_name(bench->host.isa, exit)),
					"executions", (json_int_t)work->count, "unsupported",
					json_string_or_null(work->unsupported)));
	}
	return list;
}

/* NULL: no memory. */
static json_t *estimate_json(const struct estimate *estimate)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f}", "median", estimate->median, "low",
			 estimate->low, "high", estimate->high, "mad", estimate->mad, "mean",
			 estimate->mean);
}

/* The samples of one quantity, and what they say; null where there are none. */
static json_t *quantity_json(const double *samples, const double *base, unsigned int nr, bool has)
{
	struct estimate estimate, added;
	json_t *list, *quantity, *difference = json_null();

	if (!has)
		return json_null();
	if (!stats_estimate(samples, nr, &estimate))
		return NULL;
	if (samples != base) {
		if (!stats_paired(samples, base, nr, &added))
			return NULL;
		difference = estimate_json(&added);
	}
	list = json_array();
	for (unsigned int i = 0; i < nr; i++)
		json_array_append_new(list, json_real(samples[i]));
	quantity = estimate_json(&estimate);
	json_object_set_new(quantity, "added", difference);
	json_object_set_new(quantity, "samples", list);
	return quantity;
}

static json_t *costs_json(const struct bench *bench)
{
	unsigned int base = bench_base(bench), nr = bench->rounds;
	json_t *list = json_array();

	for (unsigned int work = 0; work < bench->nr_works; work++)
		for (unsigned int watch = 0; watch < bench->nr_watches; watch++) {
			json_t *cycles, *instructions;

			if (!bench_has(bench, work, watch))
				continue;
			cycles = quantity_json(bench_cycles(bench, work, watch),
					       bench_cycles(bench, work, base), nr, true);
			instructions = quantity_json(bench_instructions(bench, work, watch),
						     bench_instructions(bench, work, base), nr,
						     !*bench->no_instructions);
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:o, s:o}", "workload",
						bench->works[work].workload->name, "observer",
						bench->watches[watch].observer->name, "cycles",
						cycles, "instructions", instructions));
		}
	return list;
}

json_t *bench_document(const struct bench *bench)
{
	return json_pack(
		"{s:i, s:s, s:s, s:I, s:f, s:o, s:i, s:i, s:i, s:o, s:s, s:o, s:o, s:o, s:o}",
		"schema_version", BENCH_SCHEMA_VERSION, "document", "bench", "exitcheck",
		EXITCHECK_VERSION, "started", (json_int_t)bench->started, "seconds", bench->seconds,
		"seed", json_number(bench->seed), "rounds", (int)bench->rounds, "vcpus",
		(int)bench->vcpus, "vms", (int)bench->vms, "host", json_host(&bench->host), "base",
		bench->watches[bench_base(bench)].observer->name, "no_instructions",
		json_string_or_null(bench->no_instructions), "observers", observers_json(bench),
		"workloads", workloads_json(bench), "costs", costs_json(bench));
}
