// SPDX-License-Identifier: BSD-3-Clause
// int8 dense layers: y[M,N] = requantise(x[M,K] * W[K,N] + b[N]), x u8 or i8, W i8, sums in 32 bits
// that wrap. One formula in all variants, in this order and in float32, so that they agree bit by
// bit with each other and with QLinearMatMul of the general path (and with ONNX Runtime's MLAS):
//	v = (float)sum * multiplier[n]
//	f32:     y = v
//	u8, i8:  y = (int)roundeven(min(max(v, low - zero), high - zero)) + zero
// where max(v, l) is v > l ? v : l and min(v, h) is v < h ? v : h, so that NaN becomes low. An
// activation that cuts (Relu) is in low and high. Contract as kernels.h says.
#pragma once

#include "infer/graph.h"
#include "infer/kernels/kernels.h"

struct qdense {
	const void *packed; // by qdense_pack(), KERNEL_ALIGN-aligned
	uint32_t k, n;      // >= 1
	bool x_signed;
	enum dtype to; // F32, U8, I8
	int32_t zero, low, high;
};

struct qdense_kernel {
	const char *name;
	unsigned isa;
	// x rows are k bytes, y rows n values, both without gaps.
	void (*run)(const struct qdense *dense, uint32_t m, const uint8_t *x, void *y);
};

// One packing for all: of each 16 columns i32 bias[16], f32 multiplier[16], i8 [k/4][16][4], what
// is beyond k and n is 0. Signed rows are read as x + 128, the bias pays for it.
#define QDENSE_PANEL 16
static inline size_t qdense_panel_bytes(uint32_t k)
{
	return QDENSE_PANEL * 8 + (size_t)(k + 3) / 4 * QDENSE_PANEL * 4;
}
size_t qdense_packed_bytes(uint32_t k, uint32_t n);
// w [k][n], b [n] or NULL, multiplier [n].
void qdense_pack(const struct qdense *dense, void *packed, const int8_t *w, const int32_t *b,
	const float *multiplier);

#define QDENSE_LIST(X)                                                                             \
	X(q8_dense_1x16__scalar, ISA_SCALAR)                                                       \
	X86(X(q8_dense_2x16__avx2, ISA_AVX2) X(q8_dense_6x16__avxvnni, ISA_AVX2 | ISA_AVXVNNI)     \
			X(q8_dense_6x64__avx512vnni, ISA_AVX512 | ISA_VNNI))
#define X(name, isa) void name(const struct qdense *dense, uint32_t m, const uint8_t *x, void *y);
QDENSE_LIST(X)
#undef X
extern const struct qdense_kernel QDENSE_KERNELS[];
extern const uint32_t QDENSE_KERNELS_COUNT;
const struct qdense_kernel *qdense_pick(unsigned isa_mask); // the last one allowed, never NULL

// y[i] = saturate(roundeven(x[i] / scale) + zero), NaN becomes 0: QuantizeLinear by one scale, to
// u8 or i8. The quotient is the division's, bit by bit.
struct quantise {
	float scale;
	int32_t zero;
	bool is_signed;
};
#define QUANTISE_LIST(X)                                                                           \
	X(f32_quantise__scalar, ISA_SCALAR)                                                        \
	X86(X(f32_quantise__avx2, ISA_AVX2) X(f32_quantise__avx512, ISA_AVX512))
struct quantise_kernel {
	const char *name;
	unsigned isa;
	void (*run)(const struct quantise *quantise, size_t count, const float *x, uint8_t *y);
};
#define X(name, isa)                                                                               \
	void name(const struct quantise *quantise, size_t count, const float *x, uint8_t *y);
QUANTISE_LIST(X)
#undef X
extern const struct quantise_kernel QUANTISE_KERNELS[];
extern const uint32_t QUANTISE_KERNELS_COUNT;
const struct quantise_kernel *quantise_pick(unsigned isa_mask);
