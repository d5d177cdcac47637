/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef INGUEST_CHILD_H
#define INGUEST_CHILD_H

#include "util/error.h"

/*
 * Runs a command and waits for it, as a shell does: *result is its exit status, or 128 + the signal
 * that ended it. SIGINT and SIGQUIT of the terminal are the command's, SIGTERM and SIGHUP are passed on.
 * Fails with 127 if there is no such command, 126 if it cannot be executed.
 */
int child_run(char **argv, int *result, struct error *err);

#endif
