/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EVIDENCE_H
#define EVIDENCE_H

/* The errors of a result, condensed: what the rules of diagnose_*.c work on. */

#include "judge/facts.h"
#include "judge/verdicts.h"

/* How values have to be read to be right. */
enum reading {
	READING_PLAIN,
	READING_SWAPPED,  /* high and low word exchanged */
	READING_LOW_WORD, /* the high word is not the value's */
};

#define EVIDENCE_FRESH_EXITS 32	     /* a vCPU that has executed no more is a new one */
#define TRACK_TOTAL EXIT_INDEX_OTHER /* in place of a reason */

/*
 * One count, of one reason or in total, over all sweeps of a vCPU with idle siblings. An error is
 * the leaf minus the truth or eBPF's count, whichever is nearer.
 */
struct track {
	unsigned int reads, drops; /* drops: the value went down */
	bool fresh;		   /* the vCPU had hardly begun at the first read */
	int64_t first_error, last_error, least_error, greatest_error;
	uint64_t first_right, last_right;
	uint64_t last_value;
};

struct vcpu_tracks {
	bool read;			       /* any leaf of exits */
	uint64_t begun;			       /* what the vCPU had executed at its first sweep */
	struct track leaf[2][EXIT_NR_INDICES]; /* of the vCPU, VM-wide */
};

/* Exits of one reason (or TRACK_TOTAL) of the single vCPUs, from their first sweep to their last. */
struct growth {
	bool has;
	uint64_t right;
	int64_t error;
};

/* Cycles of one reason, between reads. */
struct time_of {
	unsigned int windows, excesses; /* excesses: more than eBPF's */
	double cycles, bpf, timed;	/* sums; bpf in cycles, too */
	double best_share;		/* of eBPF's; what preempts the host only lowers it */
	double least_cycles, least_bpf; /* of an exit: of the best window */
	bool drops;
};

struct evidence {
	struct facts facts;
	const struct result *result;
	const struct verdicts *verdicts;
	bool failed[NR_CHECKS];

	enum reading counts_as, cycles_as;
	uint64_t counts_wrong, counts_swapped, counts_low_word; /* reads, taken plainly */
	uint64_t counts_previous;				/* the value of the read before */
	uint64_t cycles_wrong, cycles_swapped, cycles_low_word;
	uint64_t counts_wrapped, cycles_wrapped; /* right but for multiples of 2^32 */

	struct vcpu_tracks *vcpus; /* as result->vcpus */
	struct growth growth[EXIT_NR_INDICES];
	unsigned int miscounted;   /* reasons with an error there */
	uint64_t concurrent_wrong; /* per-vCPU leaves, read while siblings ran */
	uint64_t truth_differs;	   /* of eBPF, where the leaf has what the guest executed */

	struct time_of (*times)[EXIT_NR_INDICES]; /* by phase */

	struct diagnosis *list;
	unsigned int nr;
};

/* False: no memory. */
bool evidence_collect(struct evidence *evidence, const struct result *result,
		      const struct verdicts *verdicts);
void evidence_destroy(struct evidence *evidence);

/*
 * The error of a vCPU's leaf in one sweep, and the correct value; false if the sweep did not read
 * it.
 */
bool evidence_sweep_error(const struct evidence *evidence, const struct result_sweep *sweep,
			  bool vm_wide, unsigned int index, int64_t *error, uint64_t *expected);

/* Adds a diagnosis; shows is what the numbers show, as a sentence. */
__attribute__((format(printf, 4, 5))) void evidence_conclude(struct evidence *evidence,
							     enum diagnosis_id id,
							     enum confidence confidence,
							     const char *shows, ...);

struct reason_text {
	char s[48];
};

/* "0x72 CPUID" */
struct reason_text reason_text(const struct evidence *evidence, unsigned int index);

#endif
