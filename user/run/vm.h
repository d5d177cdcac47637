/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VM_H
#define VM_H

#include "run/session.h"

enum vm_kind {
	VM_USUAL,
	VM_IRQCHIP, /* with KVM's own APIC */
	VM_HIDDEN,  /* accounted for the host alone */
};

/* Creates a VM, registers its vCPUs with eBPF and starts each guest. */
int vm_open(struct session *session, struct vm *vm, enum result_phase phase, unsigned int nr_vcpus,
	    enum vm_kind kind);

/*
 * The same step by step: a VM with room for so many vCPUs, one that is registered but has not run, and its
 * start, so that its start-up precedes all sweeps. There must be all of them before vm_close().
 */
int vm_begin(struct session *session, struct vm *vm, enum result_phase phase, unsigned int nr_vcpus,
	     enum vm_kind kind);
int vm_add_vcpu(struct session *session, struct vm *vm);
int vm_start_vcpu(struct session *session, const struct vm *vm, unsigned int vcpu);

/* Records what is known at the end, and destroys the VM. Returns status, or its own failure. */
int vm_close(struct session *session, struct vm *vm, int status);

/* Records how the last command of a vCPU looked to its guest, if that measured it. */
int vm_record_span(struct session *session, const struct vm *vm, unsigned int vcpu,
		   enum probe_op op);

/* Has a vCPU execute op count times; *unsupported: why it cannot, NULL if it did. */
int vm_execute(struct session *session, const struct vm *vm, unsigned int vcpu, enum probe_op op,
	       uint64_t count, const char **unsupported);

#endif
