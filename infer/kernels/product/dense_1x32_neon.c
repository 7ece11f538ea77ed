// SPDX-License-Identifier: BSD-3-Clause
// One row x 32 columns: 8 sums, which hide the latency of their own additions.
#include "infer/kernels/product/dense.h"
#include "infer/kernels/product/dense_tile_vec.h"

DENSE_TILE_FN(1, 1)
DENSE_TILE_FN(2, 1)
DENSE_TILE_FN(3, 1)
DENSE_TILE_FN(4, 1)
DENSE_TILE_FN(5, 1)
DENSE_TILE_FN(6, 1)
DENSE_TILE_FN(7, 1)
DENSE_TILE_FN(8, 1)

static dense_tile_fn *const TILES[] = { DENSE_TILE_ENTRY(1, 1) DENSE_TILE_ENTRY(2, 1)
		DENSE_TILE_ENTRY(3, 1) DENSE_TILE_ENTRY(4, 1) DENSE_TILE_ENTRY(5, 1)
			DENSE_TILE_ENTRY(6, 1) DENSE_TILE_ENTRY(7, 1) DENSE_TILE_ENTRY(8, 1) };

void f32_dense_1x32__neon(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	dense_tiles_run(dense, TILES, 1, 8, (struct dense_split_tiles){ 0 }, m, x, ldx, y, ldy);
}
