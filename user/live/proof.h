/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PROOF_H
#define PROOF_H

/* Whether the numbers of a look are all that there are to be shown: losses, and KVM's own statistic. */

#include <stdbool.h>

#include "live/losses.h"
#include "live/usage.h"

/* A source's exits against KVM's statistic "exits" of each vCPU. */
struct proof_stat {
	char not_compared[160]; /* why, "" if it was */
	unsigned int vcpus;	/* compared */
	uint64_t exits;		/* of these, since the beginning */
	unsigned int
		under_way;   /* exits that one of the two had counted, and the other was about to */
	unsigned int differ; /* vCPUs */
	uint64_t more, fewer; /* that KVM has of these */
	bool is_earlier;      /* it was compared a moment before the numbers were taken */
	bool emulates;	      /* KVM runs some instructions in an emulator, and counts these, too */
};

struct proof {
	struct losses lost;
	unsigned int vcpus, late; /* of these, vCPUs that had run before they were seen ... */
	bool late_unknown;	  /* ... or may have */
	unsigned int details_held, details_differ, details_moving; /* as in struct usage */
	bool has_parts;
	uint64_t excess_ns, ended_ns; /* of parts, as in struct usage; of all exits that ended */
	unsigned int unaccounted;     /* of these, vCPUs that the source has no numbers of */
	struct proof_stat stat;
	struct proof_stat account; /* likewise KVM's own account by reason, if it was asked for */
};

/* What lacks, in bits. */
enum proof_lack {
	PROOF_NO_VM = 1,
	PROOF_LOST = 2,
	PROOF_UNACCOUNTED = 4,
	PROOF_STATISTIC = 8, /* KVM's statistic has other numbers */
	PROOF_ACCOUNT = 16,  /* KVM's own account has */
	PROOF_PARTS = 64,    /* of exits' time are longer than that */
	PROOF_DETAILS = 32,  /* details of a reason do not sum up to it */
};

unsigned int proof_lacks(const struct proof *proof);

struct proof_verdict {
	bool complete;
	char text[512]; /* begins with "complete" or "INCOMPLETE" */
};

struct proof_verdict proof_verdict(const struct proof *proof);

/* Adds a vCPU: KVM's statistic, and the source's exits; slack: by how many they may differ for a moment. */
void proof_add_stat(struct proof_stat *stat, uint64_t kvm, uint64_t exits, unsigned int slack);

/* Likewise KVM's account of each reason: what is different in one of them counts. */
void proof_add_account(struct proof_stat *account, const uint64_t *kvm, const uint64_t *exits,
		       unsigned int slack);

/* Adds one sum to another. */
void proof_add_sum(struct proof_stat *to, const struct proof_stat *stat);

/* vCPUs in all, and late ones. */
void proof_add_vcpus(struct proof *proof, const struct usage *usage);

/* Whether KVM emulates where hardware would not enter the guest. */
bool proof_kvm_emulates(void);

#endif
