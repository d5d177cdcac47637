/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_ABI_H
#define CHECK_ABI_H

#include "judge/check.h"

void check_discovery(struct facts *facts, struct check *check);
void check_undef(struct facts *facts, struct check *check);
void check_unpatched(struct facts *facts, struct check *check);

/* Whether an ordinary leaf answers as on a KVM without the exit leaves. */
bool read_is_ordinary(const struct result *result, const struct probe_read *read);

#endif
