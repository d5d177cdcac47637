/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LOOK_H
#define LOOK_H

/* What the eBPF program has seen of the VMs that run, as of one moment. */

#include <stdbool.h>
#include <stdint.h>

#include "judge/audit.h"
#include "judge/verdicts.h"
#include "kvm/host.h"
#include "live/losses.h"
#include "run/result.h"
#include "tracer/tracer.h"
#include "util/error.h"

/* Some vCPUs together. */
struct look_sum {
	unsigned int vcpus, gone;
	uint64_t exits, ended; /* the latter by an entry */
	uint64_t compared;     /* of these, with KVM's own account */
	uint64_t first;	       /* of these, the first of its reason on a vCPU that had run before */
	uint64_t unaccounted;  /* of these, KVM has no account */
	uint64_t reads, wrong; /* leaf reads compared, and different */
	uint64_t by_leaf[LEAF_NR], wrong_by_leaf[LEAF_NR];
	uint64_t uncompared[EC_NR_UNCOMPARED]; /* leaf reads */
	struct ec_asked asked[EC_NR_TOTALS];
	uint64_t lost_entries;
};

struct look_vm {
	unsigned int number; /* 0: vCPUs that went long ago, of any VM */
	unsigned int process;
	struct look_sum sum;
};

struct look {
	struct host host;
	struct tracer *tracer;
	struct result_clock begin;

	double seconds;		      /* since begin */
	const struct ec_vcpu **vcpus; /* by VM and number, those of VM 0 first */
	unsigned int nr_vcpus;
	struct look_vm *vms; /* in that order, too */
	unsigned int nr_vms;
	struct look_sum all;
	struct audit audit;
	const char *no_audit; /* why exits were not compared with KVM's account, NULL if they were */
	char no_cycles[CHECK_MAX_DETAIL]; /* why only their counts were, "" if cycles were, too */
	struct losses lost;
};

/* Takes the present numbers. STATUS_CANNOT_RUN. */
int look_take(struct look *look, struct error *err);
void look_release(struct look *look);

#endif
