/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RUN_PUBLISHED_H
#define RUN_PUBLISHED_H

/* --leaves: the leaves of an implementation that is not ours. Nothing of it is taken for granted. */

#include "run/session.h"
#include "run/sweep.h"

/*
 * Finds out whether a VM's guest has them, and which numbers can be asked for. STATUS_INCONCLUSIVE
 * with one line where there are none, or where they are numbered otherwise.
 */
int published_discover(struct session *session, const struct vm *vm);

/* Between two sweeps of vCPU 0: the last sweep begins a window, or ends it. */
void published_window_begin(struct session *session, enum published_window window);
void published_window_end(struct session *session, enum published_window window);

/* Keeps a VM's threads on one CPU, the n-th that this process may use; false: there is no such. */
bool published_pin(const struct vm *vm, unsigned int n);

/* Sweeps before and after vCPU 0's move to another CPU; and the work of another vCPU than 0. */
int published_move(struct session *session, const struct vm *vm);
int published_sibling(struct session *session, const struct vm *vm);

/* How many lines the kernel has logged so far; false: that cannot be read. */
bool published_log(uint64_t *lines);

#endif
