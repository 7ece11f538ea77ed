// SPDX-License-Identifier: BSD-3-Clause
// xorshift64*: pseudo-random numbers that are the same on every machine. S. Vigna, "An experimental
// exploration of Marsaglia's xorshift generators, scrambled", 2016. Not for secrets.
#pragma once

#include <stdint.h>

// The next 64 bits; the high ones are the best. `state`: the caller's, any value but 0 to start.
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

// A state to start from: of each pair of a seed and a stream another one, none of which is 0. The mixing is
// splitmix64's (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
static inline uint64_t random_start(uint64_t seed, uint64_t stream)
{
	uint64_t x = seed + (stream + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	return x != 0 ? x : 1;
}

// 0 <= x < 1, of 53 bits.
static inline double random_double(uint64_t *state)
{
	return (double)(random_next(state) >> 11) * 0x1p-53;
}

// 0 <= x < limit, evenly but for what 2^64 is no multiple of it; `limit` is not 0.
static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
	return (uint64_t)(((unsigned __int128)random_next(state) * limit) >> 64);
}
