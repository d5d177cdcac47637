// SPDX-License-Identifier: GPL-2.0-only
#include "judge/published_form.h"

#include "kvm/assignment.h"
#include "util/text.h"

#define MAX_NUMBERS 1024

/* Numbers, and what one of them was answered with. */
struct numbers {
	uint32_t number[MAX_NUMBERS];
	unsigned int nr;
	const struct probe_read *example;
};

static void add(struct numbers *numbers, const struct probe_read *read)
{
	if (!numbers->example)
		numbers->example = read;
	if (numbers->nr < MAX_NUMBERS)
		numbers->number[numbers->nr++] = read->index;
}

static bool is_by_number(const struct published *p, uint32_t leaf)
{
	return leaf == p->leaves->exits || (p->leaves->cycles && leaf == p->leaves->cycles);
}

static bool is_of_cycles(const struct published *p, uint32_t leaf)
{
	return leaf == p->leaves->cycles || leaf == p->leaves->total_cycles;
}

/* ---- what the others need to know ---- */

/* Whether the halves of cycles are the wrong way round: the low one changes all the time. */
struct halves {
	unsigned int reads, high_small, low_small, no_high, drops;
	unsigned int vcpu;
	uint32_t last;
};

static void look_at_halves(struct halves *halves, const struct probe_read *read, unsigned int vcpu)
{
	if (!read->ebx && !read->ecx)
		return;
	halves->reads++;
	halves->high_small += read->ebx < 1 << 12;
	halves->low_small += read->ecx < 1 << 12;
	halves->no_high += !read->ebx;
	/* Another VM or CPU may have others. */
	halves->drops += vcpu == halves->vcpu && halves->last >> 31 && !(read->ecx >> 31);
	halves->vcpu = vcpu;
	halves->last = read->ecx;
}

void published_collect_forms(struct published *p)
{
	struct halves halves = { 0 }, total = { 0 };

	const struct published_result *published = &p->result->published;

	for (unsigned int s = 0; s < p->result->nr_sweeps; s++) {
		const struct result_sweep *sweep = &p->result->sweeps[s];
		const struct probe_read *reads = sweep_reads(p->result, sweep);
		/* Threads of several vCPUs run on any CPU, and counters may be a CPU's. */
		bool away = (published->windows[WINDOW_CPU].has &&
			     s == published->windows[WINDOW_CPU].after) ||
			    p->result->vcpus[sweep->vcpu].phase == PHASE_SMP;

		for (unsigned int i = 0; i < EXIT_INDEX_OTHER; i++)
			p->happened[i] |= sweep->bpf_after[i];
		for (unsigned int i = 0; i < sweep->nr_reads; i++) {
			unsigned int index = exit_index(p->facts.isa, reads[i].index);

			p->reads += is_by_number(p, reads[i].function);
			if (reads[i].function == p->leaves->exits && !sweep->concurrent)
				p->refused[index] |= read_is_refused(&reads[i]);
			if (reads[i].function == p->leaves->cycles &&
			    assigned_number(p->facts.isa, reads[i].index) == ASSIGNED_DEFINED &&
			    !read_is_refused(&reads[i]))
				look_at_halves(&halves, &reads[i], sweep->vcpu);
			if (reads[i].function == p->leaves->total_cycles &&
			    p->leaves->total_cycles && !away && !sweep->concurrent)
				look_at_halves(&total, &reads[i], sweep->vcpu);
		}
	}
	p->swapped = halves.reads > 20 && halves.low_small == halves.reads &&
		     2 * halves.high_small < halves.reads;
	/* The total passes 2^32 first. */
	p->narrow = !p->swapped && total.reads > 1 && total.no_high == total.reads && total.drops;
}

/* ---- numbers that are not defined ---- */

static bool is_zero(const struct probe_read *read)
{
	return !read->eax && !read->ebx && !read->ecx && !read->edx;
}

/* What the leaf's own registers have. */
static bool has_value(const struct published *p, const struct probe_read *read)
{
	return is_of_cycles(p, read->function) ? read->ebx || read->ecx : read->eax;
}

/* Beyond the first value that is none of a counter's, zeros are what lies there. */
static void drop_beyond(struct numbers *zero, const struct numbers *value)
{
	uint32_t first = UINT32_MAX;
	unsigned int nr = 0;

	for (unsigned int i = 0; i < value->nr; i++)
		if (value->number[i] < first)
			first = value->number[i];
	for (unsigned int i = 0; i < zero->nr; i++)
		if (zero->number[i] < first)
			zero->number[nr++] = zero->number[i];
	zero->nr = nr;
}

static void find_undefined(struct published *p, const struct numbers *zero,
			   const struct numbers *left, const struct numbers *value)
{
	const enum exit_isa isa = p->facts.isa;
	const struct probe_read *example = value->example;

	if (value->nr)
		published_find(
			p, FINDING_OUT_OF_BOUNDS, POINT(UNDEFINED),
			"Numbers that are not defined return what lies beyond the counters, or those"
			" of another number: %s. Leaf 0x%08x returned %x, %x, %x, %x for %s.",
			range_list(isa, value->number, value->nr).s, example->function,
			example->eax, example->ebx, example->ecx, example->edx,
			text_exit(isa, example->index).s);
	if (left->nr)
		published_find(
			p, FINDING_UNINITIALISED_REGISTER, POINT(UNDEFINED),
			"Numbers that are not defined leave something in EBX, ECX or EDX: %s. Leaf"
			" 0x%08x returned %x, %x, %x, %x for %s.",
			range_list(isa, left->number, left->nr).s, left->example->function,
			left->example->eax, left->example->ebx, left->example->ecx,
			left->example->edx, text_exit(isa, left->example->index).s);
	if (zero->nr)
		published_find(
			p, FINDING_UNDEFINED_CONTRACT, POINT(UNDEFINED),
			"Numbers that are not defined return zeros in all four registers, as one"
			" that is defined does: %s.",
			range_list(isa, zero->number, zero->nr).s);
}

/* Another answer than the contract's that all of a leaf's undefined numbers share is no counter's. */
static void judge_undefined(struct published *p)
{
	static struct numbers zero, left, value;

	zero = left = value = (struct numbers){ .nr = 0 };
	for (unsigned int s = 0; s < p->result->published.nr_probes; s++) {
		const struct result_sweep *sweep =
			&p->result->sweeps[p->result->published.first_probe + s];
		const struct probe_read *reads = sweep_reads(p->result, sweep);

		for (unsigned int i = 0; i < sweep->nr_reads; i++) {
			if (!is_by_number(p, reads[i].function) ||
			    assigned_number(p->facts.isa, reads[i].index) != ASSIGNED_UNDEFINED)
				continue;
			p->compared[POINT_UNDEFINED]++;
			if (read_is_refused(&reads[i]))
				continue;
			p->differed[POINT_UNDEFINED]++;
			/* Refused, but for what was left in the other registers. */
			if (is_zero(&reads[i]))
				add(&zero, &reads[i]);
			else if (has_value(p, &reads[i]) && reads[i].edx != LEAF_UNDEFINED)
				add(&value, &reads[i]);
			else
				add(&left, &reads[i]);
		}
	}
	drop_beyond(&zero, &value);
	find_undefined(p, &zero, &left, &value);
}

/* ---- numbers that are defined ---- */

static void find_refused(struct published *p, const struct numbers *refused, unsigned int points,
			 bool later)
{
	bool happened[EXIT_NR_INDICES] = { false };
	unsigned int nr = 0;

	for (unsigned int i = 0; i < refused->nr; i++) {
		unsigned int index = exit_index(p->facts.isa, refused->number[i]);

		nr += p->happened[index] && !happened[index];
		happened[index] = p->happened[index];
	}
	if (!refused->nr)
		return;
	if (later)
		published_find(
			p, FINDING_LATER_EDITION, 0,
			"Refused are %s, which only later editions of the manual define, or other"
			" documents.",
			range_list(p->facts.isa, refused->number, refused->nr).s);
	else
		published_find(
			p, FINDING_DEFINED_REFUSED, points,
			"Numbers that are defined are refused as if they were not: %s. %u of them"
			" happened%s%s.",
			range_list(p->facts.isa, refused->number, refused->nr).s, nr,
			nr ? ", such as " : "", nr ? published_list(p, happened).s : "");
}

static unsigned int point_of(const struct published *p, const struct probe_read *read)
{
	const unsigned int index = exit_index(p->facts.isa, read->index);

	if (assigned_never_enabled(p->facts.isa, read->index) && !p->happened[index])
		return POINT(NOT_ENABLED);
	return is_of_cycles(p, read->function) ? POINT(CYCLES) : POINT(EXITS);
}

static void judge_defined(struct published *p)
{
	static struct numbers refused, later, not_zero;
	unsigned int points = 0;

	refused = later = not_zero = (struct numbers){ .nr = 0 };
	for (unsigned int s = 0; s < p->result->published.nr_probes; s++) {
		const struct result_sweep *sweep =
			&p->result->sweeps[p->result->published.first_probe + s];
		const struct probe_read *reads = sweep_reads(p->result, sweep);

		for (unsigned int i = 0; i < sweep->nr_reads; i++) {
			enum assigned assigned = assigned_number(p->facts.isa, reads[i].index);
			unsigned int index = exit_index(p->facts.isa, reads[i].index), point;

			if (!is_by_number(p, reads[i].function) || assigned == ASSIGNED_UNDEFINED)
				continue;
			point = point_of(p, &reads[i]);
			p->compared[POINT_NOT_ENABLED] += point == POINT(NOT_ENABLED);
			if (read_is_refused(&reads[i])) {
				bool open = assigned == ASSIGNED_OPEN && !p->happened[index];

				add(open ? &later : &refused, &reads[i]);
				points |= open ? 0 : point;
				p->differed[POINT_NOT_ENABLED] += !open &&
								  point == POINT(NOT_ENABLED);
			} else if (point == POINT(NOT_ENABLED) && !is_zero(&reads[i])) {
				add(&not_zero, &reads[i]);
				p->differed[POINT_NOT_ENABLED]++;
			}
		}
	}
	find_refused(p, &refused, points, false);
	find_refused(p, &later, 0, true);
	if (not_zero.nr)
		published_find(
			p, FINDING_UNINITIALISED_REGISTER, POINT(NOT_ENABLED),
			"Numbers that KVM never enables do not return zeros in all four registers:"
			" %s. Leaf 0x%08x returned %x, %x, %x, %x for %s.",
			range_list(p->facts.isa, not_zero.number, not_zero.nr).s,
			not_zero.example->function, not_zero.example->eax, not_zero.example->ebx,
			not_zero.example->ecx, not_zero.example->edx,
			text_exit(p->facts.isa, not_zero.example->index).s);
}

/* ---- registers that the assignment leaves open ---- */

static bool has_rest(const struct published *p, const struct probe_read *read)
{
	const bool both = read->function == p->leaves->total_exits &&
			  read->function == p->leaves->total_cycles;

	if (both)
		return read->edx;
	return is_of_cycles(p, read->function) ? read->eax || read->edx :
						 read->ebx || read->ecx || read->edx;
}

static bool is_a_leaf(const struct published *p, uint32_t leaf)
{
	return is_by_number(p, leaf) ||
	       (leaf && (leaf == p->leaves->total_exits || leaf == p->leaves->total_cycles));
}

struct rest {
	const struct probe_read *example;
	uint64_t reads, left;
	bool high; /* EBX of a count had something */
};

static void add_rest(const struct published *p, const struct result_sweep *sweep, struct rest *rest)
{
	const struct probe_read *reads = sweep_reads(p->result, sweep);

	for (unsigned int i = 0; i < sweep->nr_reads; i++) {
		const struct probe_read *read = &reads[i];

		if (!is_a_leaf(p, read->function) || read_is_refused(read) ||
		    assigned_number(p->facts.isa, read->index) != ASSIGNED_DEFINED)
			continue;
		rest->reads++;
		rest->high |= !is_of_cycles(p, read->function) && read->ebx;
		if (!has_rest(p, read))
			continue;
		rest->left++;
		rest->example = read;
	}
}

static void judge_rest(struct published *p)
{
	const struct probe_read *example;
	struct rest rest = { 0 };

	/* What several vCPUs get that ask at once may be another's answer. */
	for (unsigned int s = 0; s < p->result->nr_sweeps; s++)
		if (!p->result->sweeps[s].concurrent)
			add_rest(p, &p->result->sweeps[s], &rest);
	example = rest.example;
	if (example)
		published_find(
			p, FINDING_LEFT_REGISTERS, 0,
			"%s of %s answers have something in registers that the assignment leaves"
			" open: leaf 0x%08x returned %x, %x, %x, %x for %s.",
			text_u64(rest.left).s, text_u64(rest.reads).s, example->function,
			example->eax, example->ebx, example->ecx, example->edx,
			text_exit(p->facts.isa, example->index).s);
	if (!rest.high)
		published_find(
			p, FINDING_COUNTS_OF_32_BITS, 0,
			"Counts are read from EAX alone, as the assignment has it, and compared"
			" modulo 2^32: EBX was 0 in all reads.");
}

void published_form(struct published *p)
{
	judge_undefined(p);
	judge_defined(p);
	judge_rest(p);
}
