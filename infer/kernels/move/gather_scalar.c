// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/move/gather.h"

#include <string.h>

// One tensor. Returns the end of what was written to y. With a constant run_bytes the copy of a run is one move.
static inline __attribute__((always_inline)) char *gather_one(
	const struct gather *g, const char *x, char *y, const size_t run_bytes)
{
	for (uint32_t o = 0; o < g->outer; o++, x += g->along * run_bytes)
		for (uint32_t i = 0; i < g->n; i++, y += run_bytes)
			memcpy(y, x + g->index[i] * run_bytes, run_bytes);
	return y;
}

void gather__scalar(const struct gather *gather, uint32_t m, const void *x, size_t x_row, void *y)
{
	const char *from = x;
	char *to = y;

	for (uint32_t row = 0; row < m; row++, from += x_row) {
		if (gather->run_bytes == 4)
			to = gather_one(gather, from, to, 4);
		else
			to = gather_one(gather, from, to, gather->run_bytes);
	}
}
