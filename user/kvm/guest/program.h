/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PROGRAM_H
#define PROGRAM_H

/*
 * PROBE_PROGRAM: the guest draws its operations by the seed, and the VMM draws the same ones, so that it knows
 * what the guest executes without asking it.
 */

#include "kvm/guest/probe_abi.h"
#include "util/random.h"

/* The next operation; *state begins as the program's seed. */
static inline uint32_t program_next(const struct probe_program *program, uint64_t *state)
{
	return program->ops[random_next(state) % program->nr];
}

/* Adds what count operations of a program execute, at least. */
static inline void program_add(const struct probe_program *program, uint64_t count,
			       uint64_t executed[PROBE_NR_OPS])
{
	uint64_t state = program->seed;

	for (; count; count--) {
		uint32_t op = program_next(program, &state);

		if (op == PROBE_READ_LEAVES) {
			random_next(&state); /* which one of the list */
			op = PROBE_CPUID;
		}
		executed[op]++;
	}
}

#endif
