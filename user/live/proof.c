// SPDX-License-Identifier: GPL-2.0-only
#include "live/proof.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

#define MAX_EXCESS 1000 /* part of the time by which its parts may be longer, as clocks differ */

void proof_add_stat(struct proof_stat *stat, uint64_t kvm, uint64_t exits, unsigned int slack)
{
	uint64_t distance = kvm > exits ? kvm - exits : exits - kvm;

	stat->vcpus++;
	stat->exits += kvm;
	if (distance <= slack) {
		stat->under_way += distance;
	} else {
		stat->differ++;
		stat->more += kvm > exits ? distance : 0;
		stat->fewer += kvm < exits ? distance : 0;
	}
}

void proof_add_account(struct proof_stat *account, const uint64_t *kvm, const uint64_t *exits,
		       unsigned int slack)
{
	bool differs = false;

	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++) {
		struct proof_stat one = { 0 };

		proof_add_stat(&one, kvm[i], exits[i], slack);
		differs |= one.differ;
		one.vcpus = one.differ = 0;
		proof_add_sum(account, &one);
	}
	account->vcpus++;
	account->differ += differs;
}

void proof_add_sum(struct proof_stat *to, const struct proof_stat *stat)
{
	to->vcpus += stat->vcpus;
	to->exits += stat->exits;
	to->under_way += stat->under_way;
	to->differ += stat->differ;
	to->more += stat->more;
	to->fewer += stat->fewer;
}

void proof_add_vcpus(struct proof *proof, const struct usage *usage)
{
	for (unsigned int i = 0; i < usage->nr_vms; i++) {
		proof->vcpus += usage->vms[i].vcpus;
		proof->late += usage->vms[i].late;
	}
	proof->has_parts = usage->has_parts;
	proof->excess_ns = usage->excess_ns;
	for (unsigned int i = 0; i < usage->nr_vcpus; i++)
		for (size_t r = 0; r < EXIT_NR_INDICES; r++)
			if (usage->vcpus[i]->reason[r])
				proof->ended_ns += usage->vcpus[i]->reason[r]->all.ns;
	proof->details_held = usage->details_held;
	proof->details_differ = usage->details_differ;
	proof->details_moving = usage->details_moving;
}

bool proof_kvm_emulates(void)
{
	FILE *parameter = fopen("/sys/module/kvm_intel/parameters/unrestricted_guest", "re");
	int c = parameter ? getc(parameter) : EOF;

	if (parameter)
		fclose(parameter);
	return c == 'N';
}

static void __attribute__((format(printf, 2, 3)))
append(struct proof_verdict *verdict, const char *format, ...)
{
	size_t n = strlen(verdict->text);
	va_list args;

	va_start(args, format);
	vsnprintf(verdict->text + n, sizeof(verdict->text) - n, format, args);
	va_end(args);
}

/* What KVM's statistic says. */
static void append_stat(struct proof_verdict *verdict, const struct proof_stat *stat)
{
	if (*stat->not_compared)
		append(verdict, "; not held against KVM's statistic: %s", stat->not_compared);
	else if (stat->differ && stat->emulates && !stat->fewer)
		append(verdict,
		       "; KVM's statistic has %s more, which also counts what KVM emulates here",
		       text_u64(stat->more).s);
	else if (stat->vcpus && !stat->differ)
		append(verdict, "; KVM's statistic %s the same %s on %u vCPU%s%s",
		       stat->is_earlier ? "had" : "has", text_u64(stat->exits).s, stat->vcpus,
		       stat->vcpus == 1 ? "" : "s",
		       stat->under_way ? ", but for exits under way" : "");
}

/* What KVM's own account says. */
static void append_account(struct proof_verdict *verdict, const struct proof_stat *account)
{
	if (account->vcpus && !account->differ)
		append(verdict, "; KVM's own account had the same %s, by reason, on %u vCPU%s%s",
		       text_u64(account->exits).s, account->vcpus, account->vcpus == 1 ? "" : "s",
		       account->under_way ? ", but for exits under way" : "");
}

unsigned int proof_lacks(const struct proof *proof)
{
	const struct proof_stat *stat = &proof->stat;
	unsigned int lacks = 0;

	if (!proof->vcpus)
		return PROOF_NO_VM;
	if (*proof->lost.s)
		lacks |= PROOF_LOST;
	if (proof->unaccounted)
		lacks |= PROOF_UNACCOUNTED;
	if (stat->differ && (stat->fewer || !stat->emulates))
		lacks |= PROOF_STATISTIC;
	if (proof->account.differ)
		lacks |= PROOF_ACCOUNT;
	if (proof->details_differ)
		lacks |= PROOF_DETAILS;
	if (proof->excess_ns > proof->ended_ns / MAX_EXCESS)
		lacks |= PROOF_PARTS;
	return lacks;
}

static void append_lacks(struct proof_verdict *verdict, const struct proof *proof,
			 unsigned int lacks)
{
	const struct proof_stat *stat = &proof->stat;
	const char *separator = "";

	if (lacks & PROOF_NO_VM)
		append(verdict, " no VM ran meanwhile");
	if (lacks & PROOF_LOST) {
		append(verdict, " lost: %s", proof->lost.s);
		separator = ";";
	}
	if (lacks & PROOF_UNACCOUNTED) {
		append(verdict, "%s KVM does not account for %u of %u vCPUs", separator,
		       proof->unaccounted, proof->vcpus);
		separator = ";";
	}
	if (lacks & PROOF_STATISTIC) {
		append(verdict,
		       "%s KVM's statistic has %s exits more and %s fewer, on %u of %u vCPUs",
		       separator, text_u64(stat->more).s, text_u64(stat->fewer).s, stat->differ,
		       stat->vcpus);
		separator = ";";
	}
	if (lacks & PROOF_ACCOUNT) {
		append(verdict,
		       "%s KVM's own account has %s exits more and %s fewer, by reason, on %u of %u"
		       " vCPUs",
		       separator, text_u64(proof->account.more).s, text_u64(proof->account.fewer).s,
		       proof->account.differ, proof->account.vcpus);
		separator = ";";
	}
	if (lacks & PROOF_DETAILS) {
		append(verdict, "%s the details of %u of %u reasons do not sum up to them",
		       separator, proof->details_differ, proof->details_held);
		separator = ";";
	}
	if (lacks & PROOF_PARTS)
		append(verdict, "%s parts of exits' time are longer than that, by %s of %s",
		       separator, text_duration((double)proof->excess_ns).s,
		       text_duration((double)proof->ended_ns).s);
}

struct proof_verdict proof_verdict(const struct proof *proof)
{
	struct proof_verdict verdict = { .text = "INCOMPLETE:" };
	const unsigned int lacks = proof_lacks(proof);

	verdict.complete = !lacks;
	append_lacks(&verdict, proof, lacks);
	if (verdict.complete)
		snprintf(verdict.text, sizeof(verdict.text), "complete: every exit of %u vCPU%s",
			 proof->vcpus, proof->vcpus == 1 ? "" : "s");
	if (!proof->vcpus)
		return verdict;
	append_stat(&verdict, &proof->stat);
	append_account(&verdict, &proof->account);
	if (proof->details_moving)
		append(&verdict,
		       "; the details of %u vCPU%s that never rested were not held against their"
		       " reasons",
		       proof->details_moving, proof->details_moving == 1 ? "" : "s");
	else if (proof->details_held && !proof->details_differ)
		append(&verdict, "; details sum up to each reason");
	if (proof->has_parts && !(lacks & PROOF_PARTS))
		append(&verdict, "; parts sum up to the time");
	if (proof->late)
		append(&verdict,
		       "; %u %s run before, their exits begin with the first that was seen",
		       proof->late, proof->late_unknown ? "may have" : "had");
	return verdict;
}
