/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CPU_SWITCH_H
#define CPU_SWITCH_H

/* Takes CPUs off, and puts them back however this process ends: another one does it, and outlives it. */

#include <stdbool.h>
#include <stddef.h>

struct cpu_switch;

/*
 * NULL, and *why, if no CPU of this host can be taken off. To be called before there are threads, VMs, or
 * anything else that a second process must not hold.
 */
struct cpu_switch *cpu_switch_create(char *why, size_t size);

/* Puts back what is off. NULL is allowed. */
void cpu_switch_destroy(struct cpu_switch *cpus);

/* Takes one of those that can go off, by any number, or puts back the one that is off. */
bool cpu_switch_off(struct cpu_switch *cpus, unsigned int choice);
bool cpu_switch_on(struct cpu_switch *cpus);
bool cpu_switch_is_off(const struct cpu_switch *cpus);

#endif
