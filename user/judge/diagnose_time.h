/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_TIME_H
#define DIAGNOSE_TIME_H

#include "judge/evidence.h"

void diagnose_time(struct evidence *evidence);

#endif
