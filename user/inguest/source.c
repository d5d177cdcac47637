// SPDX-License-Identifier: GPL-2.0-only
#include "inguest/source.h"

#include <string.h>

#include "kvm/exits.h"
#include "util/array.h"
#include "util/text.h"

/* Where a newer host's numbers are looked for: beyond the ranges that are defined now. */
static const struct exit_range beyond_vmx[] = { { 35, 255 } };
static const struct exit_range beyond_svm[] = { { 0xa7, 0xff }, { 0x404, 0x4ff } };

static bool is_cycles(const struct source *source, uint32_t leaf)
{
	return leaf == source->leaves.cycles || leaf == source->leaves.total_cycles;
}

static enum leaf_state decode(const struct source *source, const struct probe_read *read,
			      uint64_t *value)
{
	if (source->foreign)
		return leaf_foreign_decode(read, is_cycles(source, read->function), value);
	return leaf_decode(read, value);
}

int source_read(const struct source *source, struct reader *reader, uint32_t leaf, uint32_t number,
		uint64_t *value, struct error *err)
{
	const struct probe_read read = reader_read(reader, leaf, number);

	*value = 0;
	if (decode(source, &read, value) != LEAF_MALFORMED)
		return 0;
	return error_set(err, STATUS_CANNOT_RUN,
			 "CPUID leaf 0x%x, ECX 0x%x returned what no exit leaf may:"
			 " EAX 0x%x, EBX 0x%x, ECX 0x%x, EDX 0x%x",
			 leaf, number, read.eax, read.ebx, read.ecx, read.edx);
}

/* Those that the manual defines, CPUID's first. */
static void add_defined(struct source *source)
{
	unsigned int number;

	source->number[0] = source->isa == EXIT_ISA_VMX ? 10 : 0x72;
	source->nr = 1;
	for (unsigned int i = 0; exit_number(source->isa, i, &number); i++)
		if (number != source->number[0])
			source->number[source->nr++] = number;
}

/* Those that a newer host defines besides: there are some if it has more counters. */
static void add_new(struct source *source, struct reader *reader)
{
	const struct exit_range *range = source->isa == EXIT_ISA_VMX ? beyond_vmx : beyond_svm;
	unsigned int nr = source->isa == EXIT_ISA_VMX ? NR(beyond_vmx) : NR(beyond_svm);

	for (; nr--; range++) {
		for (uint32_t number = range->first; number <= range->last; number++) {
			struct probe_read read;

			if (source->nr == source->host.nr_counters ||
			    source->nr == SOURCE_MAX_NUMBERS)
				return;
			if (exit_name(source->isa, number))
				continue;
			read = reader_read(reader, source->leaves.exits, number);
			if (read.edx != LEAF_UNDEFINED)
				source->number[source->nr++] = number;
		}
	}
}

static void add_numbers(struct source *source, struct reader *reader)
{
	add_defined(source);
	if (source->host.nr_counters > source->nr)
		add_new(source, reader);
}

/* The ISA of a host whose leaves do not tell, by the CPU's vendor. */
static enum exit_isa vendor_isa(struct reader *reader)
{
	static const char *const vmx[] = { "GenuineIntel", "CentaurHauls", "  Shanghai  " };
	const struct probe_read read = reader_read(reader, 0, 0);
	const uint32_t words[3] = { read.ebx, read.edx, read.ecx };

	for (unsigned int i = 0; i < NR(vmx); i++)
		if (!memcmp(words, vmx[i], sizeof(words)))
			return EXIT_ISA_VMX;
	return EXIT_ISA_SVM;
}

/* That there are such leaves shows in their counting the CPUID that reads them. */
static int open_foreign(struct source *source, struct reader *reader, struct error *err)
{
	uint64_t before = 0, after = 0;

	source->isa = vendor_isa(reader);
	add_defined(source);
	source_read(source, reader, source->leaves.exits, source->number[0], &before, err);
	source_read(source, reader, source->leaves.exits, source->number[0], &after, err);
	if (before != after)
		return 0;
	return error_set(
		err, STATUS_CANNOT_RUN,
		"no such leaves here: 0x%x does not count the CPUID (exit %s) that reads it",
		source->leaves.exits, text_exit(source->isa, source->number[0]).s);
}

static uint64_t read_epoch(struct reader *reader)
{
	const struct probe_read read = reader_read(reader, LEAF_DISCOVERY, 2);

	return (uint64_t)read.ebx << 32 | read.eax;
}

static int discover(struct source *source, struct reader *reader, struct error *err)
{
	struct probe_read read[2];

	read[0] = reader_read(reader, LEAF_DISCOVERY, 0);
	read[1] = reader_read(reader, LEAF_DISCOVERY, 1);
	leaf_discovery_decode(&read[0], &read[1], &source->host);
	if (!source->host.present)
		return error_set(
			err, STATUS_CANNOT_RUN,
			"no exit leaves here: CPUID leaf 0x%x has no signature (the host's KVM"
			" has no such patch, its exit_leaves is off, or this is no VM of KVM)",
			LEAF_DISCOVERY);
	source->isa = source->host.isa;
	if ((source->isa != EXIT_ISA_VMX && source->isa != EXIT_ISA_SVM) || !source->host.tsc_khz)
		return error_set(err, STATUS_CANNOT_RUN,
				 "the discovery leaf is of no host known: ISA %u, TSC %u kHz",
				 source->host.isa, source->host.tsc_khz);
	return 0;
}

int source_open(struct source *source, struct reader *reader, const struct leaf_numbers *foreign,
		bool per_vcpu, struct error *err)
{
	static const struct leaf_numbers of_vm = { LEAF_EXITS, LEAF_CYCLES, LEAF_TOTAL_EXITS,
						   LEAF_TOTAL_CYCLES };
	static const struct leaf_numbers of_vcpu = { LEAF_VCPU_EXITS, LEAF_VCPU_CYCLES,
						     LEAF_VCPU_TOTAL_EXITS,
						     LEAF_VCPU_TOTAL_CYCLES };
	int status;

	*source = (struct source){
		.foreign = foreign,
		.per_vcpu = per_vcpu,
		.leaves = foreign  ? *foreign :
			  per_vcpu ? of_vcpu :
				     of_vm,
	};
	if (foreign)
		return open_foreign(source, reader, err);
	status = discover(source, reader, err);
	if (status)
		return status;
	add_numbers(source, reader);
	source->has_epoch = source->host.abi_version >= LEAF_EPOCH_ABI_VERSION;
	if (source->has_epoch)
		source->epoch = read_epoch(reader);
	return 0;
}

int source_again(struct source *source, struct reader *reader, bool *anew, struct error *err)
{
	uint64_t epoch;
	int status;

	*anew = false;
	if (source->foreign)
		return 0;
	/* First of all: if it is another one, so far nothing else was read since it began. */
	if (source->has_epoch) {
		epoch = read_epoch(reader);
		*anew = epoch != source->epoch;
		source->epoch = epoch;
	}
	status = discover(source, reader, err);
	/* Another host may define other numbers. */
	if (!status && *anew)
		add_numbers(source, reader);
	return status;
}
