/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WATCH_H
#define WATCH_H

#include "options.h"

/*
 * Watches every VM of this host and compares each leaf that its guest reads, in place, until the
 * command has ended, the seconds have passed, or a signal asks to stop. An enum exit_status.
 */
int watch_run(struct options *options);

#endif
