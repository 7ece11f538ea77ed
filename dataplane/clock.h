// SPDX-License-Identifier: BSD-3-Clause
// From cycles of the time stamp counter to nanoseconds and back, without a division; and the kernel's clock, for those
// that are no lcore. Any thread.
#pragma once

#include <stdint.h>
#include <time.h>

struct clock {
	uint64_t ns_mult;   // ns = cycles * ns_mult / 2^32
	uint64_t us_cycles; // cycles in a microsecond
};

static inline void clock_init(struct clock *clock, uint64_t tsc_hz)
{
	clock->ns_mult = (uint64_t)(((unsigned __int128)1000000000u << 32) / tsc_hz);
	clock->us_cycles = tsc_hz / 1000000u;
}

static inline uint64_t clock_ns(const struct clock *clock, uint64_t cycles)
{
	return (uint64_t)(((unsigned __int128)cycles * clock->ns_mult) >> 32);
}

static inline uint64_t clock_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
