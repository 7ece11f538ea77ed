// SPDX-License-Identifier: BSD-3-Clause
// Rounding up to an alignment. Pure functions, any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

// The least multiple of `to`, a power of two, that is not below `bytes`; at most SIZE_MAX - `to`
// bytes. aligned_alloc() takes only such sizes.
static inline size_t align_up(size_t bytes, size_t to)
{
	return (bytes + to - 1) & ~(to - 1);
}

// The same of 32 bits, for counts of values.
static inline uint32_t align_up_u32(uint32_t count, uint32_t to)
{
	return (count + to - 1) & ~(to - 1);
}
