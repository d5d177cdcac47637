/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_CONTRACT_H
#define DIAGNOSE_CONTRACT_H

#include "judge/evidence.h"

/* Lines of the ABI that are broken. */
void diagnose_contract(struct evidence *evidence);

#endif
