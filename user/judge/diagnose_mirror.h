/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_MIRROR_H
#define DIAGNOSE_MIRROR_H

#include "judge/evidence.h"

/* Leaves of the calling vCPU that have the VM's values, or the other way round. True if that is what is wrong. */
bool diagnose_mirror(struct evidence *evidence);

/* The same for vCPUs whose leaves have nothing at all, where those of others are right. */
bool diagnose_never(struct evidence *evidence);

/* ... and for reads that are answered with the value of the read before. */
bool diagnose_previous(struct evidence *evidence);

#endif
