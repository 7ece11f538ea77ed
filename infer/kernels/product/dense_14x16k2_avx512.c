// SPDX-License-Identifier: BSD-3-Clause
// 14 rows x 16 columns over panel16k2 weights: best for few columns.
#include "infer/graph/act.h"
#include "infer/kernels/product/dense.h"
#include "infer/kernels/product/dense_pairs_avx512.h"

#include <assert.h>

struct tile {
	const float *x;
	size_t ldx;
	float *y;
	size_t ldy;
	const float *panel;
	uint32_t k, columns;
	const struct act *act;
};

// Up to 14 rows x one panel (two vectors, or one).
VEC_INLINE void dense_pairs_run(const struct tile *tile, const int rows, const int vecs)
{
	const uint32_t pairs = tile->k / 2;
	const float *x = tile->x, *w = tile->panel;
	const size_t ldx = tile->ldx;
	__m512 sum[14][2];

	VEC_UNROLL
	for (int i = 0; i < rows; i++) {
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sum[i][j] = _mm512_load_ps(w + j * 16);
	}
	w += vecs * 16;
	for (uint32_t p = 0; p < pairs; p++, w += vecs * 16) {
		__m512 weights[2];

		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			weights[j] = _mm512_load_ps(w + j * 16);
		VEC_UNROLL
		for (int i = 0; i < rows; i++) {
			__m512 input = dense_pair_broadcast(x + (size_t)i * ldx + p * 2);

			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[i][j] = _mm512_fmadd_ps(input, weights[j], sum[i][j]);
		}
	}
	if (tile->k % 2) {
		VEC_UNROLL
		for (int i = 0; i < rows; i++) {
			__m512 input = dense_single_broadcast(x + (size_t)i * ldx + pairs * 2);

			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[i][j] = _mm512_fmadd_ps(
					input, _mm512_load_ps(w + j * 16), sum[i][j]);
		}
	}
	VEC_UNROLL
	for (int i = 0; i < rows; i++)
		dense_pairs_store(
			tile->act, tile->y + (size_t)i * tile->ldy, sum[i], vecs, tile->columns);
	dense_finish(tile->act, rows, tile->columns, tile->y, tile->ldy);
}

#define TILES(M, vecs)                                                                             \
	M(1, vecs)                                                                                 \
	M(2, vecs)                                                                                 \
	M(3, vecs)                                                                                 \
	M(4, vecs)                                                                                 \
	M(5, vecs)                                                                                 \
	M(6, vecs)                                                                                 \
	M(7, vecs) M(8, vecs) M(9, vecs) M(10, vecs) M(11, vecs) M(12, vecs) M(13, vecs) M(14, vecs)
#define TILE(rows, vecs)                                                                           \
	static void tile_##rows##x##vecs(const struct tile *tile)                                  \
	{                                                                                          \
		dense_pairs_run(tile, rows, vecs);                                                 \
	}
#define ENTRY(rows, vecs) tile_##rows##x##vecs,
TILES(TILE, 1)
TILES(TILE, 2)
typedef void tile_fn(const struct tile *tile);
static tile_fn *const TILES_8[] = { TILES(ENTRY, 1) }; // [rows - 1], up to 8 columns
static tile_fn *const TILES_16[] = { TILES(ENTRY, 2) };
#define ROWS_MAX 14

void f32_dense_14x16k2__avx512(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const size_t panel_floats = (((size_t)dense->k + 1) / 2 + 1) * 32;
	struct tile tile = {
		.ldx = ldx, .ldy = ldy, .panel = dense->packed, .k = dense->k, .act = &dense->act
	};

	assert(dense->k > 0 && dense->n > 0 && ldx >= dense->k && ldy >= dense->n);
	for (uint32_t column = 0; column < dense->n; column += 16, tile.panel += panel_floats) {
		const uint32_t left = dense->n - column;
		tile_fn *const *tiles = left <= 8 ? TILES_8 : TILES_16;

		tile.columns = left < 16 ? left : 16;
		for (uint32_t row = 0; row < m;) {
			uint32_t rows = m - row < ROWS_MAX ? m - row : ROWS_MAX;

			tile.x = x + row * ldx;
			tile.y = y + row * ldy + column;
			tiles[rows - 1](&tile);
			row += rows;
		}
	}
}
