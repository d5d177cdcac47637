// SPDX-License-Identifier: GPL-2.0-only
#include "run/storm_steps.h"

#include "util/array.h"
#include "util/random.h"

/*
 * How often a kind comes, in a hundred steps; and of how many operations, exits or signals it is: the last three, of what
 * all others do meanwhile.
 */
static const struct {
	unsigned int share, least, most;
} kinds[NR_STORM_KINDS] = {
	[STORM_PROGRAM] = { 44, 32, 250 }, [STORM_COMMAND] = { 13, 1, 60 },
	[STORM_READ] = { 12, 50, 150 },	   [STORM_SIGNAL] = { 14, 1, 4 },
	[STORM_MOVE] = { 8, 1, 1 },	   [STORM_CPU] = { 3, 200, 500 },
	[STORM_VCPU] = { 3, 100, 250 },	   [STORM_VM] = { 3, 100, 250 },
};

static enum storm_kind kind_of(unsigned int hundredth)
{
	enum storm_kind kind = 0;

	while (kind < NR_STORM_KINDS - 1 && hundredth >= kinds[kind].share)
		hundredth -= kinds[kind++].share;
	return kind;
}

struct storm_step storm_step(uint64_t seed, uint64_t number)
{
	uint64_t of_seed = seed, state = random_next(&of_seed) + number;
	struct storm_step step;

	/* Neighbouring numbers must have nothing in common. */
	state = random_next(&state);
	step.kind = kind_of(random_next(&state) % 100);
	step.place = random_next(&state) % STORM_PLACES;
	step.vcpu = random_next(&state) >> 32;
	step.choice = random_next(&state) >> 32;
	step.count = kinds[step.kind].least +
		     random_next(&state) % (kinds[step.kind].most - kinds[step.kind].least + 1);
	step.seed = random_next(&state);
	return step;
}
