// SPDX-License-Identifier: GPL-2.0-only
#include "judge/document.h"

#include <string.h>

#include "kvm/exits.h"
#include "kvm/host_json.h"
#include "util/json.h"
#include "util/version.h"

static json_t *number_or_null(bool has, uint64_t value)
{
	return has ? json_number(value) : json_null();
}

static json_t *real_or_null(bool has, double value)
{
	return has ? json_real(value) : json_null();
}

static json_t *leaves_json(const struct result *result)
{
	const struct leaf_discovery *found = &result->discovery;
	json_t *discovery = json_null();

	if (found->present)
		discovery = json_pack("{s:I, s:I, s:I, s:I, s:I}", "abi_version",
				      (json_int_t)found->abi_version, "tsc_khz",
				      (json_int_t)found->tsc_khz, "isa", (json_int_t)found->isa,
				      "features", (json_int_t)found->features, "counters",
				      (json_int_t)found->nr_counters);
	return json_pack("{s:s, s:s, s:b, s:o}", "state", leaves_state_id(result->leaves), "text",
			 leaves_state_text(result->leaves), "opt_in", result->opt_in, "discovery",
			 discovery);
}

static json_t *tracer_json(const struct result *result)
{
	const struct ec_stats *stats = &result->stats;

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "path", result->tracer_path,
			 "no_slot", json_number(stats->no_slot), "no_map",
			 json_number(stats->no_map), "foreign", json_number(stats->foreign),
			 "unread", json_number(stats->unread), "mismatches",
			 json_number(stats->mismatches), "missed",
			 number_or_null(result->has_missed, result->missed));
}

static json_t *phases_json(const struct result *result)
{
	json_t *phases = json_object();

	for (int phase = 0; phase < NR_PHASES; phase++) {
		const struct result_phase_info *info = &result->phase[phase];

		json_object_set_new(phases, phase_id(phase),
				    json_pack("{s:b, s:o, s:i, s:i}", "ran", info->ran, "skipped",
					      json_string_or_null(info->skipped), "moves",
					      (int)info->moves, "cpus", (int)info->cpus));
	}
	return phases;
}

/* An exit number as every list has it. */
static json_t *exit_json(const struct result *result, unsigned int index)
{
	unsigned int exit = 0;
	bool defined = exit_number(result->host.isa, index, &exit);

	return json_pack("{s:o, s:o}", "number", number_or_null(defined, exit), "name",
			 json_string_or_null(defined ? exit_name(result->host.isa, exit) : NULL));
}

/* Exits that a workload caused, by reason, as all sources have them. */
static json_t *workload_exits_json(const struct result *result, const struct verdicts *verdicts,
				   unsigned int workload)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < verdicts->nr_workload_exits; i++) {
		const struct workload_exits *exits = &verdicts->workload_exits[i];
		json_t *entry;

		if (exits->workload != workload)
			continue;
		entry = exit_json(result, exits->index);
		json_object_set_new(entry, "truth", json_number(exits->truth));
		json_object_set_new(entry, "leaf", number_or_null(exits->has_leaf, exits->leaf));
		json_object_set_new(entry, "bpf", json_number(exits->bpf));
		json_array_append_new(list, entry);
	}
	return list;
}

static json_t *workloads_json(const struct result *result, const struct verdicts *verdicts)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < result->nr_workloads; i++) {
		const struct result_workload *entry = &result->workloads[i];
		int64_t exit = workload_exit(entry->workload, result->host.isa);

		json_array_append_new(
			list, json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", entry->workload->name,
					"exit", number_or_null(exit >= 0, exit), "executions",
					json_number(entry->count), "unsupported",
					json_string_or_null(entry->unsupported), "exits",
					workload_exits_json(result, verdicts, i)));
	}
	return list;
}

static json_t *reasons_json(const struct result *result, const struct verdicts *verdicts)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < verdicts->nr_rows; i++) {
		const struct reason_row *row = &verdicts->rows[i];
		const char *kind = !row->has_truth ? "none" :
				   row->exact	   ? "exact" :
				   row->at_most	   ? "at-most" :
						     "at-least";
		json_t *entry = exit_json(result, row->index);
		json_t *rest = json_pack(
			"{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "truth",
			number_or_null(row->has_truth, row->truth), "truth_kind", kind, "leaf",
			number_or_null(row->has_leaf, row->leaf), "bpf", json_number(row->bpf),
			"difference", json_integer(row->difference), "leaf_cycles",
			real_or_null(row->has_leaf_cycles, row->leaf_cycles), "bpf_cycles",
			real_or_null(row->has_bpf_cycles, row->bpf_cycles), "bias",
			real_or_null(row->has_leaf_cycles, row->bias), "uncovered",
			real_or_null(row->has_uncovered, row->uncovered), "verdict",
			verdict_name(row->verdict));

		json_object_update(entry, rest);
		json_decref(rest);
		json_array_append_new(list, entry);
	}
	return list;
}

/* Adds to a reason's entry how long its exits took. */
static void times_json(json_t *entry, const struct ec_reason *reason, const uint64_t *log2_ns)
{
	json_t *histogram = json_array();
	unsigned int buckets = EC_HIST_BUCKETS;

	while (buckets && !log2_ns[buckets - 1])
		buckets--;
	for (unsigned int b = 0; b < buckets; b++)
		json_array_append_new(histogram, json_integer((json_int_t)log2_ns[b]));
	json_object_set_new(entry, "timed", json_number(reason->timed));
	json_object_set_new(entry, "ns", json_number(reason->ns));
	json_object_set_new(entry, "min_ns", json_number(reason->min_ns));
	json_object_set_new(entry, "max_ns", json_number(reason->max_ns));
	json_object_set_new(entry, "log2_ns", histogram);
}

static json_t *vcpu_reasons_json(const struct result *result, const struct ec_vcpu *bpf)
{
	json_t *list = json_array();

	for (unsigned int index = 0; index < EXIT_NR_INDICES; index++) {
		const struct ec_reason *reason = &bpf->reason[index];
		uint64_t log2_ns[EC_HIST_BUCKETS];
		json_t *entry;

		if (!reason->count)
			continue;
		for (unsigned int b = 0; b < EC_HIST_BUCKETS; b++)
			log2_ns[b] = reason->hist[b];
		entry = exit_json(result, index);
		json_object_set_new(entry, "count", json_number(reason->count));
		times_json(entry, reason, log2_ns);
		json_array_append_new(list, entry);
	}
	return list;
}

/* Each reason's times, of all vCPUs together. */
static json_t *latency_json(const struct result *result)
{
	json_t *list = json_array();

	for (unsigned int index = 0; index < EXIT_NR_INDICES; index++) {
		struct ec_reason sum = { 0 };
		uint64_t log2_ns[EC_HIST_BUCKETS] = { 0 };
		json_t *entry;

		for (unsigned int v = 0; v < result->nr_vcpus; v++) {
			const struct ec_reason *reason = &result->vcpus[v].bpf.reason[index];

			if (!reason->timed)
				continue;
			sum.min_ns = !sum.timed || reason->min_ns < sum.min_ns ? reason->min_ns :
										 sum.min_ns;
			sum.max_ns = reason->max_ns > sum.max_ns ? reason->max_ns : sum.max_ns;
			sum.timed += reason->timed;
			sum.ns += reason->ns;
			for (unsigned int b = 0; b < EC_HIST_BUCKETS; b++)
				log2_ns[b] += reason->hist[b];
		}
		if (!sum.timed)
			continue;
		entry = exit_json(result, index);
		times_json(entry, &sum, log2_ns);
		json_array_append_new(list, entry);
	}
	return list;
}

static json_t *vcpus_json(const struct result *result)
{
	json_t *list = json_array();

	for (unsigned int v = 0; v < result->nr_vcpus; v++) {
		const struct result_vcpu *vcpu = &result->vcpus[v];
		const struct ec_vcpu *bpf = &vcpu->bpf;
		uint64_t compared = 0, differed = 0;

		for (unsigned int leaf = 0; leaf < LEAF_NR; leaf++) {
			compared += bpf->compared[leaf];
			differed += bpf->differed[leaf];
		}
		json_array_append_new(
			list, json_pack("{s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
					"phase", phase_id(vcpu->phase), "vm", (int)vcpu->vm, "vcpu",
					(int)vcpu->id, "stat_exits",
					number_or_null(vcpu->has_stat && !vcpu->stat_others,
						       vcpu->stat_exits),
					"exits", json_number(bpf->count), "entries",
					json_number(bpf->entries), "failed_entries",
					json_number(bpf->failed_entries), "lost_entries",
					json_number(bpf->lost_entries), "compared",
					json_number(compared), "differed", json_number(differed),
					"reasons", vcpu_reasons_json(result, bpf)));
	}
	return list;
}

static json_t *checks_json(const struct verdicts *verdicts)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < verdicts->nr_checks; i++) {
		const struct check *check = &verdicts->checks[i];
		json_t *examples = json_array();

		for (unsigned int e = 0; e < check->nr_examples; e++)
			json_array_append_new(examples, json_string(check->examples[e]));
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:o}", "id",
						      check_name(check->id), "asserts",
						      check_asserts(check->id), "verdict",
						      verdict_name(check->verdict), "evidence",
						      check->detail, "examples", examples));
	}
	return list;
}

static json_t *diagnoses_json(const struct verdicts *verdicts)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < verdicts->nr_diagnoses; i++) {
		const struct diagnosis *diagnosis = &verdicts->diagnoses[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:s}", "name",
						diagnosis_name(diagnosis->id), "confidence",
						confidence_name(diagnosis->confidence), "shows",
						diagnosis->shows, "where", diagnosis->where));
	}
	return list;
}

/* Of --leaves: defects, or remarks. */
static json_t *findings_json(const struct verdicts *verdicts, bool remarks)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < verdicts->nr_findings; i++) {
		const struct finding *finding = &verdicts->findings[i];
		json_t *points = json_array();

		for (int point = 0; point < NR_POINTS; point++)
			if (finding->points & 1u << point)
				json_array_append_new(points, json_string(point_name(point)));
		if (finding_is_remark(finding->id) == remarks)
			json_array_append_new(list, json_pack("{s:s, s:O, s:s, s:s}", "name",
							      finding_name(finding->id), "points",
							      points, "shows", finding->shows,
							      "where", finding->where));
		json_decref(points);
	}
	return list;
}

/* What --leaves named, and what was found out of it; null where our leaves are. */
static json_t *published_json(const struct result *result, const struct verdicts *verdicts)
{
	const struct leaf_numbers *leaves = &result->published.leaves;

	if (result->leaves != LEAVES_PUBLISHED)
		return json_null();
	return json_pack("{s:s, s:o, s:s, s:i, s:o, s:o}", "leaves", leaf_numbers_text(leaves).s,
			 "name", json_string_or_null(leaf_numbers_name(leaves)), "scope",
			 scope_name(verdicts->scope), "of_points", NR_POINTS, "defects",
			 findings_json(verdicts, false), "remarks", findings_json(verdicts, true));
}

static json_t *mismatches_json(const struct result *result)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < result->nr_mismatches; i++) {
		const struct ec_mismatch *m = &result->mismatches[i];
		const struct result_vcpu *vcpu = result_slot_vcpu(result, m->slot);

		json_array_append_new(
			list,
			json_pack("{s:o, s:o, s:I, s:I, s:[I,I,I,I], s:b, s:o, s:o, s:o, s:o}",
				  "vm", number_or_null(vcpu, vcpu ? vcpu->vm : 0), "vcpu",
				  number_or_null(vcpu, vcpu ? vcpu->id : 0), "leaf",
				  (json_int_t)m->function, "index", (json_int_t)m->index,
				  "registers", (json_int_t)m->eax, (json_int_t)m->ebx,
				  (json_int_t)m->ecx, (json_int_t)m->edx, "malformed", m->malformed,
				  "value", json_number(m->leaf), "lower", json_number(m->lower),
				  "upper", json_number(m->upper), "at_exit",
				  json_number(m->at_exit)));
	}
	return list;
}

static json_t *differences_json(const struct result *result)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < result->nr_differences; i++) {
		const struct ec_difference *d = &result->differences[i];
		const struct result_vcpu *vcpu = result_slot_vcpu(result, d->slot);

		json_array_append_new(
			list,
			json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "vm",
				  number_or_null(vcpu, vcpu ? vcpu->vm : 0), "vcpu",
				  number_or_null(vcpu, vcpu ? vcpu->id : 0), "cpu",
				  json_number(d->cpu), "at_exit", json_number(d->at_exit), "kvm",
				  json_number(d->kvm), "ebpf", json_number(d->ebpf), "added",
				  json_number(d->added), "window", json_number(d->window), "text",
				  audit_difference_text(result->host.isa, d).s));
	}
	return list;
}

/* CONTRACT, line by line. */
static json_t *contract_json(const struct result *result, const struct verdicts *verdicts)
{
	const struct contract *found = &verdicts->contract;
	json_t *lines = json_array();
	unsigned int most = 0;

	for (int line = 0; line < NR_CONTRACT_LINES && found->judged; line++)
		json_array_append_new(
			lines, json_pack("{s:s, s:s, s:o, s:o}", "name", contract_line_name(line),
					 "holds", contract_line_text(line), "compared",
					 json_number(found->lines[line].compared), "differed",
					 json_number(found->lines[line].differed)));
	for (unsigned int vm = 0; vm < result->contract.nr_vms; vm++)
		if (result->contract.vms[vm].most > most)
			most = result->contract.vms[vm].most;
	return json_pack("{s:o, s:i, s:i, s:i, s:i, s:o}", "skipped",
			 json_string_or_null(result->contract.skipped), "requests",
			 (int)result->contract.nr_calls, "reads", (int)result->contract.nr_reads,
			 "vcpus", (int)found->vcpus, "max_vcpus", (int)most, "lines", lines);
}

/* The discovery leaf and the highest leaves, raw; the other reads are summed up in reasons. */
static json_t *discovery_json(const struct result *result)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < result->nr_reads; i++) {
		const struct probe_read *read = &result->reads[i];

		if (read->function == LEAF_DISCOVERY || read->function < LEAF_FIRST - 1)
			json_array_append_new(
				list, json_pack("{s:I, s:I, s:[I,I,I,I]}", "leaf",
						(json_int_t)read->function, "index",
						(json_int_t)read->index, "registers",
						(json_int_t)read->eax, (json_int_t)read->ebx,
						(json_int_t)read->ecx, (json_int_t)read->edx));
	}
	return list;
}

static json_t *summary_json(const struct result *result, const struct verdicts *verdicts)
{
	size_t word = strcspn(verdicts->closing, ":");

	return json_pack("{s:s%, s:i, s:s, s:f, s:i, s:o, s:o, s:o}", "verdict", verdicts->closing,
			 word, "exit_status", (int)verdicts->status, "text", verdicts->closing,
			 "seconds", result->seconds, "reasons", (int)verdicts->nr_rows, "exits",
			 json_number(verdicts->exits), "compared", json_number(verdicts->compared),
			 "differed", json_number(verdicts->differed));
}

json_t *run_document(const struct result *result, const struct verdicts *verdicts)
{
	return json_pack(
		"{s:i, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
		" s:o, s:o, s:o, s:o, s:o}",
		"schema_version", REPORT_SCHEMA_VERSION, "exitcheck", EXITCHECK_VERSION, "started",
		(json_int_t)result->started, "seed", json_number(result->seed), "count",
		number_or_null(result->count, result->count), "host", json_host(&result->host),
		"leaves", leaves_json(result), "witness", tracer_json(result), "phases",
		phases_json(result), "workloads", workloads_json(result, verdicts), "reasons",
		reasons_json(result, verdicts), "latency", latency_json(result), "vcpus",
		vcpus_json(result), "checks", checks_json(verdicts), "contract",
		contract_json(result, verdicts), "diagnoses", diagnoses_json(verdicts), "published",
		published_json(result, verdicts), "mismatches", mismatches_json(result),
		"differences", differences_json(result), "discovery_reads", discovery_json(result),
		"summary", summary_json(result, verdicts));
}
