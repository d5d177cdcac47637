// SPDX-License-Identifier: GPL-2.0-only
#include "run/storm_steps.h"

#include "util/array.h"
#include "util/random.h"

#define DECK 32

/* How often a kind comes in a deck of steps, and how much of it. */
static const struct {
	unsigned int share, least, most;
} kinds[NR_STORM_KINDS] = {
	[STORM_PROGRAM] = { 13, 32, 250 },				  /* operations */
	[STORM_COMMAND] = { 4, 1, 60 },	   [STORM_READ] = { 4, 50, 150 }, /* exits */
	[STORM_SIGNAL] = { 4, 3, 9 },	   [STORM_MOVE] = { 3, 1, 4 },	  [STORM_CPU] = { 1, 1, 1 },
	[STORM_VCPU] = { 2, 1, 1 },	   [STORM_VM] = { 1, 1, 1 },
};

/* The kind of a step: each deck has all of them, in another order. */
static enum storm_kind kind_of(uint64_t seed, uint64_t number)
{
	uint64_t state = random_next(&seed) + number / DECK;
	unsigned int order[DECK], left;
	enum storm_kind kind = 0;

	for (unsigned int i = 0; i < DECK; i++)
		order[i] = i;
	random_shuffle(&state, order, DECK);
	left = order[number % DECK];
	while (kind < NR_STORM_KINDS - 1 && left >= kinds[kind].share)
		left -= kinds[kind++].share;
	return kind;
}

struct storm_step storm_step(uint64_t seed, uint64_t number)
{
	uint64_t of_seed = seed, state = random_next(&of_seed) + number;
	struct storm_step step = { .kind = kind_of(seed, number) };

	/* Neighbouring numbers must have nothing in common. */
	state = random_next(&state);
	step.place = random_next(&state) % STORM_PLACES;
	step.vcpu = random_next(&state) >> 32;
	step.choice = random_next(&state) >> 32;
	step.count = kinds[step.kind].least +
		     random_next(&state) % (kinds[step.kind].most - kinds[step.kind].least + 1);
	step.seed = random_next(&state);
	return step;
}
