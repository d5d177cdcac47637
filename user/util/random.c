// SPDX-License-Identifier: GPL-2.0-only
#include "util/random.h"

#include <sys/random.h>
#include <x86intrin.h>

uint64_t random_seed(void)
{
	uint32_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = __rdtsc();
	return seed;
}

void random_shuffle(uint64_t *state, unsigned int *elements, unsigned int nr)
{
	for (unsigned int i = nr; i > 1; i--) {
		unsigned int j = random_next(state) % i, swap = elements[i - 1];

		elements[i - 1] = elements[j];
		elements[j] = swap;
	}
}
