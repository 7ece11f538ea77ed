// SPDX-License-Identifier: BSD-3-Clause
// PRelu. The contract is kernels.h's.
#pragma once

#include "infer/kernels/kernels.h"

// y = x < 0 ? x * slope[c] : x. In place allowed.
struct prelu {
	const float *slope; // [columns]
	uint32_t columns;
};
typedef void prelu_fn(const struct prelu *prelu, uint32_t m, const float *x, float *y);
#define PRELU_LIST(X) X(f32_prelu__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_prelu)
#define X(name, isa)  prelu_fn name;
PRELU_LIST(X)
#undef X
KERNEL_FAMILY(prelu, PRELU)
