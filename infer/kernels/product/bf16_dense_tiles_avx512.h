// SPDX-License-Identifier: BSD-3-Clause
// The tiles of both AVX-512 variants. A single row takes many
// columns at once, since otherwise an addition waits for the one before to the same sum.
#pragma once

#include "infer/kernels/product/bf16_dense_tile.h"

#ifdef BF16_INPUT

BF16_TILE(1, 8)
BF16_TILE(1, 4)
BF16_TILE(1, 2)
BF16_TILE(2, 2)
BF16_TILE(4, 2)
BF16_TILE(5, 2)
BF16_TILE(1, 1)
BF16_TILE(2, 1)
BF16_TILE(4, 1)
BF16_TILE(10, 1)

static const struct bf16_tiles TILES[] = {
	{ 8, 1, { { 1, tile_1x8 } } },
	{ 4, 1, { { 1, tile_1x4 } } },
	{ 2, UINT32_MAX, { { 5, tile_5x2 }, { 4, tile_4x2 }, { 2, tile_2x2 }, { 1, tile_1x2 } } },
	{ 1, UINT32_MAX, { { 10, tile_10x1 }, { 4, tile_4x1 }, { 2, tile_2x1 }, { 1, tile_1x1 } } },
};

#endif
