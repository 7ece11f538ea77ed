// SPDX-License-Identifier: BSD-3-Clause
// y[m] from rows of n contiguous values: global pools, reductions of the last dimensions. The
// contract is kernels.h's; the largest of a row with NaN is NaN, as in NumPy and PyTorch.
#pragma once

#include "infer/kernels/kernels.h"

enum reduction { REDUCTION_SUM, REDUCTION_MEAN, REDUCTION_MAX, REDUCTION_COUNT };

// n >= 1
typedef void reduce_rows_fn(
	enum reduction reduction, uint32_t m, uint32_t n, const float *x, float *y);
#define REDUCE_ROWS_LIST(X)                                                                        \
	X(f32_reduce_rows__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_reduce_rows)
#define X(name, isa) reduce_rows_fn name;
REDUCE_ROWS_LIST(X)
#undef X
KERNEL_FAMILY(reduce_rows, REDUCE_ROWS)
