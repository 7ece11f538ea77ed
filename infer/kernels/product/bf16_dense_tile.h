// SPDX-License-Identifier: BSD-3-Clause
// Tiles of `rows` x (VEC_WIDTH * vecs) pairs of sums in registers. A file that includes this
// defines how a row of x is rounded and how a vector of weights is multiplied:
//	BF16_INPUT                            what a row of x becomes: one for each input
//	bf16_round(x, n, to)                  n <= VEC_WIDTH of them; beyond n 0, to a multiple of 4
//	struct bf16_weights, bf16_load(w)     VEC_WIDTH columns of a pair of inputs
//	bf16_multiply(sum, x, weights)        the odd product first, then the even one
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/product/bf16_dense.h"
#include "infer/kernels/product/dense.h"
#include "infer/kernels/product/dense_finish.h"

#include <assert.h>

#ifdef BF16_INPUT

#define BF16_ROWS_MAX 12
#define BF16_VECS_MAX 8
#define BF16_VECS     (BF16_PANEL / VEC_WIDTH) // of a panel

// What one tile reads and writes.
struct bf16_tile {
	const BF16_INPUT *x; // the tile's first row
	uint32_t ldx;        // its inputs, whole fours
	const char *panel;   // the tile's first columns in the first of its panels
	size_t panel_bytes;
	float *y;
	uint32_t ldy, columns; // that exist, of the tile's
	const struct act *act;
};

VEC_INLINE void bf16_tile_run(const struct bf16_tile *tile, const int rows, const int vecs)
{
	const BF16_INPUT *x = tile->x, *end = x + tile->ldx;
	const size_t ldx = tile->ldx, panel_bytes = tile->panel_bytes;
	const size_t vec_bytes = VEC_WIDTH * sizeof(float); // of weights too: two of half the width
	const char *w = tile->panel;
	vec sum[2][BF16_ROWS_MAX][BF16_VECS_MAX];

	VEC_UNROLL
	for (int j = 0; j < vecs; j++) {
		const char *bias = w + j / BF16_VECS * panel_bytes + j % BF16_VECS * vec_bytes;

		VEC_UNROLL
		for (int i = 0; i < rows; i++) {
			sum[0][i][j] = vec_load((const float *)(const void *)bias);
			sum[1][i][j] = vec_set1(0.0f);
		}
	}
	w += BF16_PANEL * sizeof(float);
	for (; x < end; x += 4) {
		VEC_UNROLL
		for (int s = 0; s < 2; s++, w += BF16_VECS * vec_bytes) {
			VEC_UNROLL
			for (int j = 0; j < vecs; j++) {
				const struct bf16_weights weights = bf16_load(w +
					j / BF16_VECS * panel_bytes + j % BF16_VECS * vec_bytes);

				VEC_UNROLL
				for (int i = 0; i < rows; i++)
					sum[s][i][j] = bf16_multiply(
						sum[s][i][j], x + (size_t)i * ldx + s * 2, weights);
			}
		}
	}
	VEC_UNROLL
	for (int i = 0; i < rows; i++) {
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sum[0][i][j] = vec_add(sum[0][i][j], sum[1][i][j]);
		dense_store(
			tile->act, tile->y + (size_t)i * tile->ldy, sum[0][i], vecs, tile->columns);
	}
	dense_finish(tile->act, rows, tile->columns, tile->y, tile->ldy);
}

#define BF16_TILE(rows, vecs)                                                                      \
	static void tile_##rows##x##vecs(const struct bf16_tile *tile)                             \
	{                                                                                          \
		bf16_tile_run(tile, rows, vecs);                                                   \
	}

// For so many vectors of columns, a power of two, and at most so many rows: tiles of the most rows
// first, the last of one.
struct bf16_tiles {
	uint32_t vecs, m_max;
	struct {
		uint32_t rows;
		void (*run)(const struct bf16_tile *tile);
	} of[4];
};

VEC_INLINE void bf16_round_rows(
	const struct dense *dense, uint32_t m, const float *x, BF16_INPUT *to)
{
	const uint32_t k = dense->k;

	for (; m > 0; m--, x += k, to += bf16_padded(k)) {
		for (uint32_t i = 0; i < k; i += VEC_WIDTH)
			bf16_round(x + i, k - i < VEC_WIDTH ? k - i : VEC_WIDTH, to + i);
	}
}

// Columns outside, so that their weights stay in the cache while all rows pass. `tiles`: from the
// most vectors to one, which takes any m.
VEC_INLINE void bf16_dense_run(const struct dense *dense, const struct bf16_tiles *tiles,
	uint32_t m, const float *x, float *y, void *scratch)
{
	const uint32_t n = dense->n;
	struct bf16_tile tile = { .ldx = bf16_padded(dense->k),
		.panel_bytes = bf16_panel_bytes(dense->k),
		.ldy = n,
		.act = &dense->act };
	uint32_t column = 0;

	assert(dense->k > 0 && n > 0);
	bf16_round_rows(dense, m, x, scratch);
	while (column < n && m > 0) {
		const uint32_t left = n - column;
		uint32_t t = 0;

		while ((tiles->vecs - 1) * VEC_WIDTH >= left || m > tiles->m_max)
			tiles++;
		tile.panel = (const char *)dense->packed + column / BF16_PANEL * tile.panel_bytes +
			column % BF16_PANEL * sizeof(float);
		tile.columns = left < tiles->vecs * VEC_WIDTH ? left : tiles->vecs * VEC_WIDTH;
		for (uint32_t row = 0; row < m; row += tiles->of[t].rows) {
			while (tiles->of[t].rows > m - row)
				t++;
			tile.x = (const BF16_INPUT *)scratch + (size_t)row * tile.ldx;
			tile.y = y + (size_t)row * n + column;
			tiles->of[t].run(&tile);
		}
		column += tile.columns;
	}
}

#endif
