/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EVENT_H
#define EVENT_H

#include "kvm/vcpu.h"

/*
 * What the VMM does to a vCPU in the middle of an exit, by operation; on the vCPU's own thread, between
 * two KVM_RUNs. Each adds to vcpu->known the cycles that the exit then lasts for certain.
 */

extern const struct vcpu_events vcpu_events;

/* How long KVM polls for a halted vCPU's wake-up in that operation, ns; false: it is all the same. */
bool event_halt_poll_ns(enum probe_op op, uint64_t *ns);

#endif
