/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SINGLE_H
#define SINGLE_H

#include "run/session.h"

/* One vCPU: every workload, every exit number. */
int phase_single(struct session *session);

/* The workloads that need KVM's own APIC. */
int phase_irqchip(struct session *session);

#endif
