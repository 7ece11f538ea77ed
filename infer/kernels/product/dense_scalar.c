// SPDX-License-Identifier: BSD-3-Clause
// The dense layer as its formula says: the truth for the other variants.
#include "infer/kernels/elementwise/activation.h"

#include <assert.h>

void f32_dense_1x1__scalar(
	const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const float *bias = dense->packed;
	const float *w = bias + dense->n; // [k][n]

	assert(dense->k > 0 && dense->n > 0 && ldx >= dense->k && ldy >= dense->n);
	for (uint32_t row = 0; row < m; row++, x += ldx, y += ldy) {
		for (uint32_t column = 0; column < dense->n; column++) {
			float sum = bias[column];

			for (uint32_t i = 0; i < dense->k; i++)
				sum += x[i] * w[(size_t)i * dense->n + column];
			y[column] = activation_scalar(&dense->act, sum);
		}
	}
}
