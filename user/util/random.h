/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* The next number of the sequence that began with the seed in *state: splitmix64. Inline for the guest. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* A random seed. */
uint64_t random_seed(void);

/* Puts the nr elements into a random order. */
void random_shuffle(uint64_t *state, unsigned int *elements, unsigned int nr);

#endif
