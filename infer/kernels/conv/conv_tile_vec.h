// SPDX-License-Identifier: BSD-3-Clause
// The tile of dense_tile_vec.h over windows: its rows are neighbouring output positions. A kernel's
// file makes one function for each size of a tile, by CONV_TILE_FN.
#pragma once

#include "infer/kernels/conv/conv_tile.h"
#include "infer/kernels/product/dense_tile_vec.h"

#ifdef VEC_WIDTH

// What one tile reads and writes.
struct conv_at {
	const float *x, *panel;
	size_t panel_stride;
	float *y;
	size_t ldy;
	uint32_t columns;
};

VEC_INLINE void conv_tile_run(const struct conv_tile *conv, const struct conv_at *tile,
	const int positions, const int vecs)
{
	const size_t ldx = conv->x_step[2], stride = tile->panel_stride;
	const float *w = tile->panel;
	vec sum[DENSE_ROWS_MAX][DENSE_VECS_MAX];

	dense_tile_begin(sum, w, stride, positions, vecs);
	for (uint32_t r = 0; r < conv->runs; r++)
		w = dense_tile_add(
			sum, tile->x + conv->at[r], ldx, conv->run, w, stride, positions, vecs);
	dense_tile_end(&conv->act, sum, tile->y, tile->ldy, tile->columns, positions, vecs);
}

typedef void conv_tile_tile_fn(const struct conv_tile *conv, const struct conv_at *tile);

#define CONV_TILE_FN(vecs, positions)                                                              \
	static void conv_##positions##x##vecs(                                                     \
		const struct conv_tile *conv, const struct conv_at *tile)                          \
	{                                                                                          \
		conv_tile_run(conv, tile, positions, vecs);                                        \
	}
#define CONV_TILE_ENTRY(vecs, positions) conv_##positions##x##vecs,

// One line of positions, cut into tiles of about the same size.
VEC_INLINE void conv_tile_line(const struct conv_tile *conv, conv_tile_tile_fn *const *tiles,
	uint32_t most, struct conv_at tile)
{
	const uint32_t vecs = (tile.columns + VEC_WIDTH - 1) / VEC_WIDTH;
	uint32_t left = conv->positions[2], count = (left + most - 1) / most;

	for (; count > 0; count--) {
		const uint32_t now = (left + count - 1) / count;

		tiles[(vecs - 1) * most + now - 1](conv, &tile);
		tile.x += now * conv->x_step[2];
		tile.y += now * tile.ldy;
		left -= now;
	}
}

// The channels are the outer loop, so that their weights stay in the cache.
// tiles: [vecs_max][most].
VEC_INLINE void conv_tiles_run(const struct conv_tile *conv, conv_tile_tile_fn *const *tiles,
	uint32_t most, uint32_t vecs_max, const float *x, float *y)
{
	const uint32_t columns_max = VEC_WIDTH * vecs_max; // whole panels
	const size_t k = (size_t)conv->runs * conv->run, stride = (k + 1) * 16;
	const uint32_t lines = conv->positions[0] * conv->positions[1];
	const float *packed = conv->packed;
	struct conv_at tile = { .panel_stride = stride, .ldy = (size_t)conv->groups * conv->out };

	assert(k > 0 && conv->out > 0);
	for (uint32_t g = 0; g < conv->groups; g++, x += conv->x_group, y += conv->out) {
		for (uint32_t o = 0; o < conv->out; o += columns_max) {
			const uint32_t left = conv->out - o;

			tile.columns = left < columns_max ? left : columns_max;
			tile.panel = packed + o / 16 * stride;
			for (uint32_t l = 0; l < lines; l++) {
				tile.x = x + l / conv->positions[1] * conv->x_step[0] +
					l % conv->positions[1] * conv->x_step[1];
				tile.y = y + (size_t)l * conv->positions[2] * tile.ldy + o;
				conv_tile_line(conv, tiles, most, tile);
			}
		}
		packed += (conv->out + 15) / 16 * stride;
	}
}

#endif
