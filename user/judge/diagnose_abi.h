/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_ABI_H
#define DIAGNOSE_ABI_H

#include "judge/evidence.h"

void diagnose_registers(struct evidence *evidence);

#endif
