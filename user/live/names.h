/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NAMES_H
#define NAMES_H

/* Names of VMs, as their VMMs were given them. */

#include <stddef.h>
#include <sys/types.h>

#include "live/usage.h"
#include "util/error.h"

/*
 * The name in a VMM's arguments, each of which ends with a NUL (as in /proc/PID/cmdline); without one, the name of
 * the program, or else comm. It is cut to size.
 */
void name_of_command(const char *arguments, size_t length, const char *comm, char *name,
		     size_t size);

/* The same of a process; "" if it is gone. */
void name_of_process(pid_t process, char *name, size_t size);

/* Names the VMs that have no name yet. */
void name_vms(struct usage *usage);

/* The process that runs the VM of that name. STATUS_USAGE if there is none, or more than one. */
int name_find(const char *name, pid_t *process, struct error *err);

#endif
