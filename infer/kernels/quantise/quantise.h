// SPDX-License-Identifier: BSD-3-Clause
// Floats to 8 bits, by a given or a found scale, and back. The contract is kernels.h's.
#pragma once

#include "infer/kernels/kernels.h"

// y[i] = saturate(roundeven(x[i] / scale) + zero), NaN becomes 0: QuantizeLinear by one scale, to
// u8 or i8. The quotient is the division's, bit by bit.
struct quantise {
	float scale;
	int32_t zero;
	bool is_signed;
};
typedef void quantise_fn(const struct quantise *quantise, size_t count, const float *x, uint8_t *y);
#define QUANTISE_LIST(X) X(f32_quantise__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_quantise)
#define X(name, isa)     quantise_fn name;
QUANTISE_LIST(X)
#undef X
KERNEL_FAMILY(quantise, QUANTISE)

// DynamicQuantizeLinear of m rows of k values. y is u8; each row has its own zero point and its own
// scale, (high - low) / 255, where low to high is its range and always includes 0. NaN is not part
// of the range and becomes 0; a row of zeros has scale 1.
typedef void dynamic_quantise_fn(
	uint32_t m, uint32_t k, const float *x, uint8_t *y, float *scale, uint8_t *zero);
#define DYNAMIC_QUANTISE_LIST(X)                                                                   \
	X(f32_dynamic_quantise__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_dynamic_quantise)
#define X(name, isa) dynamic_quantise_fn name;
DYNAMIC_QUANTISE_LIST(X)
#undef X
KERNEL_FAMILY(dynamic_quantise, DYNAMIC_QUANTISE)

// y[i] = (float)(x[i] - zero) * scale: DequantizeLinear by one scale, of u8 or i8.
typedef void dequantise_fn(
	const struct quantise *quantise, size_t count, const uint8_t *x, float *y);
#define DEQUANTISE_LIST(X)                                                                         \
	X(f32_dequantise__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_dequantise)
#define X(name, isa) dequantise_fn name;
DEQUANTISE_LIST(X)
#undef X
KERNEL_FAMILY(dequantise, DEQUANTISE)
