// SPDX-License-Identifier: BSD-3-Clause
// The tile that the kernels over panel16 weights are made of: `rows` x (VEC_WIDTH * vecs) sums in
// registers. Per row of the weights it loads `vecs` vectors and one broadcast for each row of x.
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/product/dense.h"
#include "infer/kernels/product/dense_finish.h"

#include <assert.h>

#ifdef VEC_WIDTH

#define DENSE_ROWS_MAX 14
#define DENSE_VECS_MAX 8

// What one tile reads and writes; strides in floats.
struct dense_tile {
	const float *x, *panel; // the tile's first row, its first panel
	size_t ldx, panel_stride;
	float *y;
	size_t ldy;
	uint32_t k;
	uint32_t columns; // that exist, of the tile's VEC_WIDTH * vecs
	const struct act *act;
};

// Vector j of a row of the weights: panels of 16 columns are `stride` floats apart.
VEC_INLINE vec dense_weights(const float *w, size_t stride, const int j)
{
	const int per_panel = 16 / VEC_WIDTH;

	return vec_load(w + (size_t)(j / per_panel) * stride + (size_t)(j % per_panel) * VEC_WIDTH);
}

// The bias, which is the panel's first row, in each row of the sums.
VEC_INLINE void dense_tile_begin(vec sum[][DENSE_VECS_MAX], const float *panel, size_t stride,
	const int rows, const int vecs)
{
	VEC_UNROLL
	for (int j = 0; j < vecs; j++) {
		VEC_UNROLL
		for (int i = 0; i < rows; i++)
			sum[i][j] = dense_weights(panel, stride, j);
	}
}

// Adds k columns of x, whose rows are ldx apart, times the k rows of the weights behind w. Returns
// the last of those.
VEC_INLINE const float *dense_tile_add(vec sum[][DENSE_VECS_MAX], const float *x, size_t ldx,
	uint32_t k, const float *w, size_t stride, const int rows, const int vecs)
{
	for (uint32_t p = 0; p < k; p++) {
		vec weights[DENSE_VECS_MAX];

		w += 16;
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			weights[j] = dense_weights(w, stride, j);
		VEC_UNROLL
		for (int i = 0; i < rows; i++) {
			vec input = vec_set1(x[(size_t)i * ldx + p]);

			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[i][j] = vec_fma(input, weights[j], sum[i][j]);
		}
	}
	return w;
}

VEC_INLINE void dense_tile_end(const struct act *act, vec sum[][DENSE_VECS_MAX], float *y,
	size_t ldy, uint32_t columns, const int rows, const int vecs)
{
	VEC_UNROLL
	for (int i = 0; i < rows; i++)
		dense_store(act, y + (size_t)i * ldy, sum[i], vecs, columns);
	dense_finish(act, rows, columns, y, ldy);
}

VEC_INLINE void dense_tile_run(const struct dense_tile *tile, const int rows, const int vecs)
{
	vec sum[DENSE_ROWS_MAX][DENSE_VECS_MAX];

	dense_tile_begin(sum, tile->panel, tile->panel_stride, rows, vecs);
	dense_tile_add(
		sum, tile->x, tile->ldx, tile->k, tile->panel, tile->panel_stride, rows, vecs);
	dense_tile_end(tile->act, sum, tile->y, tile->ldy, tile->columns, rows, vecs);
}

// One function for each count of rows up to MAX_ROWS, and a table of them by [vecs - 1][rows - 1].
#define DENSE_TILE_FN(vecs, rows)                                                                  \
	static void tile_##rows##x##vecs(const struct dense_tile *tile)                            \
	{                                                                                          \
		dense_tile_run(tile, rows, vecs);                                                  \
	}
#define DENSE_TILES_6(M, v) M(v, 1) M(v, 2) M(v, 3) M(v, 4) M(v, 5) M(v, 6)
#define DENSE_TILES_8(M, v) DENSE_TILES_6(M, v) M(v, 7) M(v, 8)
#define DENSE_TILES_14(M, v)                                                                       \
	DENSE_TILES_8(M, v) M(v, 9) M(v, 10) M(v, 11) M(v, 12) M(v, 13) M(v, 14)
#define DENSE_TILE_ENTRY(vecs, rows) tile_##rows##x##vecs,

typedef void dense_tile_fn(const struct dense_tile *tile);

// Tiles for the last columns, where up to 16 of them stand alone (dense_split.h).
struct dense_split_tiles {
	dense_tile_fn *const *tiles; // [2][rows_max]; NULL: there are none
	uint32_t rows_max;
};

// The outer loop is over chunks of columns, so that a chunk's weights stay in the cache for all
// rows. tiles: [vecs_max][rows_max].
VEC_INLINE void dense_tiles_run(const struct dense *dense, dense_tile_fn *const *tiles,
	uint32_t rows_max, uint32_t vecs_max, struct dense_split_tiles split, uint32_t m,
	const float *x, size_t ldx, float *y, size_t ldy)
{
	const uint32_t columns_max = VEC_WIDTH * vecs_max; // whole panels
	const size_t stride = ((size_t)dense->k + 1) * 16;
	struct dense_tile tile = {
		.ldx = ldx,
		.panel_stride = stride,
		.ldy = ldy,
		.k = dense->k,
		.act = &dense->act,
	};

	assert(dense->k > 0 && dense->n > 0 && ldx >= dense->k && ldy >= dense->n);
	for (uint32_t column = 0; column < dense->n; column += columns_max) {
		uint32_t left = dense->n - column, vecs;

		tile.columns = left < columns_max ? left : columns_max;
		vecs = (tile.columns + VEC_WIDTH - 1) / VEC_WIDTH;
		tile.panel = (const float *)dense->packed + column / 16 * stride;
		if (split.tiles && column % 64 == 0 && left <= 16) {
			tiles = split.tiles;
			rows_max = split.rows_max;
		}
		for (uint32_t row = 0; row < m;) {
			uint32_t rows = m - row < rows_max ? m - row : rows_max;

			tile.x = x + row * ldx;
			tile.y = y + row * ldy + column;
			tiles[(vecs - 1) * rows_max + rows - 1](&tile);
			row += rows;
		}
	}
}

#endif
