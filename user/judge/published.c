// SPDX-License-Identifier: GPL-2.0-only
#include "judge/published.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kvm/exits.h"
#include "util/text.h"

#define LISTED 4

bool read_is_refused(const struct probe_read *read)
{
	return !read->eax && !read->ebx && !read->ecx && read->edx == LEAF_UNDEFINED;
}

uint64_t read_cycles(const struct published *p, const struct probe_read *read)
{
	uint64_t high = p->swapped ? read->ecx : read->ebx,
		 low = p->swapped ? read->ebx : read->ecx;

	return high << 32 | low;
}

const struct probe_read *published_read(const struct published *p, const struct result_sweep *sweep,
					uint32_t leaf, uint32_t number, bool last)
{
	const struct probe_read *reads = sweep_reads(p->result, sweep), *found = NULL;

	for (unsigned int i = 0; leaf && i < sweep->nr_reads && (last || !found); i++)
		if (reads[i].function == leaf && reads[i].index == number)
			found = &reads[i];
	return found;
}

bool published_has_others(const struct published *p)
{
	return p->result->stats.foreign && p->scope != SCOPE_VM && p->scope != SCOPE_VCPU;
}

struct grown published_grown(const struct published *p, const struct probe_read *before,
			     const struct probe_read *after, const struct result_sweep *first,
			     const struct result_sweep *last, unsigned int index, uint64_t others)
{
	const unsigned int from = index == EXIT_INDEX_OTHER ? 0 : index;
	const unsigned int to = index == EXIT_INDEX_OTHER ? EXIT_NR_INDICES : index + 1;
	struct grown grown = { 0 };

	if (!before || !after || read_is_refused(before) || read_is_refused(after))
		return grown;
	grown.has = true;
	grown.leaf = (int32_t)(after->eax - before->eax);
	grown.lower = grown.upper = others;
	for (unsigned int i = from; i < to; i++) {
		struct bounds begin = facts_bpf(&p->facts, first, before, i);
		struct bounds end = facts_bpf(&p->facts, last, after, i);

		grown.lower += end.lower > begin.upper ? end.lower - begin.upper : 0;
		grown.upper += end.upper > begin.lower ? end.upper - begin.lower : 0;
	}
	if (published_has_others(p))
		grown.upper += p->result->stats.foreign;
	if (grown.leaf < (int64_t)grown.lower)
		grown.error = grown.leaf - (int64_t)grown.lower;
	else if (grown.leaf > (int64_t)grown.upper)
		grown.error = grown.leaf - (int64_t)grown.upper;
	return grown;
}

void published_find(struct published *p, enum finding_id id, unsigned int points, const char *shows,
		    ...)
{
	struct verdicts *verdicts = p->verdicts;
	struct finding *finding;
	va_list args;

	for (unsigned int i = 0; i < verdicts->nr_findings; i++) {
		if (verdicts->findings[i].id != id)
			continue;
		verdicts->findings[i].points |= points;
		return;
	}
	finding = &verdicts->findings[verdicts->nr_findings++];
	*finding = (struct finding){ .id = id, .points = points };
	va_start(args, shows);
	vsnprintf(finding->shows, sizeof(finding->shows), shows, args);
	va_end(args);
	snprintf(finding->where, sizeof(finding->where), finding_where(id),
		 p->facts.isa == EXIT_ISA_SVM ? "svm" : "vmx");
}

struct number_list published_list(const struct published *p, const bool *in)
{
	struct number_list list = { "" };
	bool listed[EXIT_NR_INDICES] = { false };
	unsigned int nr = 0, number;
	size_t n = 0;

	for (unsigned int i = 0; i < EXIT_INDEX_OTHER; i++)
		nr += in[i];
	for (unsigned int k = 0; k < nr && k < LISTED; k++) {
		const struct grown *worst = NULL;
		unsigned int which = 0;

		for (unsigned int i = 0; i < EXIT_INDEX_OTHER; i++) {
			if (!in[i] || listed[i] ||
			    (worst && llabs(p->counts[i].error) <= llabs(worst->error)))
				continue;
			worst = &p->counts[i];
			which = i;
		}
		listed[which] = true;
		exit_number(p->facts.isa, which, &number);
		n += snprintf(list.s + n, sizeof(list.s) - n, "%s%s %s", n ? ", " : "",
			      text_exit(p->facts.isa, number).s, exit_name(p->facts.isa, number));
		if (worst && worst->error)
			n += snprintf(list.s + n, sizeof(list.s) - n, " (%s of %s)",
				      text_u64(llabs(worst->error)).s, text_u64(worst->lower).s);
	}
	if (nr > LISTED)
		snprintf(list.s + n, sizeof(list.s) - n, " and %u more", nr - LISTED);
	return list;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct range_list range_list(enum exit_isa isa, const uint32_t *numbers, unsigned int nr)
{
	uint32_t *sorted = calloc(nr ? nr : 1, sizeof(*sorted));
	struct range_list list = { "" };
	unsigned int ranges = 0;
	size_t n = 0;

	if (!sorted)
		return list;
	for (unsigned int i = 0; i < nr; i++)
		sorted[i] = numbers[i];
	qsort(sorted, nr, sizeof(*sorted), compare_numbers);
	for (unsigned int i = 0; i < nr;) {
		unsigned int last = i;

		while (last + 1 < nr && sorted[last + 1] - sorted[last] <= 1)
			last++;
		if (ranges++ < LISTED) {
			n += snprintf(list.s + n, sizeof(list.s) - n, "%s%s", i ? ", " : "",
				      text_exit(isa, sorted[i]).s);
			if (sorted[last] != sorted[i])
				n += snprintf(list.s + n, sizeof(list.s) - n, " to %s",
					      text_exit(isa, sorted[last]).s);
		}
		i = last + 1;
	}
	if (ranges > LISTED)
		snprintf(list.s + n, sizeof(list.s) - n, " and others");
	free(sorted);
	return list;
}
