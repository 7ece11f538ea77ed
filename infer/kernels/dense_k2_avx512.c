// SPDX-License-Identifier: BSD-3-Clause
// Kernels over panel16k2 weights (dense_pack.c): one 64-bit broadcast brings two inputs of a row to
// 8 columns' pairs. That halves the broadcasts, gives two sums a column, which hides the latency of
// the additions, and lets up to 8 columns fill a whole vector: best for few columns.
#include "infer/kernels/dense_finish.h"

#include <assert.h>

struct tile {
	const float *x;
	size_t ldx;
	float *y;
	size_t ldy;
	const float *panel;
	size_t panel_stride; // floats
	uint32_t k, columns;
	const struct act *act;
};

typedef double pair __attribute__((may_alias, aligned(4)));

VEC_INLINE __m512 pair_broadcast(const float *x)
{
	return _mm512_castpd_ps(_mm512_set1_pd(*(const pair *)(const void *)x));
}

// The last input where k is odd: the pair's other half must be 0, not what stands there.
VEC_INLINE __m512 single_broadcast(const float *x)
{
	return _mm512_castpd_ps(_mm512_broadcastsd_pd(_mm_castps_pd(_mm_load_ss(x))));
}

// 16 sums in order from a panel's two vectors.
VEC_INLINE __m512 pairs_add(__m512 a, __m512 b)
{
	return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xdd));
}

// 8 sums in order, in the lower half, from one vector.
VEC_INLINE __m512 pairs_add_half(__m512 a)
{
	const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 0, 0, 0, 0, 0, 0, 0, 0);

	a = _mm512_add_ps(a, _mm512_permute_ps(a, 0xb1));
	return _mm512_permutexvar_ps(even, a);
}

// Step p of a panel's vectors: `vecs` vectors, two to a panel, or one alone.
VEC_INLINE __m512 weights_load(const struct tile *tile, size_t p, const int vecs, const int j)
{
	if (vecs == 1)
		return _mm512_load_ps(tile->panel + p * 16);
	return _mm512_load_ps(
		tile->panel + (size_t)(j / 2) * tile->panel_stride + p * 32 + (size_t)(j % 2) * 16);
}

VEC_INLINE void pairs_store(const struct tile *tile, float *y, __m512 *sums, const int vecs)
{
	__m512 whole[4];

	if (vecs == 1) {
		whole[0] = pairs_add_half(sums[0]);
		dense_store(tile->act, y, whole, 1, tile->columns);
		return;
	}
	VEC_UNROLL
	for (int j = 0; j < vecs / 2; j++)
		whole[j] = pairs_add(sums[2 * j], sums[2 * j + 1]);
	dense_store(tile->act, y, whole, vecs / 2, tile->columns);
}

// One row. `split` sets of sums take turns, so that few columns do not wait for their own
// additions.
VEC_INLINE void row_run(const struct tile *tile, const int vecs, const int split)
{
	const uint32_t pairs = tile->k / 2;
	const float *x = tile->x;
	__m512 sum[4][8];
	uint32_t p = 0;

	VEC_UNROLL
	for (int j = 0; j < vecs; j++) {
		sum[0][j] = weights_load(tile, 0, vecs, j);
		VEC_UNROLL
		for (int s = 1; s < split; s++)
			sum[s][j] = _mm512_setzero_ps();
	}
	for (; p + split <= pairs; p += split) {
		VEC_UNROLL
		for (int s = 0; s < split; s++) {
			__m512 input = pair_broadcast(x + (p + s) * 2);

			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[s][j] = _mm512_fmadd_ps(
					weights_load(tile, p + s + 1, vecs, j), input, sum[s][j]);
		}
	}
	VEC_UNROLL
	for (int s = 0; s < split - 1; s++) {
		if (p < pairs) {
			__m512 input = pair_broadcast(x + p * 2);

			p++;
			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[s][j] = _mm512_fmadd_ps(
					weights_load(tile, p, vecs, j), input, sum[s][j]);
		}
	}
	if (tile->k % 2) {
		__m512 input = single_broadcast(x + pairs * 2);

		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sum[split - 1][j] = _mm512_fmadd_ps(
				weights_load(tile, pairs + 1, vecs, j), input, sum[split - 1][j]);
	}
	VEC_UNROLL
	for (int j = 0; j < vecs; j++) {
		if (split == 4)
			sum[0][j] = _mm512_add_ps(_mm512_add_ps(sum[0][j], sum[1][j]),
				_mm512_add_ps(sum[2][j], sum[3][j]));
		else if (split == 2)
			sum[0][j] = _mm512_add_ps(sum[0][j], sum[1][j]);
	}
	pairs_store(tile, tile->y, sum[0], vecs);
}

static void row_chunk(const struct tile *tile, uint32_t vecs)
{
	switch (vecs) {
	case 1:
		row_run(tile, 1, 4);
		break;
	case 2:
		row_run(tile, 2, 4);
		break;
	case 4:
		row_run(tile, 4, 2);
		break;
	case 6:
		row_run(tile, 6, 2);
		break;
	default:
		row_run(tile, 8, 1);
		break;
	}
	dense_finish(tile->act, 1, tile->columns, tile->y, tile->ldy);
}

// Up to 14 rows x one panel (two vectors, or one).
VEC_INLINE void tile_run(const struct tile *tile, const int rows, const int vecs)
{
	const uint32_t pairs = tile->k / 2;
	const float *x = tile->x;
	const size_t ldx = tile->ldx;
	__m512 sum[14][2];

	VEC_UNROLL
	for (int i = 0; i < rows; i++) {
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sum[i][j] = weights_load(tile, 0, vecs, j);
	}
	for (uint32_t p = 0; p < pairs; p++) {
		__m512 weights[2];

		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			weights[j] = weights_load(tile, p + 1, vecs, j);
		VEC_UNROLL
		for (int i = 0; i < rows; i++) {
			__m512 input = pair_broadcast(x + (size_t)i * ldx + p * 2);

			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[i][j] = _mm512_fmadd_ps(input, weights[j], sum[i][j]);
		}
	}
	if (tile->k % 2) {
		VEC_UNROLL
		for (int i = 0; i < rows; i++) {
			__m512 input = single_broadcast(x + (size_t)i * ldx + pairs * 2);

			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[i][j] = _mm512_fmadd_ps(
					input, weights_load(tile, pairs + 1, vecs, j), sum[i][j]);
		}
	}
	VEC_UNROLL
	for (int i = 0; i < rows; i++)
		pairs_store(tile, tile->y + (size_t)i * tile->ldy, sum[i], vecs);
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
		tile_run(tile, rows, vecs);                                                        \
	}
#define ENTRY(rows, vecs) tile_##rows##x##vecs,
TILES(TILE, 1)
TILES(TILE, 2)
static void (*const TILE_OF[])(const struct tile *tile) = { TILES(ENTRY, 1) TILES(ENTRY, 2) };
#define ROWS_MAX 14

static struct tile tile_first(
	const struct dense *dense, const float *x, size_t ldx, float *y, size_t ldy)
{
	assert(dense->k > 0 && dense->n > 0 && ldx >= dense->k && ldy >= dense->n);
	return (struct tile){
		.x = x,
		.ldx = ldx,
		.y = y,
		.ldy = ldy,
		.panel = dense->packed,
		.panel_stride = (((size_t)dense->k + 1) / 2 + 1) * 32,
		.k = dense->k,
		.act = &dense->act,
	};
}

// Of `left` columns from here: how many belong to a chunk of at most `max`, and its vectors. A last
// panel of one vector has a layout of its own, so it is a chunk by itself.
static uint32_t chunk_columns(uint32_t left, uint32_t max, uint32_t *vecs)
{
	uint32_t columns = left < max ? left : max;

	if (columns > 16 && columns % 16 >= 1 && columns % 16 <= 8)
		columns -= columns % 16;
	*vecs = columns <= 8 ? 1 : (columns + 15) / 16 * 2;
	return columns;
}

void f32_dense_1x64k2__avx512(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	struct tile tile = tile_first(dense, x, ldx, y, ldy);

	// Field by field: a copy of the struct would wait for its own stores.
	for (uint32_t row = 0; row < m; row++) {
		tile.x = x + row * ldx;
		tile.y = y + row * ldy;
		tile.panel = dense->packed;
		for (uint32_t column = 0; column < dense->n; column += tile.columns) {
			uint32_t vecs;

			tile.columns = chunk_columns(dense->n - column, 64, &vecs);
			row_chunk(&tile, vecs);
			tile.panel += vecs / 2 * tile.panel_stride;
			tile.y += tile.columns;
		}
	}
}

void f32_dense_14x16k2__avx512(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	struct tile tile = tile_first(dense, x, ldx, y, ldy);

	for (uint32_t column = 0; column < dense->n; column += tile.columns) {
		uint32_t vecs;

		tile.columns = chunk_columns(dense->n - column, 16, &vecs);
		for (uint32_t row = 0; row < m;) {
			uint32_t rows = m - row < ROWS_MAX ? m - row : ROWS_MAX;

			tile.x = x + row * ldx;
			tile.y = y + row * ldy + column;
			TILE_OF[(vecs - 1) * ROWS_MAX + rows - 1](&tile);
			row += rows;
		}
		tile.panel += vecs / 2 * tile.panel_stride;
	}
}
