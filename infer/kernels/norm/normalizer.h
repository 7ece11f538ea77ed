// SPDX-License-Identifier: BSD-3-Clause
// ai.onnx.ml's Normalizer. The contract is kernels.h's.
#pragma once

#include "infer/graph/ops.h"
#include "infer/kernels/kernels.h"

// Over rows of n. In place allowed.
struct normalizer {
	enum norm norm;
	uint32_t n; // >= 1
};
typedef void normalizer_fn(
	const struct normalizer *normalizer, uint32_t m, const float *x, float *y);
#define NORMALIZER_LIST(X)                                                                         \
	X(f32_normalizer__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_normalizer)
#define X(name, isa) normalizer_fn name;
NORMALIZER_LIST(X)
#undef X
KERNEL_FAMILY(normalizer, NORMALIZER)
