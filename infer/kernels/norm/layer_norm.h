// SPDX-License-Identifier: BSD-3-Clause
// LayerNormalization. The contract is kernels.h's.
#pragma once

#include "infer/kernels/kernels.h"

// y = (x - mean) / sqrt(variance + epsilon) * scale[c] + bias[c] over rows of n; m counts outer
// dimensions too. In place allowed. mean and inv_std [m] are written where not NULL.
struct layer_norm {
	const float *scale; // [n]
	const float *bias;  // [n], NULL: 0
	uint32_t n;         // >= 1
	float epsilon;
};
typedef void layer_norm_fn(const struct layer_norm *layer_norm, uint32_t m, const float *x,
	float *y, float *mean, float *inv_std);
#define LAYER_NORM_LIST(X)                                                                         \
	X(f32_layer_norm__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_layer_norm)
#define X(name, isa) layer_norm_fn name;
LAYER_NORM_LIST(X)
#undef X
KERNEL_FAMILY(layer_norm, LAYER_NORM)
