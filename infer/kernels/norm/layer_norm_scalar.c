// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/kernels.h"
#include "infer/kernels/norm/layer_norm.h"

#include <assert.h>
#include <math.h>

// Two passes (mean, then squared distances from it): no cancellation.
void f32_layer_norm__scalar(const struct layer_norm *layer_norm, uint32_t m, const float *x,
	float *y, float *mean, float *inv_std)
{
	uint32_t n = layer_norm->n;

	assert(n > 0);
	for (uint32_t row = 0; row < m; row++, x += n, y += n) {
		float sum = 0.0f, squares = 0.0f, centre, inverse;

		for (uint32_t i = 0; i < n; i++)
			sum += x[i];
		centre = sum / (float)n;
		for (uint32_t i = 0; i < n; i++)
			squares += (x[i] - centre) * (x[i] - centre);
		inverse = 1.0f / sqrtf(squares / (float)n + layer_norm->epsilon);
		for (uint32_t i = 0; i < n; i++)
			y[i] = (x[i] - centre) * inverse * layer_norm->scale[i] +
				(layer_norm->bias ? layer_norm->bias[i] : 0.0f);
		if (mean)
			mean[row] = centre;
		if (inv_std)
			inv_std[row] = inverse;
	}
}

KERNEL_TABLE_DEFINE(layer_norm, LAYER_NORM, KERNEL_ENTRY)
