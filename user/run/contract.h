/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CONTRACT_H
#define CONTRACT_H

#include "run/session.h"

/*
 * What the ABI promises about who has the leaves, and how they answer: VMs of its own, without eBPF.
 */
int phase_contract(struct session *session);

#endif
