// SPDX-License-Identifier: BSD-3-Clause
// A race between kernels that compute the same. All take turns, so that a change of clock or a busy
// neighbour meets all of them; the shortest sample of each counts, since whatever disturbs a run
// makes it longer; after a few turns only those near the best go on.
#pragma once

#include <stdint.h>

struct racer {
	void (*call)(void *context, uint32_t rows);
	void *context;
	double handicap; // its time counts so many times; 0: once
	double ns;       // of a call; the shortest yet, as it counts
	uint32_t calls;  // in a sample
};

// The number of the fastest over calls of `rows` rows; count >= 1. A sample repeats the call until
// it takes `sample_ns`: long enough that the first ones, of a cold kernel, tell little.
uint32_t race(struct racer *racers, uint32_t count, uint32_t rows, double sample_ns);
