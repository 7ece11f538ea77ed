// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/elementwise/prelu.h"
#include "infer/kernels/kernels.h"

void f32_prelu__scalar(const struct prelu *prelu, uint32_t m, const float *x, float *y)
{
	for (uint32_t row = 0; row < m; row++, x += prelu->columns, y += prelu->columns)
		for (uint32_t c = 0; c < prelu->columns; c++)
			y[c] = x[c] < 0.0f ? x[c] * prelu->slope[c] : x[c];
}

KERNEL_TABLE_DEFINE(prelu, PRELU, KERNEL_ENTRY)
