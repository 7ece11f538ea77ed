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
