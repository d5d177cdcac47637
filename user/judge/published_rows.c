// SPDX-License-Identifier: GPL-2.0-only
#include "judge/published_rows.h"

#include <stdio.h>

#include "judge/check.h"
#include "kvm/assignment.h"
#include "kvm/exits.h"
#include "util/text.h"

/* ---- the table ---- */

static uint64_t nearest(const struct grown *grown)
{
	const uint64_t leaf = grown->leaf < 0 ? 0 : (uint64_t)grown->leaf;

	return leaf < grown->lower ? grown->lower : leaf > grown->upper ? grown->upper : leaf;
}

/* Exits by eBPF of the single vCPUs, of a number that is refused. */
static uint64_t all_exits(const struct published *p, unsigned int index)
{
	uint64_t exits = 0;

	for (unsigned int v = 0; v < p->result->nr_vcpus; v++)
		if (p->result->vcpus[v].phase == PHASE_SINGLE)
			exits += p->result->vcpus[v].bpf.reason[index].count;
	return exits;
}

void published_rows(struct published *p)
{
	struct verdicts *verdicts = p->verdicts;

	verdicts->nr_rows = 0;
	for (unsigned int i = 0; i < EXIT_INDEX_OTHER; i++) {
		const struct grown *grown = &p->counts[i];
		const struct passed *passed = &p->times[i];
		struct reason_row *row = &verdicts->rows[verdicts->nr_rows];

		*row = (struct reason_row){ .index = i };
		if (!exit_number(p->facts.isa, i, &row->number))
			break;
		row->bpf = grown->has ? nearest(grown) : all_exits(p, i);
		if (!row->bpf && !(grown->has && grown->leaf))
			continue;
		row->has_leaf = grown->has && grown->leaf >= 0;
		row->leaf = row->has_leaf ? grown->leaf : 0;
		row->difference = grown->error;
		row->verdict = grown->error ? VERDICT_FAIL :
			       grown->has   ? VERDICT_PASS :
			       p->refused[i] && assigned_number(p->facts.isa, row->number) ==
							ASSIGNED_DEFINED ?
					    VERDICT_FAIL :
					    VERDICT_SKIP;
		if (passed->windows && passed->timed > 0 && passed->cycles >= 0) {
			row->has_leaf_cycles = row->has_bpf_cycles = true;
			row->leaf_cycles = passed->cycles / passed->timed;
			row->bpf_cycles = passed->upper / passed->timed;
			row->bias = row->bpf_cycles - row->leaf_cycles;
		}
		verdicts->nr_rows++;
	}
}

/* ---- the checks ---- */

static uint32_t leaf_of(const struct published *p, enum assigned_point point)
{
	switch (point) {
	case POINT_CYCLES:
		return p->leaves->cycles;
	case POINT_ALL_EXITS:
		return p->leaves->total_exits;
	case POINT_ALL_CYCLES:
		return p->leaves->total_cycles;
	default:
		return p->leaves->exits;
	}
}

static void detail(const struct published *p, enum assigned_point point, struct check *check)
{
	static const char *const what[NR_POINTS] = {
		[POINT_EXITS] =
			"counts by number, of one vCPU alone and of several at once, against eBPF's",
		[POINT_CYCLES] = "numbers' cycles against eBPF's clock",
		[POINT_ALL_EXITS] = "totals of exits against eBPF's",
		[POINT_ALL_CYCLES] =
			"totals of cycles against the cycles by number and the guest's own clock",
		[POINT_UNDEFINED] = "reads of numbers that are not defined",
		[POINT_NOT_ENABLED] = "reads of numbers that KVM never enables",
	};

	check_detail(check, "leaf 0x%08x: %s %s, %s wrong", leaf_of(p, point),
		     text_u64(p->compared[point]).s, what[point], text_u64(p->differed[point]).s);
}

void published_checks(struct published *p)
{
	struct verdicts *verdicts = p->verdicts;
	unsigned int failed = 0;

	for (unsigned int i = 0; i < verdicts->nr_findings; i++)
		if (!finding_is_remark(verdicts->findings[i].id))
			failed |= verdicts->findings[i].points;
	for (int point = 0; point < NR_POINTS; point++) {
		struct check *check = &verdicts->checks[verdicts->nr_checks++];

		*check = (struct check){ .id = CHECK_FIRST_POINT + point, .verdict = VERDICT_PASS };
		if (!leaf_of(p, point)) {
			check->verdict = VERDICT_SKIP;
			check_detail(check, "--leaves names no such leaf");
			continue;
		}
		detail(p, point, check);
		if (failed & 1u << point)
			check->verdict = VERDICT_FAIL;
		else if (!p->compared[point] || p->facts.lost || p->scope == SCOPE_UNKNOWN ||
			 (published_has_others(p) && point <= POINT_ALL_CYCLES))
			check->verdict = VERDICT_INCONCLUSIVE;
		for (unsigned int i = 0; i < verdicts->nr_findings; i++)
			if (!finding_is_remark(verdicts->findings[i].id) &&
			    verdicts->findings[i].points & 1u << point)
				check_example(check, "%s", finding_name(verdicts->findings[i].id));
		if (check->verdict == VERDICT_INCONCLUSIVE && p->facts.lost)
			check_example(check, "eBPF lost %s events", text_u64(p->facts.lost).s);
		if (check->verdict == VERDICT_INCONCLUSIVE && published_has_others(p))
			check_example(check, "other VMs ran, whose exits are in the counters");
	}
}
