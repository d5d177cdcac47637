// SPDX-License-Identifier: GPL-2.0-only
/* The answer to a guest's CPUID: six hexadecimal words a line: function, index, EAX to EDX. */
#include "exitcheck.h"
#include "fuzz.h"
#include "kvm/exits.h"
#include "kvm/leaf.h"
#include "util/text.h"

static void decode(const struct probe_read *read)
{
	bool total =
		read->function == LEAF_TOTAL_EXITS || read->function == LEAF_VCPU_TOTAL_EXITS ||
		read->function == LEAF_TOTAL_CYCLES || read->function == LEAF_VCPU_TOTAL_CYCLES;
	uint64_t value = 0;

	switch (leaf_decode(read, &value)) {
	case LEAF_VALUE:
		/* All of it is in the value, none beside it. */
		must(value >> 32 == read->ebx && (uint32_t)value == (read->eax | read->ecx));
		must(!read->edx && !(read->eax && read->ecx));
		break;
	case LEAF_NUMBER_UNDEFINED:
		must(!total && read->edx == LEAF_UNDEFINED);
		must(!read->eax && !read->ebx && !read->ecx);
		break;
	case LEAF_MALFORMED:
		must(read->edx || read->eax || read->ecx || read->function < LEAF_FIRST ||
		     read->function > LEAF_LAST || read->function == LEAF_DISCOVERY);
		break;
	}
}

/* The dense map of exit numbers, and back. */
static void map(enum exit_isa isa, uint32_t number)
{
	unsigned int index = exit_index(isa, number), back;

	must(index < EXIT_NR_INDICES);
	if (exit_number(isa, index, &back))
		must(back == number);
	else
		must(index == EXIT_INDEX_OTHER && !exit_name(isa, number));
	must(strlen(text_exit(isa, number).s) < sizeof(struct text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size), *rest = text, *line;
	struct probe_read reads[2] = { 0 };
	struct leaf_discovery found;

	while ((line = strsep(&rest, "\n"))) {
		struct probe_read read = { 0 };

		if (sscanf(line, "%x %x %x %x %x %x", &read.function, &read.index, &read.eax,
			   &read.ebx, &read.ecx, &read.edx) != 6)
			continue;
		decode(&read);
		map(EXIT_ISA_SVM, read.index);
		map(EXIT_ISA_VMX, read.index);
		reads[0] = reads[1];
		reads[1] = read;
	}
	leaf_discovery_decode(&reads[0], &reads[1], &found);
	if (!found.present)
		must(!found.abi_version && !found.isa && !found.nr_counters);
	free(text);
	return 0;
}
