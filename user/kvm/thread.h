/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef THREAD_H
#define THREAD_H

#include <pthread.h>

#include "util/error.h"

/*
 * Starts a thread with all signals blocked but one, 0: all. They are the main thread's. Returns 0, or an error's
 * status.
 */
int thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument, int but,
		 struct error *err);

#endif
