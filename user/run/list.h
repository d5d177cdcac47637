/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RUN_LIST_H
#define RUN_LIST_H

#include "run/session.h"

/* A list of reads that is being written. */
struct list {
	struct probe_read *reads;
	unsigned int nr;
};

/* An empty list, in the memory of the vCPU. */
struct list list_begin(const struct vm *vm, unsigned int vcpu);
void list_add(struct list *list, uint32_t function, uint32_t index);
void list_totals(struct list *list);

#endif
