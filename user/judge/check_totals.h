/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_TOTALS_H
#define CHECK_TOTALS_H

#include "judge/check.h"

void check_total(struct facts *facts, struct check *check);

/* The leaves of all vCPUs of a VM against the VM-wide ones, by the vCPU whose full sweep came last. */
void totals_of_vm(const struct facts *facts, struct check *check, unsigned int last_vcpu,
		  struct tally *tally);

/* The last vCPU of each VM, if it has such a sweep. */
bool totals_is_last(const struct result *result, unsigned int vcpu);

#endif
