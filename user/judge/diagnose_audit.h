/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_AUDIT_H
#define DIAGNOSE_AUDIT_H

#include "judge/evidence.h"

/*
 * What the exits that KVM's account is wrong about have in common, and no others: if that is what they did,
 * where they ended, or whose they are. True if there is such a thing; any: also if it is not as clear, or
 * just their reason.
 */
bool diagnose_audit(struct evidence *evidence, bool any);

/* The same where it is their number, and what they did; nothing else is as exact. */
bool diagnose_uncounted(struct evidence *evidence);

#endif
