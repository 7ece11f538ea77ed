// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "infer/kernels/product/product.h"
#include "infer/kernels/vec/vec.h"

#include <assert.h>

#ifdef VEC_WIDTH

#define PRODUCT_ROWS 4
#define PRODUCT_VECS 2

// `rows` rows x up to two vectors of columns.
VEC_INLINE void product_tile(const struct product *p, const float *a, const float *b, float *y,
	uint32_t columns, const int rows, const int vecs)
{
	const vec_mask last = vec_first(columns - (uint32_t)(vecs - 1) * VEC_WIDTH);
	vec sum[PRODUCT_ROWS][PRODUCT_VECS];

	VEC_UNROLL
	for (int i = 0; i < rows; i++) {
		VEC_UNROLL
		for (int j = 0; j < vecs; j++)
			sum[i][j] = vec_set1(0.0f);
	}
	for (uint32_t l = 0; l < p->k; l++, a += p->a_column, b += p->b_row) {
		vec w[PRODUCT_VECS];

		w[vecs - 1] = vec_load_mask(b + (vecs - 1) * VEC_WIDTH, last);
		if (vecs > 1)
			w[0] = vec_load(b);
		VEC_UNROLL
		for (int i = 0; i < rows; i++) {
			const vec x = vec_set1(a[(size_t)i * p->a_row]);

			VEC_UNROLL
			for (int j = 0; j < vecs; j++)
				sum[i][j] = vec_fma(x, w[j], sum[i][j]);
		}
	}
	VEC_UNROLL
	for (int i = 0; i < rows; i++, y += p->n) {
		if (vecs > 1)
			vec_store(y, sum[i][0]);
		vec_store_mask(y + (vecs - 1) * VEC_WIDTH, last, sum[i][vecs - 1]);
	}
}

VEC_INLINE void product_rows(const struct product *p, const float *a, const float *b, float *y,
	uint32_t columns, const int vecs)
{
	uint32_t i = 0;

	for (; i + PRODUCT_ROWS <= p->m; i += PRODUCT_ROWS)
		product_tile(
			p, a + i * p->a_row, b, y + (size_t)i * p->n, columns, PRODUCT_ROWS, vecs);
	for (; i < p->m; i++)
		product_tile(p, a + i * p->a_row, b, y + (size_t)i * p->n, columns, 1, vecs);
}

void VEC_NAME(f32_product)(const struct product *p, const float *a, const float *b, float *y)
{
	assert(p->m > 0 && p->k > 0 && p->n > 0 && p->b_column == 1);
	for (uint32_t column = 0; column < p->n; column += PRODUCT_VECS * VEC_WIDTH) {
		const uint32_t left = p->n - column;

		if (left <= VEC_WIDTH)
			product_rows(p, a, b + column, y + column, left, 1);
		else
			product_rows(p, a, b + column, y + column,
				left < PRODUCT_VECS * VEC_WIDTH ? left : PRODUCT_VECS * VEC_WIDTH,
				PRODUCT_VECS);
	}
}

#endif
