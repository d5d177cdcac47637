// SPDX-License-Identifier: GPL-2.0-only
#include "report/parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exitcheck.h"
#include "report/schema.h"

/* ---- members of an object ---- */

const char *doc_string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

bool doc_is_null(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return !value || json_is_null(value);
}

/* What does not fit into a signed integer is a string of digits. */
static uint64_t number(const json_t *value)
{
	return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10) :
				       (uint64_t)json_integer_value(value);
}

struct text doc_count(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (doc_is_null(object, key))
		return (struct text){ "-" };
	return json_is_string(value) ? text_u64(number(value)) :
				       text_i64(json_integer_value(value));
}

struct text doc_digits(const json_t *object, const char *key)
{
	struct text text = { "-" };

	if (!doc_is_null(object, key))
		snprintf(text.s, sizeof(text.s), "%" PRIu64, number(json_object_get(object, key)));
	return text;
}

double doc_real(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? (double)number(value) : json_number_value(value);
}

/* ---- the verdict ---- */

bool report_is_error(const json_t *document)
{
	return json_object_get(document, "error");
}

const char *report_verdict(const json_t *document)
{
	return report_is_error(document) ?
		       "ERROR" :
		       doc_string(json_object_get(document, "summary"), "verdict");
}

const char *report_closing(const json_t *document)
{
	const char *text = doc_string(json_object_get(document, "summary"), "text");

	if (report_is_error(document))
		return doc_string(document, "error");
	text += strcspn(text, ":");
	return text + strspn(text, ": ");
}

/* ---- the header ---- */

struct text report_time(const json_t *document, const char *format)
{
	int64_t started = json_integer_value(json_object_get(document, "started"));
	struct text text = { "" };
	struct tm tm;
	time_t time;

	/* Years of four digits, which is what the readers of these texts know. */
	time = started > 0 && started < 253402300800 ? started : 0;
	if (gmtime_r(&time, &tm))
		strftime(text.s, sizeof(text.s), format, &tm);
	return text;
}

__attribute__((format(printf, 3, 4))) static void
set_fact(struct report_fact *fact, const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fact->text, sizeof(fact->text), format, args);
	va_end(args);
	/* A character may have been cut in two. */
	text_clean(fact->text);
	fact->name = name;
}

static struct report_fact *run_facts(const json_t *document, struct report_fact *fact)
{
	const json_t *host = json_object_get(document, "host");
	const json_t *leaves = json_object_get(document, "leaves");
	const json_t *witness = json_object_get(document, "witness");
	const json_t *found = json_object_get(leaves, "discovery");
	bool present = !strcmp(doc_string(leaves, "state"), "present");
	uint64_t features = number(json_object_get(found, "features"));
	uint64_t lost = number(json_object_get(witness, "no_slot")) +
			number(json_object_get(witness, "no_map")) +
			number(json_object_get(witness, "missed"));

	if (present)
		set_fact(fact++, "leaves", "ABI %s; %s counters; %s",
			 doc_digits(found, "abi_version").s, doc_digits(found, "counters").s,
			 json_is_true(json_object_get(leaves, "opt_in")) ?
				 "enabled by the VMM" :
				 "not enabled by the VMM");
	else if (report_is_published(document))
		set_fact(fact++, "leaves", "%s; whose exits: %s",
			 doc_string(json_object_get(document, "published"), "leaves"),
			 doc_string(json_object_get(document, "published"), "scope"));
	else
		set_fact(fact++, "leaves", "%s", doc_string(leaves, "text"));
	set_fact(fact++, "TSC", "%s kHz%s; clock source %s", doc_count(host, "tsc_khz").s,
		 !present			    ? "" :
		 features & LEAF_FEATURE_STABLE_TSC ? ", stable" :
						      ", not stable",
		 doc_string(host, "clocksource"));
	set_fact(fact++, "eBPF", "%s; events lost: %s", doc_string(witness, "path"),
		 text_u64(lost).s);
	set_fact(fact++, "seed", "%s (--seed %s repeats this run)", doc_digits(document, "seed").s,
		 doc_digits(document, "seed").s);
	return fact;
}

static struct report_fact *bench_facts(const json_t *document, struct report_fact *fact)
{
	const json_t *host = json_object_get(document, "host");

	set_fact(fact++, "TSC", "%s kHz; clock source %s", doc_count(host, "tsc_khz").s,
		 doc_string(host, "clocksource"));
	set_fact(fact++, "cost", "cycles of the TSC%s%s",
		 doc_is_null(document, "no_instructions") ? " and the kernel's instructions" :
							    "; no instructions: ",
		 doc_string(document, "no_instructions"));
	set_fact(fact++, "rounds", "%s, each in a new random order, after a warm-up round",
		 doc_digits(document, "rounds").s);
	if (doc_real(document, "vms") * doc_real(document, "vcpus") > 1)
		set_fact(fact++, "VMs", "%s of %s vCPU%s, all at once",
			 doc_digits(document, "vms").s, doc_digits(document, "vcpus").s,
			 doc_real(document, "vcpus") > 1 ? "s" : "");
	set_fact(fact++, "seed", "%s (--seed %s repeats the order)", doc_digits(document, "seed").s,
		 doc_digits(document, "seed").s);
	return fact;
}

/* "8 reports, 7 PASS, 1 FAIL; CPU; SVM; Linux 6.12 and others" */
static void set_side(struct report_fact *fact, const char *name, const json_t *document,
		     const char *key)
{
	const json_t *files = json_object_get(json_object_get(document, key), "files"), *file;
	const json_t *first = json_array_get(files, 0);
	const char *kernel = doc_string(first, "kernel"), *verdict = doc_string(first, "verdict");
	bool kernels = false, verdicts = false;
	unsigned int nr_first = 0;
	size_t i;

	json_array_foreach(files, i, file) {
		bool is_first = !strcmp(doc_string(file, "verdict"), verdict);

		kernels |= strcmp(doc_string(file, "kernel"), kernel) != 0;
		verdicts |= !is_first;
		nr_first += is_first;
	}
	set_fact(fact, name, "%zu file%s%s%s%s%s; %s; %s; Linux %s%s", i, i == 1 ? "" : "s",
		 *verdict ? ", " : "", verdicts ? text_u64(nr_first).s : "", verdicts ? " " : "",
		 verdict, doc_string(first, "cpu"), doc_string(first, "isa"), kernel,
		 kernels ? " and others" : "");
}

static struct report_fact *comparison_facts(const json_t *document, struct report_fact *fact)
{
	set_side(fact++, "A", document, "a");
	set_side(fact++, "B", document, "b");
	set_fact(fact++, "method", "%s ways to share out the files between A and B",
		 doc_count(document, "labellings").s);
	if (!doc_is_null(document, "fail_over_percent"))
		set_fact(fact++, "limit", "%g %% more than A",
			 doc_real(document, "fail_over_percent"));
	return fact;
}

unsigned int report_facts(const json_t *document, struct report_fact *facts)
{
	const json_t *host = json_object_get(document, "host");
	struct report_fact *fact = facts;

	if (schema_kind(document) == SCHEMA_COMPARISON)
		return comparison_facts(document, facts) - facts;
	set_fact(fact++, "CPU", "%s; %s; %s online", doc_string(host, "cpu"),
		 doc_string(host, "isa"), doc_digits(host, "online_cpus").s);
	set_fact(fact++, "kernel", "%s; %s%s", doc_string(host, "kernel"),
		 doc_is_null(host, "exit_leaves") ? "no parameter kvm.exit_leaves" :
						    "kvm.exit_leaves=",
		 doc_string(host, "exit_leaves"));
	fact = schema_kind(document) == SCHEMA_BENCH ? bench_facts(document, fact) :
						       run_facts(document, fact);
	return fact - facts;
}

/* ---- the table by reason ---- */

const char *const report_columns[NR_COLUMNS] = {
	"exit",	    "reason",	"truth", "leaf",      "eBPF", "diff",
	"leaf cyc", "eBPF cyc", "bias",	 "uncovered", "",
};

struct report_title report_title(const json_t *document)
{
	struct report_title title;
	unsigned int vcpus = 0;
	const json_t *vcpu;
	size_t i;

	json_array_foreach(json_object_get(document, "vcpus"), i, vcpu)
		vcpus += !strcmp(doc_string(vcpu, "phase"), "single");
	snprintf(title.s, sizeof(title.s),
		 "Exits of %s by reason, and cycles (cyc) of one exit, mean",
		 vcpus > 1 ? "two VMs of one vCPU, the second with KVM's own APIC," : "one vCPU");
	return title;
}

const char report_legend[] =
	"truth: what the guest executed; leaf: what it read through CPUID; eBPF: counted and timed at the"
	" same instants; bias: how much longer eBPF's clock runs; uncovered: cycles between hardware and"
	" the accounting, by the guest's clock.";

/* An exit number as the vendor's manual has it, "-" where the exit has none. */
static struct text exit_text(const json_t *document, const json_t *object, const char *key)
{
	const char *isa = doc_string(json_object_get(document, "host"), "isa");

	if (doc_is_null(object, key))
		return (struct text){ "-" };
	return text_exit(strcmp(isa, "SVM") ? EXIT_ISA_VMX : EXIT_ISA_SVM,
			 number(json_object_get(object, key)));
}

static struct reason_name exit_name_text(const json_t *document, const json_t *object,
					 const char *number_key, const char *name_key)
{
	struct reason_name name;

	snprintf(name.s, sizeof(name.s), "%s %s", exit_text(document, object, number_key).s,
		 doc_string(object, name_key));
	text_clean(name.s);
	return name;
}

struct reason_name report_reason(const json_t *document, const json_t *reason)
{
	return exit_name_text(document, reason, "number", "name");
}

struct reason_name report_workload_exit(const json_t *document, const json_t *workload)
{
	return exit_name_text(document, workload, "exit", "exit_name");
}

static struct text cycles(const json_t *reason, const char *key)
{
	return doc_is_null(reason, key) ? (struct text){ "-" } : text_real(doc_real(reason, key));
}

void report_row(const json_t *document, const json_t *reason, struct report_row *row)
{
	const char *kind = doc_string(reason, "truth_kind"),
		   *verdict = doc_string(reason, "verdict");
	bool has_difference = !doc_is_null(reason, "leaf") || !strcmp(kind, "exact");
	const struct {
		const char *before;
		struct text text;
	} cells[NR_COLUMNS] = {
		[COLUMN_EXIT] = { "", exit_text(document, reason, "number") },
		[COLUMN_TRUTH] = { !strcmp(kind, "at-least") ? ">= " :
				   !strcmp(kind, "at-most")  ? "<= " :
							       "",
				   doc_count(reason, "truth") },
		[COLUMN_LEAF] = { "", doc_count(reason, "leaf") },
		[COLUMN_BPF] = { "", doc_count(reason, "bpf") },
		[COLUMN_DIFFERENCE] = { "", has_difference ? doc_count(reason, "difference") :
							     (struct text){ "-" } },
		[COLUMN_LEAF_CYCLES] = { "", cycles(reason, "leaf_cycles") },
		[COLUMN_BPF_CYCLES] = { "", cycles(reason, "bpf_cycles") },
		[COLUMN_BIAS] = { "", cycles(reason, "bias") },
		[COLUMN_UNCOVERED] = { "", cycles(reason, "uncovered") },
	};

	for (int c = 0; c < NR_COLUMNS; c++) {
		if (cells[c].before)
			snprintf(row->buffer[c], sizeof(row->buffer[c]), "%s%s", cells[c].before,
				 cells[c].text.s);
		row->cell[c] = row->buffer[c];
	}
	row->cell[COLUMN_REASON] = doc_string(reason, "name");
	row->cell[COLUMN_VERDICT] = !strcmp(verdict, "INCONCLUSIVE") ? "?" :
				    !strcmp(verdict, "SKIP")	     ? "-" :
								       verdict;
}

/* ---- an implementation of the assignment ---- */

bool report_is_published(const json_t *document)
{
	return json_is_object(json_object_get(document, "published"));
}

const json_t *report_findings(const json_t *document, bool remarks)
{
	return json_object_get(json_object_get(document, "published"),
			       remarks ? "remarks" : "defects");
}

struct points_text report_points(const json_t *document, const json_t *finding)
{
	const json_t *points = json_object_get(finding, "points"), *point;
	struct points_text text;
	size_t i;
	int n;

	n = snprintf(text.s, sizeof(text.s), "%zu of %s points", json_array_size(points),
		     doc_digits(json_object_get(document, "published"), "of_points").s);
	json_array_foreach(points, i, point)
		if (n < (int)sizeof(text.s))
			n += snprintf(text.s + n, sizeof(text.s) - n, "%s%s", i ? ", " : ": ",
				      json_string_value(point) ? json_string_value(point) : "");
	text_clean(text.s);
	return text;
}
