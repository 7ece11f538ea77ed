// SPDX-License-Identifier: BSD-3-Clause
// 6 rows x 16 columns: 12 sums of 16 registers.
#include "infer/kernels/product/dense.h"
#include "infer/kernels/product/dense_split.h"

DENSE_TILES_6(DENSE_TILE_FN, 1)
DENSE_TILES_6(DENSE_TILE_FN, 2)

static dense_tile_fn *const TILES[] = { DENSE_TILES_6(DENSE_TILE_ENTRY, 1)
		DENSE_TILES_6(DENSE_TILE_ENTRY, 2) };

DENSE_SPLIT_FN(1, 1, 4)
DENSE_SPLIT_FN(1, 2, 4)
DENSE_SPLIT_FN(1, 3, 4)
DENSE_SPLIT_FN(2, 1, 4)
DENSE_SPLIT_FN(2, 2, 2)
DENSE_SPLIT_FN(2, 3, 2)

static dense_tile_fn *const SPLIT_TILES[] = { DENSE_SPLIT_ENTRY(1, 1) DENSE_SPLIT_ENTRY(1, 2)
		DENSE_SPLIT_ENTRY(1, 3) DENSE_SPLIT_ENTRY(2, 1) DENSE_SPLIT_ENTRY(2, 2)
			DENSE_SPLIT_ENTRY(2, 3) };
static const struct dense_split_tiles SPLIT = { SPLIT_TILES, 3 };

void f32_dense_6x16__avx2(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	dense_tiles_run(dense, TILES, 6, 2, SPLIT, m, x, ldx, y, ldy);
}
