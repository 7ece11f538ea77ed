// SPDX-License-Identifier: BSD-3-Clause
// The tile that the AVX-512 kernels over panel16 weights are made of: `rows` x (16 * vecs) sums in
// registers. Per row of the weights it loads `vecs` vectors and one broadcast for each row of x.
#pragma once

#include "infer/kernels/dense_finish.h"

#ifdef __AVX512F__

// Where one tile works; all in floats.
struct dense_tile {
	const float *x, *panel; // the tile's first row, its first panel
	size_t ldx, panel_stride;
	float *y;
	size_t ldy;
	uint32_t k;
	uint32_t columns; // that exist, of the tile's 16 * vecs
	const struct act *act;
};

VEC_INLINE void dense_tile_run(const struct dense_tile *tile, const int rows, const int vecs)
{
	const float *x = tile->x, *w = tile->panel;
	const size_t ldx = tile->ldx, stride = tile->panel_stride;
	__m512 sum[14][4];

	VEC_UNROLL
	for (int j = 0; j < vecs; j++) {
		VEC_UNROLL
		for (int i = 0; i < rows; i++)
			sum[i][j] = _mm512_load_ps(w + (size_t)j * stride);
	}
	for (uint32_t p = 0; p < tile->k; p++) {
		__m512 weights[4];

		w += 16;
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			weights[j] = _mm512_load_ps(w + (size_t)j * stride);
		VEC_UNROLL
		for (int i = 0; i < rows; i++) {
			__m512 input = _mm512_set1_ps(x[(size_t)i * ldx + p]);

			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[i][j] = _mm512_fmadd_ps(input, weights[j], sum[i][j]);
		}
	}
	VEC_UNROLL
	for (int i = 0; i < rows; i++)
		dense_store(
			tile->act, tile->y + (size_t)i * tile->ldy, sum[i], vecs, tile->columns);
	dense_finish(tile->act, rows, tile->columns, tile->y, tile->ldy);
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

// Column chunks outside, so that a chunk's weights stay in the cache while all rows pass.
// tiles: [vecs_max][rows_max].
VEC_INLINE void dense_tiles_run(const struct dense *dense, dense_tile_fn *const *tiles,
	uint32_t rows_max, uint32_t vecs_max, uint32_t m, const float *x, size_t ldx, float *y,
	size_t ldy)
{
	const size_t stride = ((size_t)dense->k + 1) * 16;
	struct dense_tile tile = {
		.ldx = ldx,
		.panel_stride = stride,
		.ldy = ldy,
		.k = dense->k,
		.act = &dense->act,
	};

	for (uint32_t column = 0; column < dense->n; column += 16 * vecs_max) {
		uint32_t left = dense->n - column, vecs;

		tile.columns = left < 16 * vecs_max ? left : 16 * vecs_max;
		vecs = (tile.columns + 15) / 16;
		tile.panel = (const float *)dense->packed + column / 16 * stride;
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
