// SPDX-License-Identifier: GPL-2.0-only
#include "judge/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "kvm/exits.h"
#include "util/text.h"

void check_detail(struct check *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(check->detail, sizeof(check->detail), format, args);
	va_end(args);
}

void check_example(struct check *check, const char *format, ...)
{
	va_list args;

	if (check->nr_examples == CHECK_MAX_EXAMPLES)
		return;
	va_start(args, format);
	vsnprintf(check->examples[check->nr_examples++], sizeof(check->examples[0]), format, args);
	va_end(args);
}

void check_settle(struct check *check, const struct tally *tally)
{
	if (tally->differed)
		check->verdict = VERDICT_FAIL;
	else if (tally->undecided)
		check->verdict = VERDICT_INCONCLUSIVE;
	else
		check->verdict = tally->compared ? VERDICT_PASS : VERDICT_SKIP;
}

struct place check_place(const struct facts *facts, unsigned int vcpu, unsigned int index,
			 const struct result_sweep *sweep)
{
	const struct result *result = facts->result;
	struct place place;
	unsigned int number;
	const char *name = NULL, *after = NULL;
	int n;

	n = snprintf(place.s, sizeof(place.s), "VM %u vCPU %u", result->vcpus[vcpu].vm,
		     result->vcpus[vcpu].id);
	if (exit_number(facts->isa, index, &number)) {
		name = exit_name(facts->isa, number);
		n += snprintf(place.s + n, sizeof(place.s) - n, ", %s %s",
			      text_exit(facts->isa, number).s, name ? name : "");
	}
	if (sweep && sweep->workload >= 0)
		after = result->workloads[sweep->workload].workload->name;
	if (after && n < (int)sizeof(place.s))
		snprintf(place.s + n, sizeof(place.s) - n, ", after %s", after);
	return place;
}
