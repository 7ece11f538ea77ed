// SPDX-License-Identifier: BSD-3-Clause
// Dense layers: y[M,N] = act(x[M,K] * W[K,N] + b[N]). The contract is kernels.h's.
//
// OpenBLAS is the benches' peer and no kernel here. Debian's serial build (0.3.21) searches its
// pool of buffers after it has let go of the pool's lock, and two threads that multiply at once can
// get the same buffer: of products of 16x512x512 in two to four threads up to 45 in 100 came out
// wrong. It also maps memory in the midst of a product. These kernels are as fast or faster at
// every size that tests/bench/bench_dense.c measures (AVX2 at 1024x1024: within 4 %).
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"

struct dense {
	const void *packed; // by the same kernel's pack(), KERNEL_ALIGN-aligned
	uint32_t k, n;      // k >= 1, n >= 1
	struct act act;
};

struct dense_kernel {
	const char *name;   // "f32_dense_14x32__avx512"
	unsigned isa;       // bits it needs
	uint32_t tile_rows; // rows taken at once; 1: made for batch 1
	size_t (*packed_bytes)(uint32_t k, uint32_t n);
	// w [k][n], b [n] or NULL for none. All packed_bytes() are written.
	void (*pack)(void *packed, const float *w, const float *b, uint32_t k, uint32_t n);
	// Any m. x rows are ldx >= k floats apart, y rows ldy >= n. Bytes between rows are not
	// touched.
	void (*run)(const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y,
		size_t ldy);
};

// X(name, isa, tile_rows, packing): functions `name` and `packing`_bytes, `packing`_pack.
#define DENSE_LIST(X)                                                                              \
	X(f32_dense_1x1__scalar, ISA_SCALAR, 1, dense_plain)                                       \
	X86(DENSE_LIST_X86(X))                                                                     \
	ARM(X(f32_dense_1x32__neon, ISA_NEON, 1, dense_panel16)                                    \
			X(f32_dense_6x16__neon, ISA_NEON, 6, dense_panel16))
#define DENSE_LIST_X86(X)                                                                          \
	X(f32_dense_1x64__avx2, ISA_AVX2, 1, dense_panel16)                                        \
	X(f32_dense_6x16__avx2, ISA_AVX2, 6, dense_panel16)                                        \
	X(f32_dense_1x64k2__avx512, ISA_AVX512, 1, dense_panel64k2)                                \
	X(f32_dense_1x64__avx512, ISA_AVX512, 1, dense_panel64)                                    \
	X(f32_dense_14x16k2__avx512, ISA_AVX512, 14, dense_panel16k2)                              \
	X(f32_dense_6x64__avx512, ISA_AVX512, 6, dense_panel16)                                    \
	X(f32_dense_8x48__avx512, ISA_AVX512, 8, dense_panel16)                                    \
	X(f32_dense_14x32__avx512, ISA_AVX512, 14, dense_panel16)

#define X(name, isa, tile_rows, packing)                                                           \
	void name(const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y,     \
		size_t ldy);
DENSE_LIST(X)
#undef X

#define X(packing)                                                                                 \
	size_t packing##_bytes(uint32_t k, uint32_t n);                                            \
	void packing##_pack(void *packed, const float *w, const float *b, uint32_t k, uint32_t n);
X(dense_plain)     // [1 + k][n]: the bias, then the weights as they are
X(dense_panel16)   // [panels][1 + k][16]: 16 columns of the bias, then of each row of the weights
X(dense_panel64)   // [panels][1 + k][64]; the last panel as many as there are, by 16
X(dense_panel16k2) // dense_pack.c tells: two rows of the weights interleaved in a vector
X(dense_panel64k2) // the same, by 64 columns
#undef X

// Kernels of the same order add up in the same order, by fused products: a row has the same bits by
// either, in batches of any size. On AVX2 and on NEON all have the same.
unsigned dense_order(const struct dense_kernel *kernel);

extern const struct dense_kernel DENSE_KERNELS[];
extern const struct kernel_table DENSE_TABLE;
// The choice without timing, for batches of about m rows. Never NULL.
const struct dense_kernel *dense_pick(unsigned isa_mask, uint32_t m, uint32_t k, uint32_t n);
