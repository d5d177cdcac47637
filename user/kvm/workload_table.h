/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WORKLOAD_TABLE_H
#define WORKLOAD_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "exitcheck.h"
#include "kvm/guest/probe_abi.h"

/* How the number of exits follows from the number of executions. */
enum truth_kind {
	TRUTH_EXACT,	/* one each */
	TRUTH_AT_LEAST, /* one each, and more for the reason in workload->why */
	TRUTH_AT_MOST,	/* up to one each: likewise */
};

/* In place of an exit number. */
#define WORKLOAD_NONE (-1)    /* there is none on that ISA */
#define WORKLOAD_NO_EXIT (-2) /* no exit, but KVM's statistic counts one */

/* A way to cause VM exits: a row of the table that `exitcheck list` shows. */
struct workload {
	const char *name; /* as given to -w: "cpuid", "mov-cr8" ... */
	enum probe_op op;
	int64_t svm, vmx; /* exit number it causes, or one of the above */
	/* On SVM it has so many numbers from that on, of as many operations in turn; 0: the one. */
	unsigned int svm_numbers;
	enum truth_kind truth;
	unsigned int count; /* executions in the default validation */
	bool irqchip;	    /* needs a VM with an APIC of KVM's own */
	bool nested;	    /* runs a guest of the guest's own */
	/*
	 * Needs KVM_GUESTDBG_ENABLE: of a vCPU that no debugger owns, KVM intercepts but the first access
	 * to debug registers until the next exit.
	 */
	bool guest_debug;
	bool slow;	  /* VMM work or a vCPU reset for each: keep counts low */
	const char *help; /* one line */
	const char *why;  /* of a bound; of an ISA on which there is none */
};

#define WORKLOADS_MAX 128 /* rows that the table may have */
extern const struct workload workloads[];
extern const unsigned int nr_workloads;

#endif
