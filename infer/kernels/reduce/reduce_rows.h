// SPDX-License-Identifier: BSD-3-Clause
// y[m] from rows of n values beside each other: global pools, reductions of the last dimensions.
// The contract is kernels.h's; the largest of a row with NaN is NaN or another of its values.
#pragma once

#include "infer/kernels/kernels.h"

enum reduction { REDUCTION_SUM, REDUCTION_MEAN, REDUCTION_MAX, REDUCTION_COUNT };

// n >= 1
typedef void reduce_rows_fn(
	enum reduction reduction, uint32_t m, uint32_t n, const float *x, float *y);
X86(reduce_rows_fn f32_reduce_rows__avx2, f32_reduce_rows__avx512;)
ARM(reduce_rows_fn f32_reduce_rows__neon;)
