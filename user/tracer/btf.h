/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRACER_BTF_H
#define TRACER_BTF_H

/* What the eBPF program needs to know of KVM's types. */

#include <stdbool.h>

#include "exitcheck.h"

/* Whether the kernel has BTF at all. */
bool btf_of_kernel(void);

/*
 * Whether there are types for tp_btf: in the BTF of KVM's modules, or of the kernel if KVM is built
 * in. *cast_id: bpf_rdonly_cast(), negative if the kernel has none.
 */
bool btf_of_kvm(enum exit_isa isa, int *cast_id, struct ec_offsets *offsets);

#endif
