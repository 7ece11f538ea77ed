// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/act.h"
#include "infer/kernels/elementwise/affine.h"

void f32_affine__scalar(const struct affine *affine, uint32_t m, const float *x, float *y)
{
	for (uint32_t row = 0; row < m; row++, x += affine->columns, y += affine->columns)
		for (uint32_t c = 0; c < affine->columns; c++)
			y[c] = act_f32(&affine->act, x[c] * affine->scale[c] + affine->shift[c]);
}

KERNEL_TABLE_DEFINE(affine, AFFINE, KERNEL_ENTRY)
