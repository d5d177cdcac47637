// SPDX-License-Identifier: GPL-2.0-only
#include "live/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

static const char *const why_uncompared[EC_NR_UNCOMPARED] = {
	[EC_LATE] = "of vCPUs that had run before, of which KVM has no account",
	[EC_UNSEEN] = "of sums over vCPUs of which some may have run before",
	[EC_SUPPLIED] = "that a CPUID entry of the VMM's answers",
	[EC_REPLACED] = "after which the VMM or an INIT changed registers",
	[EC_NO_CLOCK] = "of cycles, of which KVM has no account",
};

static void __attribute__((format(printf, 3, 4)))
append(char *text, size_t size, const char *format, ...)
{
	size_t n = strlen(text);
	va_list args;

	if (n)
		n += snprintf(text + n, size - n, "; ");
	if (n >= size)
		return;
	va_start(args, format);
	vsnprintf(text + n, size - n, format, args);
	va_end(args);
}

struct live_why live_why(const struct look *look, const struct look_sum *sum)
{
	struct live_why why = { "" };
	uint64_t rest = sum->ended - sum->compared - sum->first - sum->unaccounted;

	if (sum->unaccounted && !look->no_audit)
		append(why.s, sizeof(why.s), "%s exits that KVM does not account for",
		       text_u64(sum->unaccounted).s);
	if (rest && !look->no_audit)
		append(why.s, sizeof(why.s), "%s exits not compared", text_u64(rest).s);
	for (size_t i = 0; i < EC_NR_UNCOMPARED; i++)
		if (sum->uncompared[i])
			append(why.s, sizeof(why.s), "%s leaf reads %s",
			       text_u64(sum->uncompared[i]).s, why_uncompared[i]);
	return why;
}

/* Why nothing at all was compared. */
static const char *why_nothing(const struct look *look, const char *command)
{
	if (!look->all.exits && command)
		return "it ended, and no VM ran meanwhile; of a VMM that goes into the background, give"
		       " -p PID";
	if (!look->all.exits)
		return "no VM ran meanwhile";
	if (look->host.exit_leaves == EXIT_LEAVES_ABSENT)
		return "kvm.ko is not patched: it has no account of exits, guests have no leaves";
	if (look->host.exit_leaves == EXIT_LEAVES_OFF)
		return "the accounting is off: load kvm.ko with exit_leaves=optin, host or all";
	return look->no_audit ?: "no exit has ended";
}

/* Whether everything that should have been compared was; what was not is in *why. */
static bool is_complete(const struct look *look, const struct live_why *why)
{
	struct look_sum sum = look->all;

	/* A VMM that answers itself has asked for that. */
	sum.uncompared[EC_SUPPLIED] = 0;
	return !*why->s || !*live_why(look, &sum).s;
}

struct live_verdict live_verdict(const struct look *look, const char *command)
{
	const struct look_sum *all = &look->all;
	const struct live_why why = live_why(look, all);
	struct live_verdict verdict = { .status = STATUS_INCONCLUSIVE };
	double share;

	if (all->wrong) {
		verdict.status = STATUS_MISMATCH;
		snprintf(verdict.text, sizeof(verdict.text), "FAIL: %s of %s leaf reads are wrong",
			 text_u64(all->wrong).s, text_u64(all->reads).s);
	} else if (look->audit.nr_faults && !*look->lost.s) {
		verdict.status = STATUS_MISMATCH;
		snprintf(verdict.text, sizeof(verdict.text),
			 "FAIL: KVM's account of exits is wrong: %s",
			 audit_fault_text(&look->audit, audit_common(&look->audit, &share)).s);
	} else if (*look->lost.s) {
		snprintf(
			verdict.text, sizeof(verdict.text),
			"INCONCLUSIVE: %s exits and %s leaf reads compared, 0 different, but lost: %s",
			text_u64(all->compared).s, text_u64(all->reads).s, look->lost.s);
	} else if (!all->compared && !all->reads) {
		snprintf(verdict.text, sizeof(verdict.text),
			 "INCONCLUSIVE: %s exits counted, none compared: %s%s%s",
			 text_u64(all->exits).s, command ?: "", command ? ": " : "",
			 why_nothing(look, command));
	} else if (look->no_audit || *look->no_cycles) {
		snprintf(verdict.text, sizeof(verdict.text),
			 "INCONCLUSIVE: %s exits, %s counts and leaf reads compared in place, 0"
			 " different; cycles were not: %s",
			 text_u64(all->exits).s, text_u64(all->compared + all->reads).s,
			 look->no_audit ?: look->no_cycles);
	} else {
		bool complete = is_complete(look, &why);
		size_t n;

		verdict.status = complete ? STATUS_PASS : STATUS_INCONCLUSIVE;
		n = snprintf(verdict.text, sizeof(verdict.text),
			     "%s: %s of %s exits compared in place, and %s leaf reads, 0 different",
			     complete ? "PASS" : "INCONCLUSIVE", text_u64(all->compared).s,
			     text_u64(all->ended).s, text_u64(all->reads).s);
		if (all->first)
			n += snprintf(
				verdict.text + n, sizeof(verdict.text) - n,
				"; with %s the comparison of a vCPU that had run before began",
				text_u64(all->first).s);
		if (*why.s)
			snprintf(verdict.text + n, sizeof(verdict.text) - n, "; %s", why.s);
	}
	return verdict;
}
