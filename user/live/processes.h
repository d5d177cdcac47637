/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PROCESSES_H
#define PROCESSES_H

/* The processes of this host that have vCPUs, as /proc shows them. */

#include <dirent.h>
#include <sys/types.h>

/* How many vCPUs a process has open; -1: this user may not see that. */
int process_vcpus(pid_t process);

/* The next process with vCPUs; *proc is NULL at first, and at the end. 0: there is none. */
pid_t processes_next(DIR **proc);

/* vCPUs of all of them together. */
unsigned int processes_vcpus(void);

#endif
