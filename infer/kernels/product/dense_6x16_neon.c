// SPDX-License-Identifier: BSD-3-Clause
// 6 rows x 16 columns: 24 sums of 32 registers.
#include "infer/kernels/product/dense.h"
#include "infer/kernels/product/dense_tile_vec.h"

DENSE_TILES_6(DENSE_TILE_FN, 1)
DENSE_TILES_6(DENSE_TILE_FN, 2)
DENSE_TILES_6(DENSE_TILE_FN, 3)
DENSE_TILES_6(DENSE_TILE_FN, 4)

static dense_tile_fn *const TILES[] = { DENSE_TILES_6(DENSE_TILE_ENTRY, 1)
		DENSE_TILES_6(DENSE_TILE_ENTRY, 2) DENSE_TILES_6(DENSE_TILE_ENTRY, 3)
			DENSE_TILES_6(DENSE_TILE_ENTRY, 4) };

void f32_dense_6x16__neon(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	dense_tiles_run(dense, TILES, 6, 4, (struct dense_split_tiles){ 0 }, m, x, ldx, y, ldy);
}
