// SPDX-License-Identifier: GPL-2.0-only
#include "live/proof.h"

#include <stdio.h>

int proof_take(struct proof *proof, const struct usage *usage, struct tracer *tracer,
	       struct error *err)
{
	unsigned int nr_former = 0;
	uint64_t lost_entries = 0;
	const struct ec_vcpu *former = tracer_former(tracer, &nr_former);

	*proof = (struct proof){ .late_unknown = !tracer_knows_late(tracer) };
	for (unsigned int i = 0; i < usage->nr_vms; i++) {
		proof->vcpus += usage->vms[i].vcpus;
		proof->late += usage->vms[i].late;
	}
	/* They are one here. */
	if (former)
		proof->vcpus += nr_former - 1;
	for (unsigned int i = 0; i < tracer_nr_vcpus(tracer); i++) {
		const struct ec_vcpu *vcpu = tracer_vcpu(tracer, i);

		lost_entries += vcpu ? vcpu->lost_entries : 0;
	}
	lost_entries += former ? former->lost_entries : 0;
	return losses_sum(&proof->lost, tracer, lost_entries, err);
}

struct proof_verdict proof_verdict(const struct proof *proof)
{
	struct proof_verdict verdict = { .complete = !*proof->lost.s && proof->vcpus };
	int n;

	if (!proof->vcpus) {
		snprintf(verdict.text, sizeof(verdict.text), "INCOMPLETE: no VM ran meanwhile");
		return verdict;
	}
	if (*proof->lost.s)
		n = snprintf(verdict.text, sizeof(verdict.text), "INCOMPLETE: lost: %s",
			     proof->lost.s);
	else
		n = snprintf(verdict.text, sizeof(verdict.text),
			     "complete: every exit of %u vCPU%s", proof->vcpus,
			     proof->vcpus == 1 ? "" : "s");
	if (proof->late)
		snprintf(verdict.text + n, sizeof(verdict.text) - n,
			 "; %u %s run before, their exits begin with the first that was seen",
			 proof->late, proof->late_unknown ? "may have" : "had");
	return verdict;
}
