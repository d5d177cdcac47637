/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_CONTRACT_H
#define CHECK_CONTRACT_H

#include "judge/check.h"

void check_contract(struct facts *facts, struct check *check);

#endif
