/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef POINTS_H
#define POINTS_H

/* --leaves: what a sweep reads, and what eBPF has of all vCPUs around it. */

#include "run/list.h"

#define FIRST_BEYOND 0xf0 /* small numbers that no manual defines */

/* The number of an exit that happens, of one that does not, and an undefined one. */
#define NR_ASKED 3
void points_asked(const struct session *session, uint32_t *numbers);

/* A number; every number that may be asked for, with the totals around; what several vCPUs ask at once. */
void points_list_number(const struct session *session, struct list *list, uint32_t number);
void points_list(const struct session *session, struct list *list);
void points_list_mix(const struct session *session, struct list *list, unsigned int vcpu);

/* Around a sweep. */
void points_open(struct session *session, const struct vm *vm);
int points_close(struct session *session, const struct vm *vm);

#endif
