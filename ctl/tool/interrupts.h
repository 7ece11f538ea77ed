// SPDX-License-Identifier: BSD-3-Clause
// SIGINT, SIGTERM and SIGHUP while something is made: a thread ends the process at once, wherever the work is, and takes
// away what would be left half-written (base/leftovers.h). Work that has more to lose than that is spared for a while,
// looks whether a signal has come, and ends by itself; a second signal ends it at once, too.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// What is said, and what the process returns, where it is ended. NULL: nothing, and it dies of the signal.
struct interrupts_end {
	// By the thread that ends it; or, where it is not `ended`, at the first signal that spares the work until it is done.
	void (*say)(void *arg, bool ended);
	void *arg;
	int exit;
};

// From here to the interrupts_end() that belongs to it; may be nested. One thread calls all of these. With an `end`, which the
// outermost has or nobody, also signals count that the process was started to ignore, but for SIGHUP.
void interrupts_begin(const struct interrupts_end *end);
void interrupts_end(void);
// From now on a signal spares the work for so many seconds, UINT32_MAX: until it is done. 0: not at all, which is how it
// begins; where a signal has come that does not return: what was spared until then ends now.
void interrupts_spare(uint32_t seconds);
// Has a signal come, and is the work spared? Then it is to end.
bool interrupts_came(void);
