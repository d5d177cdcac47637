// SPDX-License-Identifier: GPL-2.0-only
#include "judge/published_scope.h"

#include <stdlib.h>

#include "kvm/exits.h"
#include "util/text.h"

/* What a window of an idle vCPU shows: how its leaves grew, and how they should if they are its own. */
struct shown {
	bool has;
	int64_t leaf;	/* beyond the vCPU's own exits */
	int64_t error;	/* likewise, less what other VMs may have made */
	int64_t others; /* exits of others */
};

/* Only of exits that nothing but a guest's instruction causes. */
static struct shown look(const struct published *p, enum published_window window, bool whole_host)
{
	const struct published_result *published = &p->result->published;
	const struct result_sweep *before = &p->result->sweeps[published->windows[window].before];
	const struct result_sweep *after = &p->result->sweeps[published->windows[window].after];
	const struct published_point *first, *last;
	struct shown shown = { 0 };

	if (!published->windows[window].has)
		return shown;
	first = published_point(p->result, published->windows[window].before);
	last = published_point(p->result, published->windows[window].after);
	for (unsigned int i = 0; first && last && i < EXIT_INDEX_OTHER; i++) {
		const uint64_t own = after->bpf_before[i] - before->bpf_before[i];
		unsigned int number;
		struct grown grown;

		if (!exit_number(p->facts.isa, i, &number) || p->facts.asynchronous[i])
			continue;
		grown = published_grown(p,
					published_read(p, before, p->leaves->exits, number, false),
					published_read(p, after, p->leaves->exits, number, false),
					before, after, i, 0);
		if (!grown.has)
			continue;
		shown.has = true;
		shown.leaf += grown.leaf - (int64_t)grown.lower;
		shown.error += grown.error;
		shown.others +=
			(whole_host ? last->all[i] - first->all[i] : last->vm[i] - first->vm[i]) -
			own;
	}
	return shown;
}

static bool is_most(const struct shown *shown)
{
	return shown->has && shown->others && shown->leaf > shown->others / 2;
}

/* Whether a vCPU that was moved finds other counters than it left. */
static bool is_of_a_cpu(const struct published *p, int64_t *change)
{
	const struct shown moved = look(p, WINDOW_CPU, false);

	*change = moved.error;
	/* Its own reads in between are in the bounds; a miscount changes them by no more than themselves. */
	return moved.has && llabs(moved.error) > 1500;
}

void published_scope(struct published *p)
{
	const struct shown vm = look(p, WINDOW_VM, true), sibling = look(p, WINDOW_VCPU, false);
	int64_t change;

	if (is_of_a_cpu(p, &change)) {
		p->scope = SCOPE_CPU;
		published_find(
			p, FINDING_PER_CPU_SPLIT, POINT(EXITS) | POINT(ALL_EXITS),
			"When the vCPU's thread moved to another CPU, its counts changed by %s"
			" exits that nobody made.",
			text_i64(change).s);
		return;
	}
	if (is_most(&vm)) {
		p->scope = SCOPE_HOST;
		published_find(
			p, FINDING_SCOPE, 0,
			"The counters are the host's: while a VM was idle, they grew by %s of the"
			" %s exits of another.",
			text_i64(vm.leaf).s, text_i64(vm.others).s);
	} else if (is_most(&sibling)) {
		p->scope = SCOPE_VM;
		published_find(
			p, FINDING_SCOPE, 0,
			"The counters are the VM's: an idle vCPU sees the exits of its siblings, and"
			" none of another VM's.");
	} else if (sibling.others && llabs(sibling.leaf) < sibling.others / 2) {
		p->scope = SCOPE_VCPU;
	}
}
