/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PROVER_H
#define PROVER_H

/* Holds what the eBPF program counts against KVM's statistic, vCPU by vCPU, while they run. */

#include "live/proof.h"
#include "live/usage.h"
#include "tracer/tracer.h"
#include "tracer/vcpus.h"

/* A vCPU that exists. */
struct prover_vcpu {
	uint64_t key, kvm;
	unsigned int vcpu_id;
	uint64_t lead; /* of KVM's statistic before the eBPF program's count, when the latter began ... */
	bool lead_is_exact;	 /* ... as neither moved then */
	uint64_t *leads;	 /* likewise of KVM's account by reason; NULL: none */
	uint64_t exits, counted; /* when it was listed last */
};

struct prover {
	struct tracer *tracer;
	struct vcpus *vcpus;	/* NULL: KVM's statistic cannot be read */
	char not_compared[160]; /* why */
	struct prover_vcpu *known;
	unsigned int nr_known;
	bool *checked; /* by the tracer's numbers: it is gone, and in this sum */
	unsigned int nr_checked;
	struct proof_stat gone;
	bool account; /* KVM's own account is compared, too */
	struct proof_stat gone_account;
	struct ec_listed *deaths; /* of vCPUs that went and are not in that sum */
	unsigned int nr_deaths;
};

/*
 * Begins, right after the gate of the tracer was opened. process: whose VMs, 0: all. account: KVM's own account is
 * compared, too. STATUS_CANNOT_RUN.
 */
int prover_open(struct prover *prover, enum exit_isa isa, struct tracer *tracer, pid_t process,
		bool account, struct error *err);
void prover_close(struct prover *prover);

/* Takes notice of vCPUs that went: after each tracer_poll(). STATUS_CANNOT_RUN. */
int prover_poll(struct prover *prover, struct error *err);

/* The proof as of now, while the gate is open. STATUS_CANNOT_RUN. */
int prover_take(struct prover *prover, struct proof *proof, struct error *err);

/* Adds what is known without KVM: losses, and which vCPUs had run before. STATUS_CANNOT_RUN. */
int prover_add_losses(const struct prover *prover, const struct usage *usage, struct proof *proof,
		      struct error *err);

#endif
