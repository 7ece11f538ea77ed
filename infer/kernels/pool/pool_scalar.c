// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/pool/pool.h"

#include <assert.h>

// NaN where one of them is.
static inline float pool_larger(float a, float b)
{
	return b > a || b != b ? b : a;
}

// n values of y, whose windows begin at x and then every `stride` values.
static void pool_values(
	const struct pool *pool, const float *x, uint32_t n, size_t stride, float *restrict y)
{
	for (uint32_t t = 0; t < pool->taps; t++) {
		const float *from = x + pool->at[t];

		if (t == 0) {
			for (uint32_t i = 0; i < n; i++)
				y[i] = from[i * stride];
		} else if (pool->average) {
			for (uint32_t i = 0; i < n; i++)
				y[i] += from[i * stride];
		} else {
			for (uint32_t i = 0; i < n; i++)
				y[i] = pool_larger(y[i], from[i * stride]);
		}
	}
	for (uint32_t i = 0; i < n && pool->average; i++)
		y[i] /= (float)pool->taps;
}

void f32_pool__scalar(const struct pool *pool, const float *x, float *y)
{
	const uint32_t *n = pool->positions, lines = n[0] * n[1], channels = pool->channels;

	assert(pool->taps > 0);
	for (uint32_t l = 0; l < lines; l++, y += (size_t)n[2] * channels) {
		const float *line = x + l / n[1] * pool->x_step[0] + l % n[1] * pool->x_step[1];

		if (channels == 1) {
			pool_values(pool, line, n[2], pool->x_step[2], y);
			continue;
		}
		for (uint32_t i = 0; i < n[2]; i++, line += pool->x_step[2])
			pool_values(pool, line, channels, 1, y + (size_t)i * channels);
	}
}

KERNEL_TABLE_DEFINE(pool_line, POOL_LINE, KERNEL_ENTRY)
KERNEL_TABLE_DEFINE(pool_nhwc, POOL_NHWC, KERNEL_ENTRY)
