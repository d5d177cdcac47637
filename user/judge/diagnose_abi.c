// SPDX-License-Identifier: GPL-2.0-only
/* Registers: what must be 0, undefined exit numbers, ordinary leaves. */
#include "judge/diagnose_abi.h"

#include "judge/check_abi.h"
#include "kvm/exits.h"
#include "util/text.h"

/* How wrong reads were answered. */
struct answers {
	unsigned int undefined, undefined_wrong;
	unsigned int zero;		 /* undefined numbers: all four registers 0 */
	unsigned int marked;		 /* EDX is right, and others are not */
	unsigned int inputs;		 /* a register still has what the guest passed in it */
	unsigned int values;		 /* exits: a value */
	bool excluded[EXIT_INDEX_OTHER]; /* defined numbers that did not have it every time */
	unsigned int defined_undefined;
	unsigned int strays, stray_inputs; /* defined ones: a register that must be 0 is not */
};

/* Whether the guest's own EAX or ECX is in a register that must be 0. */
static bool has_input(const struct probe_read *read, bool exits)
{
	return (exits && read->ecx == read->index && read->index) ||
	       (!exits && read->eax == read->function);
}

/* Defined numbers that cannot be the one whose value was returned. */
static void exclude_numbers(const struct evidence *evidence, const struct result_sweep *sweep,
			    const struct probe_read *read, struct answers *answers)
{
	uint64_t value = (uint64_t)read->ebx << 32 | read->eax;

	for (unsigned int index = 0; index < EXIT_INDEX_OTHER; index++)
		if (!answers->excluded[index])
			answers->excluded[index] = !bounds_have(
				value, facts_bpf(&evidence->facts, sweep, read, index));
}

/* The remaining one, EXIT_INDEX_OTHER if there is none; the first and the last are likeliest. */
static unsigned int number_left(const struct evidence *evidence, const struct answers *answers)
{
	unsigned int last = exit_nr_defined(evidence->facts.isa) - 1;

	if (!answers->excluded[0] || answers->excluded[last]) {
		for (unsigned int index = 0; index <= last; index++)
			if (!answers->excluded[index])
				return index;
		return EXIT_INDEX_OTHER;
	}
	return last;
}

static void see_undefined(const struct evidence *evidence, const struct result_sweep *sweep,
			  const struct probe_read *read, struct answers *answers)
{
	uint64_t value;

	answers->undefined++;
	if (leaf_decode(read, &value) == LEAF_NUMBER_UNDEFINED)
		return;
	answers->undefined_wrong++;
	if (!read->eax && !read->ebx && !read->ecx && !read->edx) {
		answers->zero++;
	} else if (read->edx == LEAF_UNDEFINED) {
		answers->marked++;
		answers->inputs += read->eax == read->function || read->ecx == read->index;
	} else if (leaf_is_count(read->function)) {
		answers->values++;
		exclude_numbers(evidence, sweep, read, answers);
	}
}

static void see_defined(const struct probe_read *read, struct answers *answers)
{
	bool exits = leaf_is_count(read->function);
	uint64_t value;

	switch (leaf_decode(read, &value)) {
	case LEAF_VALUE:
		break;
	case LEAF_NUMBER_UNDEFINED:
		answers->defined_undefined++;
		break;
	case LEAF_MALFORMED:
		answers->strays++;
		answers->stray_inputs += has_input(read, exits);
		break;
	}
}

static struct answers find_answers(const struct evidence *evidence)
{
	const struct result *result = evidence->result;
	struct answers answers = { 0 };

	for (unsigned int s = 0; s < result->nr_sweeps; s++) {
		const struct result_sweep *sweep = &result->sweeps[s];
		const struct probe_read *reads = sweep_reads(result, sweep);

		for (unsigned int i = 0; i < sweep->nr_reads; i++) {
			if (reads[i].function < LEAF_FIRST || reads[i].function > LEAF_LAST ||
			    reads[i].function == LEAF_DISCOVERY)
				continue;
			if (leaf_is_by_number(reads[i].function) &&
			    exit_index(evidence->facts.isa, reads[i].index) == EXIT_INDEX_OTHER)
				see_undefined(evidence, sweep, &reads[i], &answers);
			else
				see_defined(&reads[i], &answers);
		}
	}
	return answers;
}

static void diagnose_undefined(struct evidence *evidence, const struct answers *answers)
{
	unsigned int other = number_left(evidence, answers);

	if (answers->values && other != EXIT_INDEX_OTHER &&
	    2 * answers->undefined_wrong >= answers->undefined)
		evidence_conclude(
			evidence, DIAGNOSIS_INDEX_CLAMPED, CONFIDENCE_CERTAIN,
			"%u of %u reads of undefined numbers are not answered as undefined, and"
			" %u return the exits of %s.",
			answers->undefined_wrong, answers->undefined, answers->values,
			reason_text(evidence, other).s);
	else if (answers->values && other != EXIT_INDEX_OTHER)
		evidence_conclude(
			evidence, DIAGNOSIS_UNDEFINED_CONTRACT, CONFIDENCE_CERTAIN,
			"%u of %u reads of undefined numbers are answered like defined ones,"
			" with the value of %s: a bound is wrong.",
			answers->undefined_wrong, answers->undefined,
			reason_text(evidence, other).s);
	else if (answers->zero == answers->undefined_wrong && answers->zero) {
		evidence_conclude(
			evidence, DIAGNOSIS_UNDEFINED_CONTRACT, CONFIDENCE_CERTAIN,
			"%u of %u reads of undefined numbers are answered with 0, like an exit"
			" that never happened.",
			answers->zero, answers->undefined);
		if (!evidence->vcpus[0].leaf[0][0].last_value)
			evidence_conclude(
				evidence, DIAGNOSIS_INDEX_CLAMPED, CONFIDENCE_POSSIBLE,
				"%u reads of undefined numbers are answered with 0, which is also the"
				" value of %s.",
				answers->zero, reason_text(evidence, 0).s);
	} else if (answers->marked && answers->inputs == answers->marked)
		evidence_conclude(
			evidence, DIAGNOSIS_UNINITIALISED_REGISTER, CONFIDENCE_CERTAIN,
			"In %u of %u reads of undefined numbers EAX or ECX still holds the"
			" guest's input.",
			answers->marked, answers->undefined);
	else if (answers->undefined_wrong)
		evidence_conclude(evidence, DIAGNOSIS_UNDEFINED_CONTRACT, CONFIDENCE_CERTAIN,
				  "%u of %u reads of undefined numbers are not answered with EDX ="
				  " 0xffffffff and 0 elsewhere.",
				  answers->undefined_wrong, answers->undefined);
	if (answers->defined_undefined)
		evidence_conclude(evidence, DIAGNOSIS_UNDEFINED_CONTRACT, CONFIDENCE_CERTAIN,
				  "%u reads of numbers that the manual defines are answered as"
				  " undefined.",
				  answers->defined_undefined);
}

/* The highest leaf, basic or of the hypervisor's, does not have the exit leaves. */
static bool is_highest_changed(const struct probe_read *read)
{
	return (!read->function && read->eax >= 0x40000000) ||
	       (read->function == 0x40000000 && read->eax >= LEAF_FIRST && read->eax <= LEAF_LAST);
}

static void diagnose_ordinary(struct evidence *evidence)
{
	const struct result *result = evidence->result;

	for (unsigned int i = 0; i < result->nr_reads; i++) {
		const struct probe_read *read = &result->reads[i];

		if (!read_is_ordinary(result, read) || is_highest_changed(read))
			evidence_conclude(
				evidence, DIAGNOSIS_ORDINARY_LEAF, CONFIDENCE_CERTAIN,
				"Ordinary leaf 0x%x answers EAX %x, EBX %x, ECX %x, EDX %x: not as"
				" without the exit leaves.",
				read->function, read->eax, read->ebx, read->ecx, read->edx);
	}
}

/* What else DISCOVERY found: its numbers. */
static void diagnose_discovery(struct evidence *evidence)
{
	const struct verdicts *verdicts = evidence->verdicts;
	const struct result *result = evidence->result;

	if (result->host.exit_leaves == EXIT_LEAVES_OFF ||
	    (result->host.exit_leaves != EXIT_LEAVES_ALL && !result->opt_in)) {
		evidence_conclude(evidence, DIAGNOSIS_CONTRACT_VISIBILITY, CONFIDENCE_CERTAIN,
				  "The guest has the leaves, but nobody enabled them.");
		return;
	}
	for (unsigned int i = 0; i < evidence->nr; i++)
		if (evidence->list[i].id == DIAGNOSIS_ORDINARY_LEAF)
			return;
	for (unsigned int i = 0; i < verdicts->nr_checks; i++)
		if (verdicts->checks[i].id == CHECK_DISCOVERY && verdicts->checks[i].nr_examples)
			evidence_conclude(evidence, DIAGNOSIS_CONTRACT_DISCOVERY,
					  CONFIDENCE_CERTAIN, "DISCOVERY finds: %s.",
					  verdicts->checks[i].examples[0]);
}

void diagnose_registers(struct evidence *evidence)
{
	const struct answers answers = find_answers(evidence);

	if (evidence->counts_as == READING_LOW_WORD || evidence->cycles_as == READING_LOW_WORD)
		evidence_conclude(
			evidence, DIAGNOSIS_UNINITIALISED_REGISTER, CONFIDENCE_CERTAIN,
			"The low words of %s values are right, but EBX holds unrelated data.",
			text_u64(evidence->counts_low_word + evidence->cycles_low_word).s);
	if (evidence->failed[CHECK_DISCOVERY]) {
		diagnose_ordinary(evidence);
		diagnose_discovery(evidence);
	}
	if (!evidence->failed[CHECK_UNDEF])
		return;
	if (answers.strays)
		evidence_conclude(evidence, DIAGNOSIS_UNINITIALISED_REGISTER,
				  answers.stray_inputs ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
				  "In %u reads a register that must be 0 is not%s.", answers.strays,
				  answers.stray_inputs ? ": it still holds what the guest passed" :
							 "");
	diagnose_undefined(evidence, &answers);
}
