// SPDX-License-Identifier: BSD-3-Clause
// Direct convolution with a stride of 1 along the last dimension: vectors of neighbouring places,
// one broadcast weight for each, `block` output channels side by side. The contract is kernels.h's.
#pragma once

#include "infer/kernels/elementwise/activation.h"
#include "infer/kernels/kernels.h"

struct conv_rows {
	uint32_t groups, in, out; // channels of a group
	uint32_t room[3];         // x is [groups * in][room...], the padding in it
	uint32_t places[3];       // y is [groups * out][places...]
	uint32_t kernel[3], stride[2], dilation[3];
	// [groups][blocks of output channels][in][kernel...][block], and [groups * out]
	const float *weights, *bias; // bias NULL: 0
	struct act act;
};

typedef void conv_rows_fn(const struct conv_rows *conv, const float *x, float *y);
X86(conv_rows_fn f32_conv_rows__avx2, f32_conv_rows__avx512;)
ARM(conv_rows_fn f32_conv_rows__neon;)

#define CONV_ROWS_BLOCK_AVX2   4 // and NEON
#define CONV_ROWS_BLOCK_AVX512 8
