// SPDX-License-Identifier: BSD-3-Clause
// How much of an lcore's time, or of the workers' that it hands requests to, one client may have while they are busy. It
// is found as a queue's fair share is ("approximate fair dropping", Pan et al., 2003): the one number is lowered
// while too little time is left and raised while there is enough, so that those who ask for less are never limited
// and those who ask for most meet at the same part. Nothing waits for it. One lcore's own.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PRESSURE_ONE 256u // `stretch` of a client that may have all the time

struct pressure {
	uint64_t window_cycles, patience_cycles, contended_cycles; // fixed at start
	uint64_t begin, busy, scoring;                             // at the window's beginning
	uint64_t contended_until; // TSC: two clients have been heard not long before
	uint32_t stretch; // PRESSURE_ONE divided by the part of the time; 0: nobody is limited
};

void pressure_init(struct pressure *pressure, uint64_t tsc_hz);

// `busy` cycles were spent with packets since the start by `n` lcores, and of these `scoring` with what could
// be less if clients were limited.
void pressure_look(
	struct pressure *pressure, uint64_t now, uint64_t busy, uint64_t scoring, uint32_t n);

// Whether it is time to look.
static inline bool pressure_is_due(const struct pressure *pressure, uint64_t now)
{
	return (int64_t)(now - pressure->begin) >= (int64_t)pressure->window_cycles;
}
