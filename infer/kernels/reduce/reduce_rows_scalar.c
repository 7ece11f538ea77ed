// SPDX-License-Identifier: BSD-3-Clause
#include "infer/kernels/reduce/reduce_rows.h"

#include <assert.h>
#include <math.h>

// Sums in double: rows may be long.
static float reduce_row_scalar(enum reduction reduction, uint32_t n, const float *x)
{
	double sum = 0.0;
	float largest = x[0];

	for (uint32_t i = 0; i < n; i++) {
		sum += (double)x[i];
		largest = x[i] > largest || isnan(x[i]) ? x[i] : largest;
	}
	if (reduction == REDUCTION_MAX)
		return largest;
	return (float)(reduction == REDUCTION_MEAN ? sum / n : sum);
}

void f32_reduce_rows__scalar(
	enum reduction reduction, uint32_t m, uint32_t n, const float *x, float *y)
{
	assert(n > 0);
	for (uint32_t r = 0; r < m; r++, x += n)
		y[r] = reduce_row_scalar(reduction, n, x);
}

KERNEL_TABLE_DEFINE(reduce_rows, REDUCE_ROWS, KERNEL_ENTRY)
