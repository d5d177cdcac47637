// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/exit_details.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "kvm/exits.h"
#include "util/array.h"

static void __attribute__((format(printf, 3, 4)))
say(struct exit_detail *to, uint64_t number, const char *format, ...)
{
	va_list args;

	to->number = number;
	to->has_number = true;
	va_start(args, format);
	vsnprintf(to->text, sizeof(to->text), format, args);
	va_end(args);
}

static void say_leaf(struct exit_detail *to, uint64_t value)
{
	say(to, value, "leaf 0x%" PRIx64, value);
}

static void say_hypercall(struct exit_detail *to, uint64_t value)
{
	say(to, value, "number %" PRIu64, value);
}

static void say_msr(struct exit_detail *to, uint64_t value)
{
	say(to, value, "0x%08" PRIx64, value);
}

static void say_msr_svm(struct exit_detail *to, uint64_t value)
{
	to->access = value >> 32 ? "write" : "read";
	say(to, (uint32_t)value, "%s 0x%08x", value >> 32 ? "WRMSR" : "RDMSR", (uint32_t)value);
}

static void say_port(struct exit_detail *to, uint64_t port, bool in, unsigned int bytes)
{
	to->access = in ? "read" : "write";
	to->bytes = bytes;
	say(to, port, "%s 0x%" PRIx64 ", %u byte%s", in ? "IN" : "OUT", port, bytes,
	    bytes == 1 ? "" : "s");
}

/* EXITINFO1: direction, and a bit for each size. */
static void say_port_svm(struct exit_detail *to, uint64_t value)
{
	say_port(to, value >> 16, value & 1, value >> 4 & 7);
}

/* The exit qualification: the size less one, and the direction. */
static void say_port_vmx(struct exit_detail *to, uint64_t value)
{
	say_port(to, value >> 16, value & 8, (value & 7) + 1);
}

static void say_memory(struct exit_detail *to, uint64_t value)
{
	uint64_t page = value & EC_PAGE_MASK;

	if ((value & ~EC_PAGE_MASK) == EC_MEMORY_ABSENT)
		snprintf(to->text, sizeof(to->text), "page not mapped");
	else
		say(to, page, "%s0x%" PRIx64,
		    (value & ~EC_PAGE_MASK) == EC_MEMORY_MMIO ? "MMIO page " : "protected page ",
		    page);
}

static void say_vector(struct exit_detail *to, uint64_t value)
{
	say(to, value, "vector %" PRIu64, value);
}

static void say_apic(struct exit_detail *to, uint64_t value)
{
	say(to, value, "APIC register 0x%03" PRIx64, value);
}

static void say_control(struct exit_detail *to, uint64_t value)
{
	static const char *const kinds[] = { "MOV to CR%u", "MOV from CR%u", "CLTS", "LMSW" };
	unsigned int kind = value >> 4 & 3, number = value & 15;

	to->access = kind == 1 ? "read" : "write";
	if (kind < 2)
		say(to, number, kind ? "MOV from CR%u" : "MOV to CR%u", number);
	else
		say(to, 0, "%s", kinds[kind]);
}

static void say_debug(struct exit_detail *to, uint64_t value)
{
	unsigned int number = value & 7;

	to->access = value & 16 ? "read" : "write";
	say(to, number, "MOV %s DR%u", value & 16 ? "from" : "to", number);
}

static void say_vmgexit(struct exit_detail *to, uint64_t value)
{
	const char *name = exit_name(EXIT_ISA_SVM, value);

	if (value == 0x403)
		snprintf(to->text, sizeof(to->text), "MSR protocol");
	else
		say(to, value, "0x%" PRIx64 "%s%.30s", value, name ? " " : "", name ? name : "");
}

struct rule {
	unsigned int number; /* of the exit */
	enum ec_detail_kind kind;
	uint64_t mask;
	void (*say)(struct exit_detail *to, uint64_t value);
};

/* SVM's numbers of exceptions, and of control and debug registers, tell all. */
static const struct rule svm[] = {
	{ 0x72, EC_DETAIL_EAX, 0, say_leaf },
	{ 0x7b, EC_DETAIL_INFO_1, 0xffff0071, say_port_svm },
	{ 0x7c, EC_DETAIL_MSR, 0, say_msr_svm },
	{ 0x81, EC_DETAIL_EAX, 0, say_hypercall },
	{ 0x400, EC_DETAIL_NPF, 0, say_memory },
	{ 0x402, EC_DETAIL_INFO_1, 0xff0, say_apic },
	{ 0x403, EC_DETAIL_EXIT_CODE, 0, say_vmgexit },
};

static const struct rule vmx[] = {
	{ 0, EC_DETAIL_INTR_INFO, 0xff, say_vector },
	{ 1, EC_DETAIL_INTR_INFO, 0xff, say_vector },
	{ 10, EC_DETAIL_EAX, 0, say_leaf },
	{ 18, EC_DETAIL_EAX, 0, say_hypercall },
	{ 28, EC_DETAIL_QUALIFICATION, 0x3f, say_control },
	{ 29, EC_DETAIL_QUALIFICATION, 0x17, say_debug },
	{ 30, EC_DETAIL_QUALIFICATION, 0xffff000f, say_port_vmx },
	{ 31, EC_DETAIL_ECX, 0, say_msr },
	{ 32, EC_DETAIL_ECX, 0, say_msr },
	{ 44, EC_DETAIL_QUALIFICATION, 0xfff, say_apic },
	{ 45, EC_DETAIL_QUALIFICATION, 0xff, say_vector },
	{ 48, EC_DETAIL_EPT_VIOLATION, 0, say_memory },
	{ 49, EC_DETAIL_EPT_MISCONFIG, 0, say_memory },
	{ 56, EC_DETAIL_QUALIFICATION, 0xfff, say_apic },
	{ 84, EC_DETAIL_QUALIFICATION, 0xffffffff, say_msr },
	{ 85, EC_DETAIL_QUALIFICATION, 0xffffffff, say_msr },
};

static const struct rule *rules(enum exit_isa isa, size_t *nr)
{
	*nr = isa == EXIT_ISA_SVM ? NR(svm) : NR(vmx);
	return isa == EXIT_ISA_SVM ? svm : vmx;
}

void exit_details_set(enum exit_isa isa, struct ec_detail_of details[EXIT_NR_INDICES])
{
	size_t nr;
	const struct rule *rule = rules(isa, &nr);

	memset(details, 0, EXIT_NR_INDICES * sizeof(*details));
	for (; nr; nr--, rule++)
		details[exit_index(isa, rule->number)] = (struct ec_detail_of){
			.kind = rule->kind,
			.mask = rule->mask,
		};
}

struct exit_detail exit_detail(enum exit_isa isa, unsigned int index, uint64_t detail)
{
	struct exit_detail to = { .text = "other" };
	size_t nr;
	const struct rule *rule = rules(isa, &nr);

	for (; nr && detail != EC_DETAIL_OTHER; nr--, rule++)
		if (exit_index(isa, rule->number) == index)
			rule->say(&to, detail & ~EC_DETAIL);
	return to;
}
