/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FEATURES_H
#define FEATURES_H

#include <stdbool.h>

#include "exitcheck.h"
#include "kvm/guest/probe_abi.h"

/* What a guest is offered, by its CPUID. */
struct guest_features {
	bool xsave, umip, nested; /* nested: VMX or SVM of its own */
	bool smm;		  /* not by its CPUID, by what its KVM has */
};

/*
 * Why op would not cause the exit of its workload with this CPU and these module
 * parameters of KVM, NULL if it does.
 */
const char *unsupported_reason(enum probe_op op, enum exit_isa isa,
			       const struct guest_features *guest);

/* VMX: whether the CPU enters real mode, and protected mode without paging, by itself. */
bool features_unrestricted_guest(void);

/* Whether KVM emulates an instruction that has its prefix for that. */
bool features_emulation_prefix(void);

#endif
