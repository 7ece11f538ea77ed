// SPDX-License-Identifier: BSD-3-Clause
// A race between kernels that compute the same. They run alternately, so that a change of clock or
// a busy neighbour affects all of them. The shortest sample of each counts, since whatever disturbs
// a run makes it longer. After a few rounds only those near the best go on.
#pragma once

#include <stdint.h>

struct racer {
	void (*call)(void *context, uint32_t rows);
	void *context;
	double handicap; // its time is multiplied by this; 0: by 1
	double ns;       // of a call, handicap included: the shortest so far
	uint32_t calls;  // in a sample
};

// The number of the fastest over calls of `rows` rows; count >= 1. A sample repeats the call until
// it takes `sample_ns`: long enough that the first ones, of a cold kernel, tell little.
uint32_t race(struct racer *racers, uint32_t count, uint32_t rows, double sample_ns);
