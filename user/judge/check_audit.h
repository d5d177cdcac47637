/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_AUDIT_H
#define CHECK_AUDIT_H

#include "judge/check.h"

void check_audit(struct facts *facts, struct check *check);

#endif
