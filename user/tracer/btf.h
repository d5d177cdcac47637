/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRACER_BTF_H
#define TRACER_BTF_H

/* What the eBPF program needs to know of KVM's types. */

#include <stdbool.h>

#include "memory.h"
#include "util/error.h"

/* What tp_btf programs need to know of KVM. */
struct btf_kvm {
	bool has_cast;	 /* the kernel has bpf_rdonly_cast() */
	bool accounts;	 /* KVM has the series' account of exits, */
	bool has_clock;	 /* and its function that reads the TSC */
	bool has_parts;	 /* what tells where the time of an exit goes */
	bool no_modules; /* the types are those of modules, which we may not use */
	struct ec_offsets offsets;
	struct ec_available available;
};

/* Whether there are types for tp_btf: in the BTF of KVM's modules, or of the kernel if KVM is built in. */
bool btf_of_kvm(enum exit_isa isa, struct btf_kvm *kvm);

/* Why exits are not compared with KVM's own account, NULL if they are; kvm: NULL for the classic tracepoints. */
const char *btf_no_account(const struct btf_kvm *kvm);

/*
 * Whether more than the reason of an exit can be kept, with split the parts of its time, too. remedy: what to do without
 * types. STATUS_CANNOT_RUN.
 */
int btf_check_fine(const struct btf_kvm *kvm, bool split, const char *remedy, struct error *err);

#endif
