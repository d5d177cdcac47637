/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRACER_BTF_H
#define TRACER_BTF_H

/* What the eBPF program needs to know of KVM's types. */

#include <stdbool.h>

#include "exitcheck.h"

/* Whether the kernel has BTF at all. */
bool btf_of_kernel(void);

/* What tp_btf programs need to know of KVM. */
struct btf_kvm {
	int cast_id;   /* bpf_rdonly_cast(), negative if the kernel has none */
	bool accounts; /* it has the series' account of exits */
	struct ec_offsets offsets;
};

/* Whether there are types for tp_btf: in the BTF of KVM's modules, or of the kernel if KVM is built in. */
bool btf_of_kvm(enum exit_isa isa, struct btf_kvm *kvm);

#endif
