// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/kernels.h"
#include "infer/kernels/norm/softmax.h"

#include <assert.h>
#include <math.h>

// Over n values `step` apart. The largest is subtracted first, so that nothing overflows.
static void softmax_one(uint32_t n, size_t step, bool log, const float *x, float *y)
{
	float max = x[0], sum = 0.0f, factor;

	for (uint32_t i = 1; i < n; i++)
		max = x[i * step] > max ? x[i * step] : max;
	for (uint32_t i = 0; i < n; i++)
		sum += expf(x[i * step] - max);
	factor = log ? logf(sum) : 1.0f / sum;
	for (uint32_t i = 0; i < n; i++) {
		float below = x[i * step] - max;

		y[i * step] = log ? below - factor : expf(below) * factor;
	}
}

void f32_softmax__scalar(const struct softmax *softmax, uint32_t m, const float *x, float *y)
{
	size_t block = (size_t)softmax->n * softmax->inner;

	assert(softmax->n > 0 && softmax->inner > 0);
	for (uint32_t row = 0; row < m; row++, x += block, y += block)
		for (uint32_t i = 0; i < softmax->inner; i++)
			softmax_one(softmax->n, softmax->inner, softmax->log, x + i, y + i);
}
