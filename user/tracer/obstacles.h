/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef OBSTACLES_H
#define OBSTACLES_H

#include <stdbool.h>

#include "util/error.h"

/*
 * Whether this host's settings forbid eBPF programs that read the kernel. The kernel's own errors would not
 * name them. STATUS_CANNOT_RUN with the setting and the remedy.
 */
int obstacles_check(struct error *err);

/* STATUS_CANNOT_RUN: it may load no eBPF programs. */
int obstacles_permission(struct error *err);

/* What to do without CAP_SYS_ADMIN. */
const char *obstacles_remedy(void);

/* Why programs cannot use KVM's types, if they cannot. old: the kernel is before v5.17. */
const char *obstacles_btf(bool old);

#endif
