// SPDX-License-Identifier: BSD-3-Clause
// int8 dense layers: y[M,N] = requantise(x[M,K] * W[K,N] + b[N]), x u8 or i8, W i8, sums in 32 bits
// that wrap. One formula in all variants, in this order and in float32, so that they agree bit by
// bit with each other and with the plain form of QLinearMatMul (and with ONNX Runtime's MLAS):
//	v = (float)sum * multiplier[n]
//	f32:     y = v
//	u8, i8:  y = (int)roundeven(min(max(v, low - zero), high - zero)) + zero
// where max(v, l) is v > l ? v : l and min(v, h) is v < h ? v : h, so that NaN becomes low. An
// activation that bounds its values (Relu) is in low and high. With i32, y is the sum. The contract
// is kernels.h's; for rows that each have their own scale see struct qdense_epilogue.
#pragma once

#include "base/align.h"
#include "infer/graph/graph.h"
#include "infer/kernels/kernels.h"

#include <stdint.h>

struct qdense {
	const void *packed; // by qdense_pack(), KERNEL_ALIGN-aligned
	uint32_t k, n;      // >= 1
	bool x_signed;
	enum dtype to; // F32, U8, I8, I32
	int32_t zero, low, high;
	const struct qdense_epilogue *epilogue; // NULL, or what happens to sums that become F32
};

// The epilogue for rows that were quantised dynamically, each with a scale of its own. In this
// order and in float32, as the operators between MatMulInteger and the activation compute it:
//	sum = sum(x W) - zero * zero_sums[n] - sum(x) * w_zeros[n]
//	v = (float)sum * (scale * multiplier[n]) + bias[n]
//	y = min(high, max(low, v)), where NaN stays NaN
struct qdense_epilogue {
	// [qdense_padded(n)], aligned as floats are. zero_sums: of each column of W, less k times
	// its zero point where that is not in W; w_zeros: such zero points, or NULL.
	const int32_t *zero_sums, *w_zeros;
	const float *bias;
	float low, high; // -INFINITY and INFINITY: no activation
};
// How the rows of a call stand for floats: x = (q - zero) * scale.
struct qdense_rows {
	const float *scale;
	const uint8_t *zero;            // int8 where the rows are; NULL: 0
	uint32_t scale_step, zero_step; // 1: each row has its own; 0: all have the same
};

// x rows are k bytes, y rows n values, both without gaps. `rows` is looked at where there is an
// epilogue.
typedef void qdense_fn(const struct qdense *dense, uint32_t m, const uint8_t *x,
	const struct qdense_rows *rows, void *y);
// One packing for all variants: for each 16 columns i32 bias[16], f32 multiplier[16], i8
// [k/4][16][4]. Values beyond n, and beyond k up to a multiple of the 64 inputs of a tile of AMX,
// are 0. Signed rows are read as x + 128, which the bias makes up for. Behind the panels stands a
// byte for each: 1 where sums of four products of its columns fit in 16 bits (qdense_words_load()).
#define QDENSE_PANEL 16
static inline uint32_t qdense_tiled(uint32_t k)
{
	return align_up_u32(k, 64);
}
static inline uint32_t qdense_padded(uint32_t n)
{
	return align_up_u32(n, QDENSE_PANEL);
}
static inline size_t qdense_panel_bytes(uint32_t k)
{
	return QDENSE_PANEL * 8 + (size_t)qdense_tiled(k) * QDENSE_PANEL;
}
static inline uint32_t qdense_panels(const struct qdense *dense)
{
	return (dense->n + QDENSE_PANEL - 1) / QDENSE_PANEL;
}
static inline size_t qdense_y_bytes(const struct qdense *dense) // of one value
{
	return dense->to == DTYPE_U8 || dense->to == DTYPE_I8 ? 1 : 4;
}
static inline const uint8_t *qdense_fits(const struct qdense *dense) // [qdense_panels()]
{
	return (const uint8_t *)dense->packed + qdense_panels(dense) * qdense_panel_bytes(dense->k);
}
// The instructions of AVX2 that multiply bytes add neighbours in 16 bits, and saturate. Of each 8 weights
// of a column, as they are packed, those at 0, 1, 4, 5 and those at 2, 3, 6, 7 are added: the largest
// magnitude of what the positive or the negative ones among such four sum up to. w: [k] of one column, `stride`
// apart. Up to QDENSE_WORDS_MAX four products fit, whatever the inputs are.
#define QDENSE_WORDS_MAX (INT16_MAX / UINT8_MAX)
int32_t qdense_words_load(const int8_t *w, uint32_t k, size_t stride);
size_t qdense_packed_bytes(uint32_t k, uint32_t n);
// w [k][n], b [n] or NULL, multiplier [n] or NULL where sums come out.
void qdense_pack(const struct qdense *dense, void *packed, const int8_t *w, const int32_t *b,
	const float *multiplier);

#define QDENSE_LIST(X)                                                                             \
	X(q8_dense_1x16__scalar, ISA_SCALAR)                                                       \
	X86(X(q8_dense_2x16__avx2, ISA_AVX2) X(q8_dense_6x16__avxvnni, ISA_AVX2 | ISA_AVXVNNI)     \
			X(q8_dense_6x64__avx512vnni, ISA_AVX512 | ISA_VNNI)                        \
				X(q8_dense_32x64__amxint8, ISA_AVX512 | ISA_VNNI | ISA_AMX_INT8))  \
	ARM(X(q8_dense_2x16__neon, ISA_NEON))
#define X(name, isa) qdense_fn name;
QDENSE_LIST(X)
#undef X
KERNEL_FAMILY(qdense, QDENSE)
