// SPDX-License-Identifier: GPL-2.0-only
#include "util/random.h"

#include <sys/random.h>
#include <x86intrin.h>

/* splitmix64 */
uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

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
