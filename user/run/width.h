/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WIDTH_H
#define WIDTH_H

#include "run/session.h"

/*
 * Counters that cross 2^16, 2^32 and 2^48, where KVM lets them begin close to it: with the module
 * parameter that tests/mutants/start.patch adds.
 */
int phase_width(struct session *session);

#endif
