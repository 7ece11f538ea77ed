// SPDX-License-Identifier: BSD-3-Clause
#include "infer/graph/act.h"
#include "infer/kernels/elementwise/activate.h"

void f32_activate__scalar(const struct act *act, size_t count, const float *x, float *y)
{
	for (size_t i = 0; i < count; i++)
		y[i] = act_f32(act, x[i]);
}

KERNEL_TABLE_DEFINE(activate, ACTIVATE, KERNEL_ENTRY)
