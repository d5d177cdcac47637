/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AUDIT_H
#define AUDIT_H

/*
 * Every exit against KVM's own account of it, as the eBPF program compared them in place. Pure: of a
 * validation or of any VMs that were watched.
 */

#include <stdbool.h>
#include <stdint.h>

#include "exitcheck.h"

#define AUDIT_MAX_FAULTS 64

/* Exits that have something in common. */
struct audit_group {
	int cpu;		    /* that they ended on, -1: any */
	const struct ec_vcpu *vcpu; /* NULL: of all */
	const char *workload;	    /* NULL: of all */
	bool is_loop;		    /* its exits follow one another in KVM alone */
	int index;		    /* of the reason, -1: all */
	int circumstance;	    /* -1: all */
};

/* A group that KVM's account is wrong about. */
struct audit_fault {
	struct audit_group group;
	uint64_t exits;			      /* of the group */
	uint64_t differed, untimed, exceeded; /* of these, see struct ec_audit */
	uint64_t beyond;		      /* that lack so many cycles, or more: */
	uint64_t limit;
};

struct audit {
	enum exit_isa isa;
	uint64_t ended;	      /* exits that eBPF saw the end of */
	uint64_t unaccounted; /* of these, on vCPUs that KVM does not account for */
	uint64_t compared;
	uint64_t differed, untimed, exceeded;
	uint64_t beyond; /* lack more cycles than the bias explains */
	uint64_t bias[EC_HIST_BUCKETS];
	/* Buckets of the bias that most exits of a loop, most of any group, and all but a few, stay below. */
	unsigned int in_loops, usual, highest;
	double noise;	  /* share of eBPF's own windows from highest on */
	double disturbed; /* share of those that something else made long */
	struct audit_fault faults[AUDIT_MAX_FAULTS]; /* the widest groups first */
	unsigned int nr_faults;
};

/* A first look at all vCPUs: sums, and what the bias may be. */
void audit_sum(enum exit_isa isa, const struct ec_vcpu *const *vcpus, unsigned int nr,
	       struct audit *audit);

/* Judges one group; cycles: their bias, too. Returns whether the account is right, or records a fault. */
bool audit_group(struct audit *audit, const struct ec_audit *of, const struct audit_group *group,
		 bool cycles);

/* Judges all groups of these vCPUs: by circumstance, by reason, by vCPU, and by both. */
void audit_groups(const struct ec_vcpu *const *vcpus, unsigned int nr, bool cycles,
		  struct audit *audit);

/* Judges the exits by the CPU that they ended on. */
void audit_cpus(const struct ec_audit *cpus, unsigned int nr, bool cycles, struct audit *audit);

/* The bias below which a share of the exits stays, in cycles; a power of two. */
uint64_t audit_bias_below(const struct audit *audit, double share);

struct audit_place {
	char s[128];
};

/* "VM 1 vCPU 0, 0x72 CPUID", "exits of L2" */
struct audit_place audit_place(const struct audit *audit, const struct audit_group *group);

struct audit_text {
	char s[320];
};

/* "0x72 CPUID: of 1,000 exits, 10 were charged no cycles" */
struct audit_text audit_fault_text(const struct audit *audit, const struct audit_fault *fault);

/* "0x72 CPUID, exit 1,234 of the vCPU, on CPU 1, of the exits of L2: charged 0 of 2,345 cycles" */
struct audit_text audit_difference_text(enum exit_isa isa, const struct ec_difference *difference);

/*
 * The group whose exits are wrong more than others, and have the most of what is wrong; NULL: none.
 * *share: how nearly it holds the wrong exits, and no others; 1 at most.
 */
const struct audit_fault *audit_common(const struct audit *audit, double *share);

#endif
