/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* The next number of the sequence that began with the seed in *state. */
uint64_t random_next(uint64_t *state);

/* A random seed. */
uint64_t random_seed(void);

/* Puts the nr elements into a random order. */
void random_shuffle(uint64_t *state, unsigned int *elements, unsigned int nr);

#endif
