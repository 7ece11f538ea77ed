// SPDX-License-Identifier: BSD-3-Clause
// 14 rows x 32 columns: 28 sums; reads the weights least often, for those beyond the first-level
// cache.
#include "infer/kernels/product/dense.h"
#include "infer/kernels/product/dense_tile_vec.h"

DENSE_TILES_14(DENSE_TILE_FN, 1)
DENSE_TILES_14(DENSE_TILE_FN, 2)

static dense_tile_fn *const TILES[] = { DENSE_TILES_14(DENSE_TILE_ENTRY, 1)
		DENSE_TILES_14(DENSE_TILE_ENTRY, 2) };

void f32_dense_14x32__avx512(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	dense_tiles_run(dense, TILES, 14, 2, (struct dense_split_tiles){ 0 }, m, x, ldx, y, ldy);
}
