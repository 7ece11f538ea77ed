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

// Whether one of so many bytes has room; `instead` bytes of another go when it comes.
bool bound_admits(const struct bound *bound, size_t bytes, size_t instead);
// One grew or shrank.
void bound_change(struct bound *bound, size_t before, size_t after);
