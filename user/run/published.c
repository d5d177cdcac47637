// SPDX-License-Identifier: GPL-2.0-only
/* sched_getaffinity() */
#define _GNU_SOURCE
#include "run/published.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvm/exits.h"
#include "run/points.h"
#include "run/vm.h"
#include "util/affinity.h"
#include "util/array.h"
#include "util/random.h"

#define FIRST_CANDIDATE 0x4ffffff0 /* leaves that any term has used, and more */
#define NR_CANDIDATES 16
#define PLAIN_LEAF (FIRST_CANDIDATE - 1) /* that nobody answers */
#define WORK 307			 /* CPUIDs between two looks at the leaves */
#define LAST_SMALL 0xff		/* up to there, what lies beyond an array is still the module's */
#define LARGE_SIGNED 0xfffffff0 /* -16: harmless, where the sign is not looked at */
#define RANDOM_NUMBERS 200

/* ---- which leaf is which ---- */

/* How a leaf's answers changed while the guest executed WORK CPUIDs. */
struct candidate {
	uint32_t leaf;
	bool exits, cycles;	    /* it counts them, of that number ... */
	bool all_exits, all_cycles; /* ... and of others as well */
	bool is_plain;		    /* it answers as a leaf that does not exist */
};

static struct list list_candidates(const struct session *session, const struct vm *vm)
{
	const struct leaf_numbers *leaves = &session->plan->leaves;
	const uint32_t named[] = { leaves->exits, leaves->cycles, leaves->total_exits,
				   leaves->total_cycles };
	struct list list = list_begin(vm, 0);
	uint32_t numbers[NR_ASKED];

	points_asked(session, numbers);
	for (uint32_t leaf = PLAIN_LEAF; leaf <= FIRST_CANDIDATE + NR_CANDIDATES - 1; leaf++)
		for (unsigned int i = 0; i < NR_ASKED; i++)
			list_add(&list, leaf, numbers[i]);
	for (unsigned int n = 0; n < NR(named); n++)
		for (unsigned int i = 0; i < NR_ASKED && named[n]; i++)
			list_add(&list, named[n], numbers[i]);
	return list;
}

static bool same_answer(const struct probe_read *a, const struct probe_read *b)
{
	return a->eax == b->eax && a->ebx == b->ebx && a->ecx == b->ecx && a->edx == b->edx;
}

static uint64_t cycles_of(const struct probe_read *read)
{
	return (uint64_t)read->ebx << 32 | read->ecx;
}

/* What a leaf is by its reads before and after; plain are those of a leaf that nobody answers. */
static struct candidate look_at(const struct probe_read *before, const struct probe_read *after,
				const struct probe_read *plain)
{
	uint32_t exits = after[0].eax - before[0].eax, other = after[1].eax - before[1].eax;
	int64_t cycles = cycles_of(&after[0]) - cycles_of(&before[0]);
	int64_t other_cycles = cycles_of(&after[1]) - cycles_of(&before[1]);
	struct candidate candidate = { .leaf = before->function, .is_plain = true };
	bool counts = exits >= WORK && exits < 100 * WORK;
	bool times = cycles >= WORK && cycles < 1ll << 44;

	for (unsigned int i = 0; i < NR_ASKED; i++)
		candidate.is_plain &= same_answer(&before[i], &plain[i]) &&
				      same_answer(&after[i], &plain[i]);
	candidate.all_exits = counts && other >= WORK && other < 100 * WORK;
	candidate.exits = counts && !candidate.all_exits;
	candidate.all_cycles = times && other_cycles >= cycles / 2;
	candidate.cycles = times && !candidate.all_cycles;
	return candidate;
}

static const struct candidate *find(const struct candidate *list, unsigned int nr, uint32_t leaf)
{
	for (unsigned int i = 0; i < nr; i++)
		if (list[i].leaf == leaf)
			return &list[i];
	return NULL;
}

/* The numbering that the answers speak for. */
static struct leaf_numbers numbering(const struct candidate *list, unsigned int nr)
{
	struct leaf_numbers numbers = { 0 };

	/* Ours has others below. */
	for (unsigned int i = nr; i--;) {
		if (list[i].exits && !numbers.exits)
			numbers.exits = list[i].leaf;
		if (list[i].cycles && !numbers.cycles)
			numbers.cycles = list[i].leaf;
		if (list[i].all_exits && !numbers.total_exits)
			numbers.total_exits = list[i].leaf;
		if (list[i].all_cycles && !numbers.total_cycles)
			numbers.total_cycles = list[i].leaf;
	}
	return numbers;
}

static int wrong_numbering(struct session *session, const struct leaf_numbers *found)
{
	const char *name = leaf_numbers_name(found);

	return error_set(session->err, STATUS_INCONCLUSIVE,
			 "leaf 0x%08x does not count exits by number, 0x%08x does: try --leaves=%s",
			 session->plan->leaves.exits, found->exits,
			 name ? name : leaf_numbers_text(found).s);
}

static int judge_candidates(struct session *session, const struct probe_read *before,
			    const struct probe_read *after, unsigned int nr_reads)
{
	const struct leaf_numbers *leaves = &session->plan->leaves;
	struct candidate list[NR_CANDIDATES + 1 + 4];
	unsigned int nr = 0;
	struct leaf_numbers found;
	bool any = false;

	for (unsigned int i = NR_ASKED; i + NR_ASKED <= nr_reads; i += NR_ASKED) {
		list[nr] = look_at(&before[i], &after[i], before);
		any |= !list[nr].is_plain &&
		       (list[nr].leaf == leaves->exits || list[nr].leaf == leaves->cycles ||
			list[nr].leaf == leaves->total_exits ||
			list[nr].leaf == leaves->total_cycles);
		nr++;
	}
	found = numbering(list, nr);
	if (found.exits && !find(list, nr, leaves->exits)->exits)
		return wrong_numbering(session, &found);
	if (any)
		return 0;
	return error_set(
		session->err, STATUS_INCONCLUSIVE,
		"no such leaves: %s answer as leaves that do not exist; load the patched KVM,"
		" or name its leaves (--leaves)",
		leaf_numbers_text(leaves).s);
}

/* ---- which numbers can be asked for ---- */

static const uint32_t large[] = { 0x100, 0x1ff,	 0x3ff,	 0x400,	  0x401,   0x403,   0x404,
				  0xfff, 0x1000, 0xffff, 0x10000, 0x1000a, 0x10072, 0x7fffffff };
static const uint32_t largest[] = { 0x80000000, 0x8000000a, 0x80000072, 0xfffffffb, 0xffffffff };

static bool is_refused(const struct probe_read *read)
{
	return !read->eax && !read->ebx && !read->ecx && read->edx == LEAF_UNDEFINED;
}

/* Reads a list; *refused: whether each of its numbers from first on was. */
static int probe(struct session *session, const struct vm *vm, const struct list *list,
		 uint32_t first, bool *refused)
{
	struct published_result *published = &session->result->published;
	int status = sweep_run(session, vm, 0, list, SWEEP_SOME, -1);

	if (!published->nr_probes++)
		published->first_probe = session->result->nr_sweeps - 1;
	*refused = true;
	for (unsigned int i = 0; !status && i < list->nr; i++)
		if (list->reads[i].index >= first)
			*refused &= is_refused(&list->reads[i]);
	return status;
}

/* A number that is not checked reads beyond an array's end: larger ones only where small ones were refused. */
static int probe_numbers(struct session *session, const struct vm *vm)
{
	struct published_result *published = &session->result->published;
	struct list list = list_begin(vm, 0);
	bool refused;
	int status;

	published->highest = LAST_SMALL;
	for (uint32_t number = 0; number <= LAST_SMALL; number++)
		points_list_number(session, &list, number);
	status = probe(session, vm, &list, FIRST_BEYOND, &refused);
	if (status || !refused)
		return status;
	published->highest = INT32_MAX;
	list = list_begin(vm, 0);
	for (unsigned int i = 0; i < NR(large); i++)
		points_list_number(session, &list, large[i]);
	for (unsigned int i = 0; i < RANDOM_NUMBERS; i++)
		points_list_number(session, &list, random_next(&session->random) >> (33 + i % 24));
	points_list_number(session, &list, LARGE_SIGNED);
	status = probe(session, vm, &list, LARGE_SIGNED, &refused);
	if (status || !refused)
		return status;
	published->highest = UINT32_MAX;
	list = list_begin(vm, 0);
	for (unsigned int i = 0; i < NR(largest); i++)
		points_list_number(session, &list, largest[i]);
	return probe(session, vm, &list, UINT32_MAX, &refused);
}

int published_discover(struct session *session, const struct vm *vm)
{
	struct list list = list_candidates(session, vm);
	const size_t size = list.nr * sizeof(*list.reads);
	struct probe_read *before = malloc(size);
	const char *unsupported;
	int status;

	if (!before)
		return session_no_memory(session);
	status = sweep_run(session, vm, 0, &list, SWEEP_SOME, -1);
	memcpy(before, list.reads, size);
	if (!status)
		status = vm_execute(session, vm, 0, PROBE_CPUID, WORK, &unsupported);
	list = list_candidates(session, vm);
	if (!status)
		status = sweep_run(session, vm, 0, &list, SWEEP_SOME, -1);
	if (!status)
		status = judge_candidates(session, before, list.reads, list.nr);
	free(before);
	if (status)
		return status;
	session->result->leaves = LEAVES_PUBLISHED;
	session->result->published.leaves = session->plan->leaves;
	session_measure(session, vm);
	return probe_numbers(session, vm);
}

/* ---- windows ---- */

void published_window_begin(struct session *session, enum published_window window)
{
	session->result->published.windows[window].before = session->result->nr_sweeps - 1;
}

void published_window_end(struct session *session, enum published_window window)
{
	session->result->published.windows[window].after = session->result->nr_sweeps - 1;
	session->result->published.windows[window].has = true;
}

bool published_pin(const struct vm *vm, unsigned int n)
{
	cpu_set_t allowed;
	int cpu;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return false;
	cpu = affinity_nth(&allowed, n);
	if (cpu < 0)
		return false;
	for (unsigned int v = 0; v < vm->nr_vcpus; v++)
		if (!affinity_pin(test_vm_tid(vm->test_vm, v), cpu))
			return false;
	return true;
}

int published_move(struct session *session, const struct vm *vm)
{
	int status = sweep(session, vm, 0, SWEEP_FULL, -1);

	published_window_begin(session, WINDOW_CPU);
	if (status || !published_pin(vm, 1))
		return status;
	status = sweep(session, vm, 0, SWEEP_FULL, -1);
	if (!status)
		published_window_end(session, WINDOW_CPU);
	return status;
}

int published_sibling(struct session *session, const struct vm *vm)
{
	const char *unsupported;
	int status = sweep(session, vm, 0, SWEEP_FULL, -1);

	published_window_begin(session, WINDOW_VCPU);
	if (!status)
		status = vm_execute(session, vm, 1, PROBE_CPUID, WORK, &unsupported);
	if (!status)
		status = sweep(session, vm, 0, SWEEP_FULL, -1);
	if (!status)
		published_window_end(session, WINDOW_VCPU);
	return status;
}

/* Each record of /dev/kmsg begins with its priority and its number. */
bool published_log(uint64_t *lines)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192];
	bool any = false;
	ssize_t length;

	if (fd < 0)
		return false;
	/* An error: records were overwritten meanwhile; the next read goes on. */
	for (unsigned int errors = 0; errors < 16;) {
		const char *comma;

		length = read(fd, record, sizeof(record) - 1);
		if (!length || (length < 0 && !any && errors > 8))
			break;
		if (length < 0) {
			errors++;
			continue;
		}
		record[length] = '\0';
		comma = strchr(record, ',');
		if (comma)
			*lines = strtoull(comma + 1, NULL, 10) + 1;
		any = true;
	}
	close(fd);
	return any;
}
