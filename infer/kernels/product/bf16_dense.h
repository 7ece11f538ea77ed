// SPDX-License-Identifier: BSD-3-Clause
// Dense layers in bfloat16: y[M,N] = act(round(x[M,K]) * W[K,N] + b[N]), x rounded to bfloat16, W
// bfloat16, b and the sums float32.
//
// One order of additions in all variants, the one of AVX-512's vdpbf16ps (Intel SDM volume 2: the
// odd product of a pair first, each addition rounded to float32; products of bfloat16 are exact):
// of each four inputs the first pair is added to one sum, which begins with the bias, the second
// pair to another, and the two are added in the end. So the variants agree bit by bit before the
// activation, except that sums nearer to 0 than 2^-126 may be 0, and sums that overflow on the way
// may be infinite or NaN in one and not in another. AMX is the exception: it adds 16 even and 16
// odd products separately before it adds them to the sum (SDM, TDPBF16PS), and agrees as closely as
// float32 sums in another order do. Contract otherwise as kernels.h says.
#pragma once

#include "base/align.h"
#include "infer/graph/bf16.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/dense.h"

// x rows are k floats, y rows n, both without gaps. scratch: bf16_dense_scratch_bytes(k) for each
// of the m rows, KERNEL_ALIGN-aligned.
typedef void bf16_dense_fn(
	const struct dense *dense, uint32_t m, const float *x, float *y, void *scratch);

// One packing for all variants: for each 16 columns f32 bias[16], then bf16 [pairs of
// inputs][16][2]. Values beyond n, and beyond k up to a multiple of 32 inputs, are 0. A tile of AMX
// reads 32 inputs; the other kernels read up to a multiple of 4.
#define BF16_PANEL 16
static inline uint32_t bf16_padded(uint32_t k)
{
	return align_up_u32(k, 4);
}
static inline uint32_t bf16_tiled(uint32_t k)
{
	return align_up_u32(k, 32);
}
static inline size_t bf16_panel_bytes(uint32_t k)
{
	return BF16_PANEL * (sizeof(float) + (size_t)bf16_tiled(k) * sizeof(uint16_t));
}
static inline size_t bf16_dense_scratch_bytes(uint32_t k)
{
	const size_t floats = bf16_padded(k) * sizeof(float);
	const size_t tiled = bf16_tiled(k) * sizeof(uint16_t);

	return floats > tiled ? floats : tiled;
}
size_t bf16_dense_packed_bytes(uint32_t k, uint32_t n);
// w [k][n], rounded where it is not bfloat16; b [n] or NULL.
void bf16_dense_pack(void *packed, const float *w, const float *b, uint32_t k, uint32_t n);

#define BF16_DENSE_LIST(X)                                                                         \
	X(bf16_dense_1x1__scalar, ISA_SCALAR)                                                      \
	X86(X(bf16_dense_3x16__avx2, ISA_AVX2) X(bf16_dense_5x32__avx512, ISA_AVX512)              \
			X(bf16_dense_5x32__avx512bf16, ISA_AVX512 | ISA_BF16) X(                   \
				bf16_dense_32x64__amxbf16, ISA_AVX512 | ISA_BF16 | ISA_AMX_BF16))  \
	ARM(X(bf16_dense_3x16__neon, ISA_NEON))
#define X(name, isa) bf16_dense_fn name;
BF16_DENSE_LIST(X)
#undef X
KERNEL_FAMILY(bf16_dense, BF16_DENSE)
