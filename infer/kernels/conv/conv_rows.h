// SPDX-License-Identifier: BSD-3-Clause
// Direct convolution with a stride of 1 along the last dimension, channels first: vectors of
// neighbouring output positions, each weight broadcast to a vector, `block` output channels at
// once. The contract is kernels.h's.
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"

struct conv_rows {
	uint32_t groups, in, out; // channels of a group
	uint32_t padded[3];       // x is [groups * in][padded...], an image in its padding buffer
	uint32_t positions[3];    // y is [groups * out][positions...]
	uint32_t kernel[3], stride[2], dilation[3];
	// As conv_rows_pack() writes them, and [groups * out].
	const float *weights, *bias; // bias NULL: 0
	struct act act;
};

// One image.
typedef void conv_rows_fn(const struct conv_rows *conv, const float *x, float *y);
struct conv_rows_kernel {
	const char *name;
	unsigned isa;
	uint32_t block;
	conv_rows_fn *run;
};
#define CONV_ROWS_BLOCK_AVX2   4 // and NEON
#define CONV_ROWS_BLOCK_AVX512 8
// X(function, isa, block)
#define CONV_ROWS_LIST(X)                                                                          \
	X(f32_conv_rows__scalar, ISA_SCALAR, 1)                                                    \
	X86(X(f32_conv_rows__avx2, ISA_AVX2, CONV_ROWS_BLOCK_AVX2)                                 \
			X(f32_conv_rows__avx512, ISA_AVX512, CONV_ROWS_BLOCK_AVX512))              \
	ARM(X(f32_conv_rows__neon, ISA_NEON, CONV_ROWS_BLOCK_AVX2))
#define X(name, isa, block) conv_rows_fn name;
CONV_ROWS_LIST(X)
#undef X
KERNEL_TABLE(conv_rows, CONV_ROWS)

size_t conv_rows_packed_bytes(const struct conv_rows *conv, uint32_t block);
// Packs w [groups * out][in][kernel...] as [groups][blocks of output
// channels][in][kernel...][block], with 0 for the channels that the last block of a group lacks.
void conv_rows_pack(const struct conv_rows *conv, uint32_t block, const float *w, float *packed);
