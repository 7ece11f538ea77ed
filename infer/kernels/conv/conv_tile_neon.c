// SPDX-License-Identifier: BSD-3-Clause
// 6 positions x 16 channels: 24 sums.
#include "infer/kernels/conv/conv_tile_vec.h"

DENSE_TILES_6(CONV_TILE_FN, 1)
DENSE_TILES_6(CONV_TILE_FN, 2)
DENSE_TILES_6(CONV_TILE_FN, 3)
DENSE_TILES_6(CONV_TILE_FN, 4)

static conv_tile_tile_fn *const TILES[] = { DENSE_TILES_6(CONV_TILE_ENTRY, 1) DENSE_TILES_6(
	CONV_TILE_ENTRY, 2) DENSE_TILES_6(CONV_TILE_ENTRY, 3) DENSE_TILES_6(CONV_TILE_ENTRY, 4) };

void f32_conv_tile__neon(const struct conv_tile *conv, const float *x, float *y)
{
	conv_tiles_run(conv, TILES, 6, 4, x, y);
}
