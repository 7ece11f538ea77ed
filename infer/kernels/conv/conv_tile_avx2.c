// SPDX-License-Identifier: BSD-3-Clause
// 6 positions x 16 channels: 12 sums.
#include "infer/kernels/conv/conv_tile_vec.h"

DENSE_TILES_6(CONV_TILE_FN, 1)
DENSE_TILES_6(CONV_TILE_FN, 2)

static conv_tile_tile_fn *const TILES[] = { DENSE_TILES_6(CONV_TILE_ENTRY, 1)
		DENSE_TILES_6(CONV_TILE_ENTRY, 2) };

void f32_conv_tile__avx2(const struct conv_tile *conv, const float *x, float *y)
{
	conv_tiles_run(conv, TILES, 6, 2, x, y);
}
