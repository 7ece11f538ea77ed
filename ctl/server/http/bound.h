// SPDX-License-Identifier: BSD-3-Clause
// The memory that bodies and answers under way hold together, and the bound of it. Of each the first bytes
// are free, so that small ones always pass. Control thread only.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define BOUND_FREE_BYTES ((size_t)128 << 10) // of each

struct bound {
	size_t held, max; // bytes
};

// What one of them holds. Of those of which a peer can have many at a time less is free.
struct bound_share {
	struct bound *bound; // NULL: nothing is counted
	size_t held;         // bytes
	size_t taken;        // of the free bytes, by others
};

// Whether one of so many bytes has room; `instead` bytes of another go when it comes.
bool bound_admits(const struct bound *bound, size_t bytes, size_t instead);
// One grew or shrank.
void bound_change(struct bound *bound, size_t before, size_t after);

// Whether the share may have so many bytes, in all.
bool bound_share_admits(const struct bound_share *share, size_t bytes);
// It has so many from here on.
void bound_share_set(struct bound_share *share, size_t bytes);
