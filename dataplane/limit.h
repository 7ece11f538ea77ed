// SPDX-License-Identifier: BSD-3-Clause
// So many a second and no more: a token bucket, kept as the time at which the next token is due (the
// "virtual scheduling" form of the generic cell rate algorithm, ITU-T I.371), which is one word. Lcores
// share it without a lock.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct limit {
	// Cycles of the TSC, or nanoseconds, as the caller's `now`.
	uint64_t interval; // that a token takes to grow; 0: there are none
	uint64_t burst;    // worth of tokens that may be taken at once, beside the first
	_Atomic(uint64_t) due;
};

// What may be said in the log of things that come and go by others' doing: so many lines at once, and then one a
// second. In nanoseconds, as clock_monotonic_ns().
#define LIMIT_LINES(at_once)                                                                       \
	((struct limit){ .interval = 1000000000u, .burst = ((at_once)-1) * 1000000000ull })
#define LIMIT_PORT_LINES 64

// `a_second` tokens a second, a tenth of which may be taken at once, and 1 at least; 0: none ever.
static inline void limit_init(struct limit *limit, uint32_t a_second, uint64_t tsc_hz)
{
	uint32_t depth = a_second / 10 ? a_second / 10 : 1;

	limit->interval = a_second ? tsc_hz / a_second : 0;
	limit->burst = limit->interval * (depth - 1);
	atomic_init(&limit->due, 0);
}

// Takes a token. False where there is none at `now`, in the unit of the interval.
static inline bool limit_admits(struct limit *limit, uint64_t now)
{
	uint64_t due = atomic_load_explicit(&limit->due, memory_order_relaxed), next;

	if (!limit->interval)
		return false;
	do {
		if (due > now && due - now > limit->burst)
			return false;
		next = (due > now ? due : now) + limit->interval;
	} while (!atomic_compare_exchange_weak_explicit(
		&limit->due, &due, next, memory_order_relaxed, memory_order_relaxed));
	return true;
}
