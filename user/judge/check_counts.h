/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHECK_COUNTS_H
#define CHECK_COUNTS_H

#include "judge/check.h"

void check_truth(struct facts *facts, struct check *check);
void check_count(struct facts *facts, struct check *check);
void check_count_vm(struct facts *facts, struct check *check);
void check_stats(struct facts *facts, struct check *check);
void check_mono(struct facts *facts, struct check *check);
void check_smp(struct facts *facts, struct check *check);
void check_isolation(struct facts *facts, struct check *check);
void check_migrate(struct facts *facts, struct check *check);

#endif
