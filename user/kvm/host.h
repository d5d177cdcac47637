/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "util/error.h"
#include "exitcheck.h"

#define DEV_KVM "/dev/kvm"

enum host_exit_leaves {
	EXIT_LEAVES_ABSENT, /* kvm.ko has no such parameter: not patched */
	EXIT_LEAVES_OFF,
	EXIT_LEAVES_OPTIN,
	EXIT_LEAVES_HOST, /* as OPTIN, to a guest */
	EXIT_LEAVES_ALL,
};

/* The machine that exitcheck runs on. */
struct host {
	enum exit_isa isa;
	enum host_exit_leaves exit_leaves; /* kvm.exit_leaves */
	char cpu[64];			   /* model name */
	char kernel[65];		   /* release */
	char clocksource[32];		   /* at first */
	bool invariant_tsc;		   /* it neither changes its rate nor stops */
	int nr_cpus;			   /* online */
	uint32_t tsc_khz;		   /* by KVM */
};

/*
 * Probes the host: x86 with VMX or SVM, the vendor module loaded, /dev/kvm accessible.
 * STATUS_CANNOT_RUN with the remedy otherwise.
 */
int host_probe(struct host *host, struct error *err);

/* Fills in cpu and isa (0: neither VMX nor SVM) from the first processor of a /proc/cpuinfo. */
void host_read_cpuinfo(struct host *host, FILE *cpuinfo);

/* The clock source of CLOCK_MONOTONIC, now; "" if it cannot be read. */
void host_read_clocksource(char *name, size_t size);

#endif
