// SPDX-License-Identifier: BSD-3-Clause
// 8 rows x 48 columns: 24 sums. Rows of x that are a power of two apart share a cache set: 8 fit.
#include "infer/kernels/product/dense.h"
#include "infer/kernels/product/dense_tile_vec.h"

DENSE_TILES_8(DENSE_TILE_FN, 1)
DENSE_TILES_8(DENSE_TILE_FN, 2)
DENSE_TILES_8(DENSE_TILE_FN, 3)

static dense_tile_fn *const TILES[] = { DENSE_TILES_8(DENSE_TILE_ENTRY, 1)
		DENSE_TILES_8(DENSE_TILE_ENTRY, 2) DENSE_TILES_8(DENSE_TILE_ENTRY, 3) };

void f32_dense_8x48__avx512(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	dense_tiles_run(dense, TILES, 8, 3, (struct dense_split_tiles){ 0 }, m, x, ldx, y, ldy);
}
