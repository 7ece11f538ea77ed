// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/trees/trees_rows.h"

#include "base/align.h"

#include <string.h>

static bool trees_speaks_twice(const struct trees *t, uint32_t leaf)
{
	uint64_t spoken = 0;

	for (int32_t w = t->weight_first[leaf]; w < t->weight_first[leaf + 1]; w++) {
		const uint64_t target = UINT64_C(1) << t->weight_target[w];

		if (spoken & target)
			return true;
		spoken |= target;
	}
	return false;
}

uint32_t trees_row_floats(const struct trees *t)
{
	if (t->aggregate != TREES_SUM || t->linear_first || t->n_targets > TREE_ROW_MAX)
		return 0;
	for (uint32_t l = 0; l < t->n_leaves; l++) {
		if (trees_speaks_twice(t, l))
			return 0;
	}
	for (uint32_t floats = 2; floats < 16; floats *= 2) {
		if (t->n_targets <= floats)
			return floats;
	}
	return align_up_u32(t->n_targets, 16);
}

void trees_fill_row(const struct trees *t, int32_t leaf, uint32_t floats, float *row)
{
	memset(row, 0, floats * sizeof(*row));
	for (int32_t w = t->weight_first[leaf]; w < t->weight_first[leaf + 1]; w++)
		row[t->weight_target[w]] = t->weight[w];
}
