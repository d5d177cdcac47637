/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_SCOPE_H
#define DIAGNOSE_SCOPE_H

#include "judge/evidence.h"

void diagnose_scope(struct evidence *evidence);

#endif
