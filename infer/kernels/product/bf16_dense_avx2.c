// SPDX-License-Identifier: BSD-3-Clause
// 3 rows x 16 columns: 12 sums of 16 registers.
#include "infer/kernels/product/bf16_dense_vec.h"
#include "infer/kernels/product/dense.h"

BF16_TILE(1, 4)
BF16_TILE(1, 2)
BF16_TILE(2, 2)
BF16_TILE(3, 2)
BF16_TILE(1, 1)
BF16_TILE(2, 1)
BF16_TILE(4, 1)
BF16_TILE(6, 1)

static const struct bf16_tiles TILES[] = {
	{ 4, 1, { { 1, tile_1x4 } } },
	{ 2, UINT32_MAX, { { 3, tile_3x2 }, { 2, tile_2x2 }, { 1, tile_1x2 } } },
	{ 1, UINT32_MAX, { { 6, tile_6x1 }, { 4, tile_4x1 }, { 2, tile_2x1 }, { 1, tile_1x1 } } },
};

void bf16_dense_3x16__avx2(
	const struct dense *dense, uint32_t m, const float *x, float *y, void *scratch)
{
	bf16_dense_run(dense, TILES, m, x, y, scratch);
}
