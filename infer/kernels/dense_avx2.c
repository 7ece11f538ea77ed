// SPDX-License-Identifier: BSD-3-Clause
// AVX2 kernels over panel16 weights: 6 rows x 16 columns in 12 registers, and 1 row x 64 columns
// in 8.
#include "infer/kernels/dense_finish.h"

#include <assert.h>

struct tile {
	const float *x, *panel;
	size_t ldx, panel_stride; // floats
	float *y;
	size_t ldy;
	uint32_t k, columns;
	const struct act *act;
};

// Vector j of 8 columns: two stand side by side in a panel.
VEC_INLINE __m256 weights_load(const float *w, size_t stride, const int j)
{
	return _mm256_load_ps(w + (size_t)(j / 2) * stride + (size_t)(j % 2) * 8);
}

VEC_INLINE void tile_run(const struct tile *tile, const int rows, const int vecs)
{
	const float *x = tile->x, *w = tile->panel;
	const size_t ldx = tile->ldx, stride = tile->panel_stride;
	__m256 sum[6][8];

	VEC_UNROLL
	for (int i = 0; i < rows; i++) {
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sum[i][j] = weights_load(w, stride, j);
	}
	for (uint32_t p = 0; p < tile->k; p++) {
		w += 16;
		VEC_UNROLL
		for (int i = 0; i < rows; i++) {
			__m256 input = _mm256_set1_ps(x[(size_t)i * ldx + p]);

			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[i][j] = _mm256_fmadd_ps(
					input, weights_load(w, stride, j), sum[i][j]);
		}
	}
	VEC_UNROLL
	for (int i = 0; i < rows; i++)
		dense_store(
			tile->act, tile->y + (size_t)i * tile->ldy, sum[i], vecs, tile->columns);
	dense_finish(tile->act, rows, tile->columns, tile->y, tile->ldy);
}

// One row x up to 16 columns: four sets of sums take turns, so that they do not wait for their own
// additions.
VEC_INLINE void narrow_run(const struct tile *tile, const int vecs)
{
	const float *x = tile->x, *w = tile->panel;
	__m256 sum[4][2];
	uint32_t p = 0;

	VEC_UNROLL
	for (int j = 0; j < vecs; j++) {
		sum[0][j] = weights_load(w, 0, j);
		sum[1][j] = sum[2][j] = sum[3][j] = _mm256_setzero_ps();
	}
	for (; p + 4 <= tile->k; p += 4) {
		VEC_UNROLL
		for (int s = 0; s < 4; s++) {
			__m256 input = _mm256_set1_ps(x[p + s]);

			w += 16;
			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[s][j] =
					_mm256_fmadd_ps(input, weights_load(w, 0, j), sum[s][j]);
		}
	}
	for (; p < tile->k; p++) {
		__m256 input = _mm256_set1_ps(x[p]);

		w += 16;
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sum[0][j] = _mm256_fmadd_ps(input, weights_load(w, 0, j), sum[0][j]);
	}
	VEC_UNROLL
	for (int j = 0; j < vecs; j++)
		sum[0][j] = _mm256_add_ps(
			_mm256_add_ps(sum[0][j], sum[1][j]), _mm256_add_ps(sum[2][j], sum[3][j]));
	dense_store(tile->act, tile->y, sum[0], vecs, tile->columns);
	dense_finish(tile->act, 1, tile->columns, tile->y, tile->ldy);
}

#define TILE(rows, vecs)                                                                           \
	static void tile_##rows##x##vecs(const struct tile *tile)                                  \
	{                                                                                          \
		tile_run(tile, rows, vecs);                                                        \
	}
#define ROWS(M, vecs)     M(1, vecs) M(2, vecs) M(3, vecs) M(4, vecs) M(5, vecs) M(6, vecs)
#define ENTRY(rows, vecs) tile_##rows##x##vecs,
ROWS(TILE, 1)
ROWS(TILE, 2)
TILE(1, 3)
TILE(1, 4)
TILE(1, 5)
TILE(1, 6)
TILE(1, 7)
TILE(1, 8)
static void tile_narrow1(const struct tile *tile)
{
	narrow_run(tile, 1);
}
static void tile_narrow2(const struct tile *tile)
{
	narrow_run(tile, 2);
}
typedef void tile_fn(const struct tile *tile);
static tile_fn *const TILES[] = { ROWS(ENTRY, 1) ROWS(ENTRY, 2) }; // [vecs - 1][rows - 1]
static tile_fn *const ROW_TILES[] = {                              // [vecs - 1]
	tile_narrow1, tile_narrow2, tile_1x3, tile_1x4, tile_1x5, tile_1x6, tile_1x7, tile_1x8
};

// Column chunks outside, so that a chunk's weights stay in the cache while all rows pass.
VEC_INLINE void tiles_run(const struct dense *dense, tile_fn *const *tiles, uint32_t rows_max,
	uint32_t columns_max, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const size_t stride = ((size_t)dense->k + 1) * 16;
	struct tile tile = {
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
		vecs = (tile.columns + 7) / 8;
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

void f32_dense_1x64__avx2(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	tiles_run(dense, ROW_TILES, 1, 64, m, x, ldx, y, ldy);
}

void f32_dense_6x16__avx2(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	tiles_run(dense, TILES, 6, 16, m, x, ldx, y, ldy);
}
