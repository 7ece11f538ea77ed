// SPDX-License-Identifier: BSD-3-Clause
// As onnxruntime computes it: MAX divides by the largest value (not by the largest magnitude), L1
// by the sum of magnitudes, L2 by the root of the sum of squares; a norm of 0 leaves the row as it
// is.
#include "infer/kernels/kernels.h"
#include "infer/kernels/norm/normalizer.h"

#include <assert.h>
#include <float.h>
#include <math.h>

static float normalizer_norm_scalar(enum norm norm, uint32_t n, const float *x)
{
	float total = norm == NORM_MAX ? -FLT_MAX : 0.0f;

	for (uint32_t i = 0; i < n; i++) {
		if (norm == NORM_MAX)
			total = x[i] > total ? x[i] : total;
		else
			total += norm == NORM_L1 ? fabsf(x[i]) : x[i] * x[i];
	}
	return norm == NORM_L2 ? sqrtf(total) : total;
}

void f32_normalizer__scalar(
	const struct normalizer *normalizer, uint32_t m, const float *x, float *y)
{
	uint32_t n = normalizer->n;

	assert(n > 0 && normalizer->norm < NORM_COUNT);
	for (uint32_t row = 0; row < m; row++, x += n, y += n) {
		float norm = normalizer_norm_scalar(normalizer->norm, n, x);

		for (uint32_t i = 0; i < n; i++)
			y[i] = norm != 0.0f ? x[i] / norm : x[i];
	}
}

KERNEL_TABLE_DEFINE(normalizer, NORMALIZER, KERNEL_ENTRY)
