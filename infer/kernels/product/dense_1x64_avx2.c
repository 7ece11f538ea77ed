// SPDX-License-Identifier: BSD-3-Clause
// One row x 64 columns: 8 sums, which hide the latency of their own additions.
#include "infer/kernels/product/dense.h"
#include "infer/kernels/product/dense_tile_vec.h"

// Up to 16 columns: the inputs go to four sets of accumulators in rotation, so that an addition
// does not wait for the one before.
VEC_INLINE void dense_narrow_run(const struct dense_tile *tile, const int vecs)
{
	const float *x = tile->x, *w = tile->panel;
	vec sum[4][2];
	uint32_t p = 0;

	VEC_UNROLL
	for (int j = 0; j < vecs; j++) {
		sum[0][j] = dense_weights(w, 0, j);
		sum[1][j] = sum[2][j] = sum[3][j] = vec_set1(0.0f);
	}
	for (; p + 4 <= tile->k; p += 4) {
		VEC_UNROLL
		for (int s = 0; s < 4; s++) {
			vec input = vec_set1(x[p + s]);

			w += 16;
			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[s][j] = vec_fma(input, dense_weights(w, 0, j), sum[s][j]);
		}
	}
	for (; p < tile->k; p++) {
		vec input = vec_set1(x[p]);

		w += 16;
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sum[0][j] = vec_fma(input, dense_weights(w, 0, j), sum[0][j]);
	}
	VEC_UNROLL
	for (int j = 0; j < vecs; j++)
		sum[0][j] = vec_add(vec_add(sum[0][j], sum[1][j]), vec_add(sum[2][j], sum[3][j]));
	dense_store(tile->act, tile->y, sum[0], vecs, tile->columns);
	dense_finish(tile->act, 1, tile->columns, tile->y, tile->ldy);
}

static void dense_narrow1(const struct dense_tile *tile)
{
	dense_narrow_run(tile, 1);
}

static void dense_narrow2(const struct dense_tile *tile)
{
	dense_narrow_run(tile, 2);
}

DENSE_TILE_FN(3, 1)
DENSE_TILE_FN(4, 1)
DENSE_TILE_FN(5, 1)
DENSE_TILE_FN(6, 1)
DENSE_TILE_FN(7, 1)
DENSE_TILE_FN(8, 1)

static dense_tile_fn *const TILES[] = { dense_narrow1, dense_narrow2,
	DENSE_TILE_ENTRY(3, 1) DENSE_TILE_ENTRY(4, 1) DENSE_TILE_ENTRY(5, 1) DENSE_TILE_ENTRY(6, 1)
		DENSE_TILE_ENTRY(7, 1) DENSE_TILE_ENTRY(8, 1) };

void f32_dense_1x64__avx2(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	dense_tiles_run(dense, TILES, 1, 8, m, x, ldx, y, ldy);
}
