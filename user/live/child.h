/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHILD_H
#define CHILD_H

/* A command that is watched. */

#include <signal.h>
#include <sys/types.h>

#include "util/error.h"

/* Starts it with the signals that mask has; its process in *child. STATUS_CANNOT_RUN. */
int child_start(char **command, const sigset_t *mask, pid_t *child, struct error *err);

/* Says on standard error how it ended, by the status that waitpid() gave. */
void child_report(const char *name, int status);

/* Ends one that still runs. */
void child_stop(pid_t child, int signals);

/*
 * Waits a tenth of a second, for a signal of a signalfd, or until a descriptor is readable (-1: none). Which signal came,
 * 0 if none did; SIGHUP if the descriptor's other end has gone.
 */
int child_moment(int signals, int fd);

#endif
