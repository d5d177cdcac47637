// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/thread.h"

#include <signal.h>

#include "kvm/kvm.h"

int thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument, int but,
		 struct error *err)
{
	sigset_t blocked, before;
	int error;

	sigfillset(&blocked);
	if (but)
		sigdelset(&blocked, but);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	error = pthread_create(thread, NULL, run, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error ? system_error(err, "pthread_create", error) : 0;
}
