// SPDX-License-Identifier: GPL-2.0-only
#include "live/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kvm/exits.h"
#include "util/array.h"

/* Buckets of usage that have one here: they end at 2^10 ns (1.02 µs) to 2^30 ns (1.07 s). The rest is in +Inf. */
#define FIRST_BUCKET 9
#define LAST_BUCKET 29

/* Series of a histogram: its buckets, +Inf, the sum and the count. */
#define HISTOGRAM_SERIES (LAST_BUCKET - FIRST_BUCKET + 1 + 3)

const struct metrics_family metrics_families[NR_METRICS] = {
	[METRICS_EXITS] = { "kvm_exits", METRICS_COUNTER, NULL, "VM exits that began." },
	[METRICS_EXIT_SECONDS] = { "kvm_exit_seconds", METRICS_COUNTER, "seconds",
				   "Time from VM exits to the vCPU's next entry, with the exits"
				   " under way." },
	[METRICS_DURATION] = { "kvm_exit_duration_seconds", METRICS_HISTOGRAM, "seconds",
			       "Time of the VM exits that ended." },
	[METRICS_VCPUS] = { "kvm_vcpus", METRICS_GAUGE, NULL, "vCPUs of the VM that exist." },
	[METRICS_VM] = { "kvm_vm", METRICS_INFO, NULL, "The process that runs the VM." },
	[METRICS_ALL_EXITS] = { "exitcheck_exits", METRICS_COUNTER, NULL,
				"VM exits of all VMs, shown or not." },
	[METRICS_ALL_SECONDS] = { "exitcheck_exit_seconds", METRICS_COUNTER, "seconds",
				  "Time in VM exits of all VMs, shown or not." },
	[METRICS_COMPLETE] = { "exitcheck_complete", METRICS_GAUGE, NULL,
			       "1 if every VM exit since the start is counted." },
	[METRICS_INCOMPLETE] = { "exitcheck_incomplete", METRICS_GAUGE, NULL,
				 "1 if exits are missing for this cause." },
	[METRICS_LOST] = { "exitcheck_lost_events", METRICS_COUNTER, NULL,
			   "What the source of the numbers lost." },
	[METRICS_DROPPED_VMS] = { "exitcheck_dropped_vms", METRICS_GAUGE, NULL,
				  "VMs left out here by --max-series." },
	[METRICS_DROPPED_SERIES] = { "exitcheck_dropped_series", METRICS_GAUGE, NULL,
				     "Series of these VMs." },
	[METRICS_LOOK_SECONDS] = { "exitcheck_look_seconds", METRICS_GAUGE, "seconds",
				   "Time that reading the counters took for this scrape." },
	[METRICS_CPU_SECONDS] = { "exitcheck_cpu_seconds", METRICS_COUNTER, "seconds",
				  "CPU time of the exporter's process." },
	[METRICS_MEMORY] = { "exitcheck_resident_memory_bytes", METRICS_GAUGE, "bytes",
			     "Memory of the exporter's process." },
	[METRICS_START] = { "exitcheck_start_time_seconds", METRICS_GAUGE, "seconds",
			    "When the counters began, since the epoch." },
	[METRICS_BUILD] = { "exitcheck_build", METRICS_INFO, NULL,
			    "The exporter, its host, and who counts." },
};

/* Causes of being incomplete. */
static const struct {
	enum proof_lack lack;
	const char *cause;
} causes[] = {
	{ PROOF_LOST, "lost" },
	{ PROOF_UNACCOUNTED, "unaccounted" },
	{ PROOF_STATISTIC, "kvm_statistic" },
	{ PROOF_ACCOUNT, "kvm_account" },
};

/* A VM that is shown, with its rows. */
struct part {
	char label[2 * sizeof(((struct exported_vm *)0)->label)]; /* escaped */
	const struct usage_vm *vm;
	const struct usage_row *rows; /* by reason */
	unsigned int nr;
	unsigned int first_vcpu; /* in usage; the VM's others follow */
};

struct writing {
	FILE *to;
	enum metrics_form form;
	const struct metrics *metrics;
	const struct usage *usage;
	struct usage_row *rows;
	unsigned int nr_rows;
	struct usage_exits total;
	struct part *parts;
	unsigned int nr_parts, dropped_vms, dropped_series;
	char bounds[LAST_BUCKET + 1][32]; /* in seconds */
};

/* ---- what is written ---- */

static int by_vm_and_reason(const void *a, const void *b)
{
	const struct usage_row *x = a, *y = b;

	if (x->vm != y->vm)
		return x->vm < y->vm ? -1 : 1;
	return x->index - y->index;
}

static bool take_rows(struct writing *writing)
{
	const struct usage_filter all = { 0 };

	if (!usage_rows(writing->usage, USAGE_BY_VM | USAGE_BY_REASON, &all, false, &writing->rows,
			&writing->nr_rows, &writing->total))
		return false;
	if (writing->nr_rows)
		qsort(writing->rows, writing->nr_rows, sizeof(*writing->rows), by_vm_and_reason);
	return true;
}

/* The rows of a VM, and its vCPUs. */
static void find_part(const struct writing *writing, struct part *part)
{
	unsigned int first = 0, end;

	while (first < writing->nr_rows && writing->rows[first].vm < part->vm)
		first++;
	for (end = first; end < writing->nr_rows && writing->rows[end].vm == part->vm;)
		end++;
	part->rows = writing->rows + first;
	part->nr = end - first;
	while (writing->usage->vcpus[part->first_vcpu]->vm != part->vm->number)
		part->first_vcpu++;
}

/* What a vCPU of it has of a reason; NULL: that has not happened. */
static const struct usage_exits *exits_of(const struct writing *writing, const struct part *part,
					  unsigned int vcpu, unsigned int index)
{
	const struct usage_part *of = writing->usage->vcpus[part->first_vcpu + vcpu]->reason[index];

	return of && (of->all.exits || of->all.ended || of->all.time_ns) ? &of->all : NULL;
}

/* A value of a label, or a help text, which OpenMetrics treats alike. */
static void escape(const char *text, char *escaped, size_t size)
{
	size_t n = 0;

	for (; *text && n + 2 < size; text++) {
		if (*text == '\\' || *text == '"' || *text == '\n')
			escaped[n++] = '\\';
		escaped[n++] = *text == '\n' ? 'n' : *text;
	}
	escaped[n] = '\0';
}

static unsigned int nr_series(const struct writing *writing, const struct part *part)
{
	unsigned int counters = writing->metrics->per_vcpu ? 0 : part->nr;

	for (unsigned int v = 0; v < part->vm->vcpus && writing->metrics->per_vcpu; v++)
		for (unsigned int i = 0; i < EXIT_NR_INDICES; i++)
			counters += !!exits_of(writing, part, v, i);
	/* kvm_vcpus and kvm_vm_info, too. */
	return 2 + 2 * counters + (writing->usage->has_hist ? HISTOGRAM_SERIES * part->nr : 0);
}

/* VMs in the order of their creation, so that those that are left out are the same ones at the next scrape. */
static bool take_parts(struct writing *writing)
{
	const struct usage *usage = writing->usage;
	unsigned int series = 0;

	writing->parts = calloc(usage->nr_vms + 1, sizeof(*writing->parts));
	if (!writing->parts)
		return false;
	for (unsigned int i = 0; i < usage->nr_vms; i++) {
		const struct usage_vm *vm = &usage->vms[i];
		const struct exported_vm *shown =
			exported_find(writing->metrics->exported, vm->number);
		struct part *part = &writing->parts[writing->nr_parts];

		if (!shown)
			continue;
		part->vm = vm;
		escape(shown->label, part->label, sizeof(part->label));
		find_part(writing, part);
		series += nr_series(writing, part);
		if (series <= writing->metrics->max_series) {
			writing->nr_parts++;
		} else {
			writing->dropped_vms++;
			writing->dropped_series += nr_series(writing, part);
		}
	}
	return true;
}

/* ---- a family ---- */

static const char *sample_suffix(enum metrics_type type)
{
	return type == METRICS_COUNTER ? "_total" : type == METRICS_INFO ? "_info" : "";
}

/* Prometheus' own text knows no info, and calls a family as its samples. */
static void write_head(const struct writing *writing, const struct metrics_family *family)
{
	static const char *const types[] = {
		[METRICS_COUNTER] = "counter",
		[METRICS_GAUGE] = "gauge",
		[METRICS_HISTOGRAM] = "histogram",
		[METRICS_INFO] = "info",
	};
	const bool is_open = writing->form == METRICS_OPENMETRICS;
	const char *suffix = is_open ? "" : sample_suffix(family->type);
	const char *type = types[family->type];

	if (!is_open && family->type == METRICS_INFO)
		type = types[METRICS_GAUGE];
	fprintf(writing->to, "# HELP %s%s %s\n", family->name, suffix, family->help);
	fprintf(writing->to, "# TYPE %s%s %s\n", family->name, suffix, type);
	if (is_open && family->unit)
		fprintf(writing->to, "# UNIT %s %s\n", family->name, family->unit);
}

static const char *reason_name(const struct writing *writing, unsigned int index)
{
	const enum exit_isa isa = writing->metrics->meter->host.isa;
	unsigned int number;

	return exit_number(isa, index, &number) ? exit_name(isa, number) : "undefined";
}

static void write_ns(FILE *to, uint64_t ns)
{
	fprintf(to, "%" PRIu64 ".%09" PRIu64 "\n", ns / 1000000000, ns % 1000000000);
}

/* The labels of a VM's reason, without the braces: made once, as most of the text is labels. */
struct labels {
	char s[sizeof(((struct part *)0)->label) + 80];
};

static struct labels labels_of(const struct writing *writing, const struct part *part,
			       unsigned int index)
{
	struct labels labels;

	snprintf(labels.s, sizeof(labels.s), "vm=\"%s\",reason=\"%s\"", part->label,
		 reason_name(writing, index));
	return labels;
}

static void write_counter(const struct writing *writing, const struct metrics_family *family,
			  const char *labels, const struct usage_exits *exits)
{
	fprintf(writing->to, "%s_total{%s} ", family->name, labels);
	if (family->unit)
		write_ns(writing->to, exits->time_ns);
	else
		fprintf(writing->to, "%" PRIu64 "\n", exits->exits);
}

static void write_vcpu_counters(const struct writing *writing, const struct metrics_family *family,
				const struct part *part)
{
	for (unsigned int v = 0; v < part->vm->vcpus; v++)
		for (unsigned int i = 0; i < EXIT_NR_INDICES; i++) {
			const struct usage_exits *exits = exits_of(writing, part, v, i);
			struct labels labels;

			if (!exits)
				continue;
			snprintf(labels.s, sizeof(labels.s), "vm=\"%s\",vcpu=\"%u\",reason=\"%s\"",
				 part->label, writing->usage->vcpus[part->first_vcpu + v]->id,
				 reason_name(writing, i));
			write_counter(writing, family, labels.s, exits);
		}
}

static void write_counters(const struct writing *writing, const struct metrics_family *family)
{
	for (unsigned int p = 0; p < writing->nr_parts; p++) {
		const struct part *part = &writing->parts[p];

		if (writing->metrics->per_vcpu) {
			write_vcpu_counters(writing, family, part);
			continue;
		}
		for (unsigned int i = 0; i < part->nr; i++)
			write_counter(writing, family,
				      labels_of(writing, part, part->rows[i].index).s,
				      &part->rows[i].sum);
	}
}

/* A vCPU that runs may have more in its histogram than had ended a moment before: the count is the histogram's. */
static void write_histogram(const struct writing *writing, const struct metrics_family *family,
			    const struct part *part, const struct usage_row *row)
{
	const struct labels labels = labels_of(writing, part, row->index);
	uint64_t nr = 0;

	for (unsigned int b = 0; b < EC_HIST_BUCKETS; b++) {
		nr += row->sum.hist[b];
		if (b >= FIRST_BUCKET && b <= LAST_BUCKET)
			fprintf(writing->to, "%s_bucket{%s,le=\"%s\"} %" PRIu64 "\n", family->name,
				labels.s, writing->bounds[b], nr);
	}
	fprintf(writing->to, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", family->name, labels.s, nr);
	fprintf(writing->to, "%s_sum{%s} ", family->name, labels.s);
	write_ns(writing->to, row->sum.ns);
	fprintf(writing->to, "%s_count{%s} %" PRIu64 "\n", family->name, labels.s, nr);
}

static void write_histograms(struct writing *writing, const struct metrics_family *family)
{
	for (unsigned int b = FIRST_BUCKET; b <= LAST_BUCKET; b++)
		snprintf(writing->bounds[b], sizeof(writing->bounds[b]), "%.10g",
			 usage_bucket_ns(writing->usage, b + 1) / 1e9);
	for (unsigned int p = 0; p < writing->nr_parts; p++)
		for (unsigned int i = 0; i < writing->parts[p].nr; i++)
			write_histogram(writing, family, &writing->parts[p],
					&writing->parts[p].rows[i]);
}

static void write_incomplete(const struct writing *writing, const struct metrics_family *family)
{
	const unsigned int lacks = proof_lacks(&writing->metrics->meter->proof);

	for (size_t i = 0; i < NR(causes); i++)
		fprintf(writing->to, "%s{cause=\"%s\"} %d\n", family->name, causes[i].cause,
			!!(lacks & causes[i].lack));
}

static void write_lost(const struct writing *writing, const struct metrics_family *family)
{
	for (int i = 0; i < NR_LOSSES; i++)
		fprintf(writing->to, "%s_total{kind=\"%s\"} %" PRIu64 "\n", family->name,
			loss_kinds[i].name, writing->metrics->meter->proof.lost.nr[i]);
}

static void write_build(const struct writing *writing, const struct metrics_family *family)
{
	const struct meter *meter = writing->metrics->meter;
	char kernel[2 * sizeof(meter->host.kernel)], source[2 * sizeof(meter->name)];

	escape(meter->host.kernel, kernel, sizeof(kernel));
	escape(meter->name, source, sizeof(source));
	fprintf(writing->to,
		"%s_info{version=\"%s\",commit=\"%s\",isa=\"%s\",kernel=\"%s\",source=\"%s\"} 1\n",
		family->name, writing->metrics->self.version, writing->metrics->self.commit,
		isa_name(meter->host.isa), kernel, source);
}

static void write_vms(const struct writing *writing, const struct metrics_family *family,
		      bool is_info)
{
	for (unsigned int p = 0; p < writing->nr_parts; p++) {
		const struct part *part = &writing->parts[p];

		if (is_info)
			fprintf(writing->to, "%s_info{vm=\"%s\",pid=\"%u\"} 1\n", family->name,
				part->label, part->vm->process);
		else
			fprintf(writing->to, "%s{vm=\"%s\"} %u\n", family->name, part->label,
				part->vm->vcpus - part->vm->gone);
	}
}

static void write_samples(struct writing *writing, unsigned int id)
{
	const struct metrics_family *family = &metrics_families[id];
	const struct metrics *metrics = writing->metrics;
	const struct metrics_self *self = &metrics->self;
	const double value[NR_METRICS] = {
		[METRICS_COMPLETE] =
			!(proof_lacks(&metrics->meter->proof) & ~(unsigned int)PROOF_NO_VM),
		[METRICS_DROPPED_VMS] = writing->dropped_vms,
		[METRICS_DROPPED_SERIES] = writing->dropped_series,
		[METRICS_LOOK_SECONDS] = self->look_seconds,
		[METRICS_CPU_SECONDS] = self->cpu_seconds,
		[METRICS_MEMORY] = (double)self->resident_bytes,
		[METRICS_START] = self->start_seconds,
	};

	switch (id) {
	case METRICS_EXITS:
	case METRICS_EXIT_SECONDS:
		write_counters(writing, family);
		break;
	case METRICS_DURATION:
		write_histograms(writing, family);
		break;
	case METRICS_VCPUS:
	case METRICS_VM:
		write_vms(writing, family, id == METRICS_VM);
		break;
	case METRICS_ALL_EXITS:
		fprintf(writing->to, "%s_total %" PRIu64 "\n", family->name, writing->total.exits);
		break;
	case METRICS_ALL_SECONDS:
		fprintf(writing->to, "%s_total ", family->name);
		write_ns(writing->to, writing->total.time_ns);
		break;
	case METRICS_INCOMPLETE:
		write_incomplete(writing, family);
		break;
	case METRICS_LOST:
		write_lost(writing, family);
		break;
	case METRICS_BUILD:
		write_build(writing, family);
		break;
	default:
		fprintf(writing->to, "%s%s %.15g\n", family->name, sample_suffix(family->type),
			value[id]);
	}
}

int metrics_write(FILE *to, const struct metrics *metrics, enum metrics_form form,
		  struct error *err)
{
	struct writing writing = {
		.to = to,
		.form = form,
		.metrics = metrics,
		.usage = &metrics->meter->usage,
	};
	int status = 0;

	if (!take_rows(&writing) || !take_parts(&writing))
		status = error_set(err, STATUS_CANNOT_RUN, "out of memory");
	for (unsigned int id = 0; id < NR_METRICS && !status; id++) {
		/* A source without histograms has no such metric. */
		if (id == METRICS_DURATION && !writing.usage->has_hist)
			continue;
		write_head(&writing, &metrics_families[id]);
		write_samples(&writing, id);
	}
	if (form == METRICS_OPENMETRICS && !status)
		fputs("# EOF\n", to);
	free(writing.parts);
	free(writing.rows);
	if (status || (!fflush(to) && !ferror(to)))
		return status;
	return error_set(err, STATUS_CANNOT_RUN, "cannot write the metrics: %s", strerror(errno));
}

/* ---- which form ---- */

/* That of a media range which ends at end. */
static double quality(const char *range, const char *end)
{
	while ((range = memchr(range, ';', end - range))) {
		range += 1 + strspn(range + 1, " \t");
		if (!strncasecmp(range, "q=", strlen("q=")))
			return strtod(range + strlen("q="), NULL);
	}
	return 1;
}

/* How much a client wants a media type, 0 to 1; negative: it does not name it. */
static double wanted(const char *accept, const char *type)
{
	const size_t length = strlen(type);

	for (; accept && *accept; accept += strcspn(accept, ",")) {
		accept += strspn(accept, ", \t");
		if (!strncasecmp(accept, type, length) && strchr("; \t,", accept[length]))
			return quality(accept, accept + strcspn(accept, ","));
	}
	return -1;
}

enum metrics_form metrics_form_of(const char *accept)
{
	const double open = wanted(accept, "application/openmetrics-text");

	return open > 0 && open >= wanted(accept, "text/plain") ? METRICS_OPENMETRICS :
								  METRICS_PROMETHEUS;
}

const char *metrics_content_type(enum metrics_form form)
{
	return form == METRICS_OPENMETRICS ?
		       "application/openmetrics-text; version=1.0.0; charset=utf-8" :
		       "text/plain; version=0.0.4; charset=utf-8";
}
