// SPDX-License-Identifier: BSD-3-Clause
// Leaves with weights for several targets: a row of values for each leaf, one for every target, 0
// where the leaf has no weight for it. Rows are added tree by tree in the ensemble's order, to sums
// that begin at +0 (which adding a 0 never changes), so that they are the reference's to the bit.
#pragma once

#include "infer/graph/trees.h"

#define TREE_ROW_MAX 64 // floats: sums are on the stack

// Floats of a leaf's row: the targets, filled up to 2, 4, 8 or a multiple of 16. 0: leaves cannot
// be such rows: the aggregate is not the sum, they are linear, there are too many targets, or a
// leaf has two weights for one of them.
uint32_t trees_row_floats(const struct trees *trees);
void trees_fill_row(const struct trees *trees, int32_t leaf, uint32_t floats, float *row);

// sum[floats] += row[floats]; `floats` as above.
static inline __attribute__((always_inline)) void trees_add_row(
	float *restrict sum, const float *restrict row, uint32_t floats)
{
	if (floats < 16) {
		for (uint32_t i = 0; i < floats; i++)
			sum[i] += row[i];
		return;
	}
	for (; floats > 0; floats -= 16, sum += 16, row += 16)
		for (uint32_t i = 0; i < 16; i++)
			sum[i] += row[i];
}

// sums[r] += rows[leaf[r]] for n rows; inlined with `floats` known where it is small.
static inline __attribute__((always_inline)) void trees_add_leaves_of(
	float *sums, const float *rows, const uint8_t *leaf, uint32_t n, uint32_t floats)
{
	for (uint32_t r = 0; r < n; r++)
		trees_add_row(sums + r * floats, rows + leaf[r] * floats, floats);
}

static inline void trees_add_leaves(
	float *sums, const float *rows, const uint8_t *leaf, uint32_t n, uint32_t floats)
{
	if (floats == 2)
		trees_add_leaves_of(sums, rows, leaf, n, 2);
	else if (floats == 4)
		trees_add_leaves_of(sums, rows, leaf, n, 4);
	else if (floats == 8)
		trees_add_leaves_of(sums, rows, leaf, n, 8);
	else if (floats == 16)
		trees_add_leaves_of(sums, rows, leaf, n, 16);
	else
		trees_add_leaves_of(sums, rows, leaf, n, floats);
}
