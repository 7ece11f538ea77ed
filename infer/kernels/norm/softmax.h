// SPDX-License-Identifier: BSD-3-Clause
// Softmax and LogSoftmax. The contract is kernels.h's.
#pragma once

#include "infer/kernels/kernels.h"

// Over n values that are `inner` apart: x and y are [m][n][inner]; inner is 1 for the last axis
// (m counts outer dimensions too). In place allowed. A row with NaN or +inf gives NaN.
struct softmax {
	uint32_t n, inner; // both >= 1
	bool log;          // LogSoftmax
};
typedef void softmax_fn(const struct softmax *softmax, uint32_t m, const float *x, float *y);
#define SOFTMAX_LIST(X) X(f32_softmax__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_softmax)
#define X(name, isa)    softmax_fn name;
SOFTMAX_LIST(X)
#undef X
KERNEL_FAMILY(softmax, SOFTMAX)
