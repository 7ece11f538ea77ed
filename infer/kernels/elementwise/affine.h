// SPDX-License-Identifier: BSD-3-Clause
// Scale and shift. The contract is kernels.h's.
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"

// y[m][columns] = act(x * scale[c] + shift[c]). In place allowed. Also batch normalisation:
// scale = gamma / sqrt(variance + epsilon), shift = beta - mean * scale.
struct affine {
	const float *scale, *shift; // [columns]
	uint32_t columns;
	struct act act;
};
typedef void affine_fn(const struct affine *affine, uint32_t m, const float *x, float *y);
#define AFFINE_LIST(X) X(f32_affine__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_affine)
#define X(name, isa)   affine_fn name;
AFFINE_LIST(X)
#undef X
KERNEL_FAMILY(affine, AFFINE)
