// SPDX-License-Identifier: BSD-3-Clause
// MaxPool and AveragePool of one image, whose windows all lie inside of it. The contract is
// kernels.h's; the largest of a window with NaN is NaN, as in PyTorch.
#pragma once

#include "infer/kernels/kernels.h"

struct pool {
	uint32_t taps;      // values of a window, >= 1
	const uint32_t *at; // [taps] where they are, in values from the window's first
	uint32_t positions[3];
	size_t x_step[3];  // values of x from position to position along each dimension
	uint32_t channels; // of a position of y: [positions...][channels]
	bool average;      // of floats: the mean, or else the largest
	bool is_signed;    // of bytes
};

typedef void pool_fn(const struct pool *pool, const float *x, float *y);
typedef void q8_max_pool_fn(const struct pool *pool, const uint8_t *x, uint8_t *y);
typedef pool_fn pool_line_fn, pool_nhwc_fn;

#define POOL_LINE_STRIDE_MAX 2
// Kernels of one channel: `channels` is 1. The vector one takes an x_step[2] up to
// POOL_LINE_STRIDE_MAX.
#define POOL_LINE_LIST(X)                                                                          \
	X(f32_pool__scalar, ISA_SCALAR)                                                            \
	X86(X(f32_pool_line__avx512, ISA_AVX512))
// Kernels of images that are channels last.
#define POOL_NHWC_LIST(X) X(f32_pool__scalar, ISA_SCALAR) KERNEL_VECTOR_LIST(X, f32_pool_nhwc)
// MaxPool of bytes. The one in the compiler's own vectors runs on any CPU.
#define Q8_MAX_POOL_LIST(X)                                                                        \
	X(q8_max_pool__scalar, ISA_SCALAR)                                                         \
	X(q8_max_pool__vector, ISA_SCALAR)

#define X(name, isa) pool_fn name;
POOL_LINE_LIST(X)
KERNEL_VECTOR_LIST(X, f32_pool_nhwc)
#undef X
#define X(name, isa) q8_max_pool_fn name;
Q8_MAX_POOL_LIST(X)
#undef X
KERNEL_FAMILY(pool_line, POOL_LINE)
KERNEL_FAMILY(pool_nhwc, POOL_NHWC)
KERNEL_FAMILY(q8_max_pool, Q8_MAX_POOL)
