// SPDX-License-Identifier: BSD-3-Clause
// Tiles of up to 16 columns that stand alone: the last of a layer, where the chunks of 64 before it
// are whole. One row of them has too few sums to hide the latency of its additions, so inputs go to
// four sets of accumulators in rotation,
//
//	((b + x0 w0 + x4 w4 ...) + (x1 w1 + x5 w5 ...)) + ((x2 w2 ...) + (x3 w3 ...))
//
// with what is left of k behind the fours in the first of them. Up to three rows add in the same order,
// two or four sets at a time, so that a row's result does not depend on how many others there are.
#pragma once

#include "infer/kernels/product/dense_tile_vec.h"

#ifdef VEC_WIDTH

#define DENSE_SETS       4
#define DENSE_SPLIT_ROWS 3

// Adds the inputs of sets `first` to `first + sets - 1`. sum: [sets * rows][vecs].
VEC_INLINE void dense_split_add(const struct dense_tile *tile, vec sum[][2], const int first,
	const int sets, const int rows, const int vecs)
{
	const uint32_t whole = tile->k - tile->k % DENSE_SETS;
	const float *w = tile->panel + 16 * (size_t)(1 + first), *x = tile->x + first;

	for (uint32_t p = 0; p < whole; p += DENSE_SETS, x += DENSE_SETS, w += 16 * DENSE_SETS) {
		VEC_UNROLL
		for (int s = 0; s < sets; s++) {
			VEC_UNROLL
			for (int i = 0; i < rows; i++) {
				vec input = vec_set1(x[(size_t)i * tile->ldx + s]);

				VEC_UNROLL
				for (int j = 0; j < vecs; j++)
					sum[s * rows + i][j] =
						vec_fma(input, dense_weights(w + 16 * s, 0, j),
							sum[s * rows + i][j]);
			}
		}
	}
}

// What is behind the fours, to the first set.
VEC_INLINE void dense_split_rest(
	const struct dense_tile *tile, vec sum[][2], const int rows, const int vecs)
{
	for (uint32_t p = tile->k - tile->k % DENSE_SETS; p < tile->k; p++) {
		const float *w = tile->panel + 16 * ((size_t)p + 1);

		VEC_UNROLL
		for (int i = 0; i < rows; i++) {
			vec input = vec_set1(tile->x[(size_t)i * tile->ldx + p]);

			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[i][j] = vec_fma(input, dense_weights(w, 0, j), sum[i][j]);
		}
	}
}

VEC_INLINE void dense_split_begin(const struct dense_tile *tile, vec sum[][2], const int first,
	const int count, const int vecs, const int rows)
{
	VEC_UNROLL
	for (int i = 0; i < count; i++) {
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sum[i][j] = first == 0 && i < rows ? dense_weights(tile->panel, 0, j)
							   : vec_set1(0.0f);
	}
}

// sum[to] += sum[from], of a set's rows.
VEC_INLINE void dense_split_join(
	vec sum[][2], const int to, const int from, const int rows, const int vecs)
{
	VEC_UNROLL
	for (int i = 0; i < rows; i++) {
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sum[to * rows + i][j] =
				vec_add(sum[to * rows + i][j], sum[from * rows + i][j]);
	}
}

// `at_once`: sets that have registers at the same time, 2 or 4.
VEC_INLINE void dense_split_run(
	const struct dense_tile *tile, const int rows, const int vecs, const int at_once)
{
	vec sum[DENSE_SETS * DENSE_SPLIT_ROWS][2], low[DENSE_SPLIT_ROWS][2];

	dense_split_begin(tile, sum, 0, at_once * rows, vecs, rows);
	dense_split_add(tile, sum, 0, at_once, rows, vecs);
	dense_split_rest(tile, sum, rows, vecs);
	dense_split_join(sum, 0, 1, rows, vecs);
	if (at_once == 2) {
		VEC_UNROLL
		for (int i = 0; i < rows; i++) {
			low[i][0] = sum[i][0];
			low[i][vecs - 1] = sum[i][vecs - 1];
		}
		dense_split_begin(tile, sum, 2, at_once * rows, vecs, rows);
		dense_split_add(tile, sum, 2, at_once, rows, vecs);
		dense_split_join(sum, 0, 1, rows, vecs);
		VEC_UNROLL
		for (int i = 0; i < rows; i++) {
			sum[i][0] = vec_add(low[i][0], sum[i][0]);
			if (vecs > 1)
				sum[i][1] = vec_add(low[i][1], sum[i][1]);
		}
	} else {
		dense_split_join(sum, 2, 3, rows, vecs);
		dense_split_join(sum, 0, 2, rows, vecs);
	}
	VEC_UNROLL
	for (int i = 0; i < rows; i++)
		dense_store(
			tile->act, tile->y + (size_t)i * tile->ldy, sum[i], vecs, tile->columns);
	dense_finish(tile->act, rows, tile->columns, tile->y, tile->ldy);
}

#define DENSE_SPLIT_FN(vecs, rows, at_once)                                                        \
	static void split_##rows##x##vecs(const struct dense_tile *tile)                           \
	{                                                                                          \
		dense_split_run(tile, rows, vecs, at_once);                                        \
	}
#define DENSE_SPLIT_ENTRY(vecs, rows) split_##rows##x##vecs,

#endif
