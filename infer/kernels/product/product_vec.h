// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/product/product.h"
#include "infer/kernels/vec/vec.h"

#include <assert.h>

#ifdef VEC_WIDTH

// The tile's sums, and the vectors that are multiplied, fill the registers: 32, or AVX2's 16.
#define PRODUCT_ROWS (VEC_WIDTH == 8 ? 6 : 8)
#define PRODUCT_VECS (VEC_WIDTH == 8 ? 2 : 3)

// Where a tile lies: its first row and column.
struct product_at {
	uint32_t i, j;
};

VEC_INLINE void product_begin(const struct product *p, struct product_at at, vec_mask last,
	vec sum[][PRODUCT_VECS], const int rows, const int vecs)
{
	const float *from = p->added ? p->added + at.i * p->added_row + at.j : NULL;

	VEC_UNROLL
	for (int i = 0; i < rows; i++) {
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sum[i][j] = vec_set1(0.0f);
	}
	if (!from)
		return;
	VEC_UNROLL
	for (int i = 0; i < rows; i++, from += p->added_row) {
		VEC_UNROLL
		for (int j = 0; j < vecs - 1; j++)
			sum[i][j] = vec_load(from + j * VEC_WIDTH);
		sum[i][vecs - 1] = vec_load_mask(from + (vecs - 1) * VEC_WIDTH, last);
	}
}

// `rows` rows x up to `vecs` vectors of columns, of which the last one may be partial.
VEC_INLINE void product_tile(const struct product *p, const float *a, const float *b, float *y,
	struct product_at at, uint32_t columns, const int rows, const int vecs)
{
	const vec_mask last = vec_first(columns - (uint32_t)(vecs - 1) * VEC_WIDTH);
	vec sum[PRODUCT_ROWS][PRODUCT_VECS];

	product_begin(p, at, last, sum, rows, vecs);
	a += at.i * p->a_row;
	b += at.j;
	for (uint32_t l = 0; l < p->k; l++, a += p->a_column, b += p->b_row) {
		vec w[PRODUCT_VECS];

		w[vecs - 1] = vec_load_mask(b + (vecs - 1) * VEC_WIDTH, last);
		VEC_UNROLL
		for (int j = 0; j < vecs - 1; j++)
			w[j] = vec_load(b + j * VEC_WIDTH);
		VEC_UNROLL
		for (int i = 0; i < rows; i++) {
			const vec x = vec_set1(a[(size_t)i * p->a_row]);

			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[i][j] = vec_fma(x, w[j], sum[i][j]);
		}
	}
	y += (size_t)at.i * p->n + at.j;
	VEC_UNROLL
	for (int i = 0; i < rows; i++, y += p->n) {
		VEC_UNROLL
		for (int j = 0; j < vecs - 1; j++)
			vec_store(y + j * VEC_WIDTH, sum[i][j]);
		vec_store_mask(y + (vecs - 1) * VEC_WIDTH, last, sum[i][vecs - 1]);
	}
}

// As many tiles of `rows` rows as there are from at.i on; returns what follows them.
VEC_INLINE struct product_at product_tiles(const struct product *p, const float *a, const float *b,
	float *y, struct product_at at, uint32_t columns, const int rows, const int vecs)
{
	for (; at.i + (uint32_t)rows <= p->m; at.i += (uint32_t)rows)
		product_tile(p, a, b, y, at, columns, rows, vecs);
	return at;
}

VEC_INLINE void product_columns(const struct product *p, const float *a, const float *b, float *y,
	uint32_t column, uint32_t columns, const int vecs)
{
	struct product_at at = { 0, column };

	at = product_tiles(p, a, b, y, at, columns, PRODUCT_ROWS, vecs);
	at = product_tiles(p, a, b, y, at, columns, 4, vecs);
	at = product_tiles(p, a, b, y, at, columns, 2, vecs);
	product_tiles(p, a, b, y, at, columns, 1, vecs);
}

void VEC_NAME(f32_product)(const struct product *p, const float *a, const float *b, float *y)
{
	assert(p->m > 0 && p->k > 0 && p->n > 0 && p->b_column == 1);
	for (uint32_t column = 0; column < p->n; column += PRODUCT_VECS * VEC_WIDTH) {
		const uint32_t left = p->n - column;

		if (left <= VEC_WIDTH)
			product_columns(p, a, b, y, column, left, 1);
		else if (left <= 2 * VEC_WIDTH)
			product_columns(p, a, b, y, column, left, 2);
		else
			product_columns(p, a, b, y, column,
				left < PRODUCT_VECS * VEC_WIDTH ? left : PRODUCT_VECS * VEC_WIDTH,
				PRODUCT_VECS);
	}
}

#endif
